/** @file Writes docs/architectures.md from the bundled model, those found beside the repository and those the tests build: `npm run architectures`. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { architectures } from "../test/helpers/architectures/index.ts";
import { architecturePage, type PageModel } from "./architecture-page.ts";

const root = join(import.meta.dirname, "..");
const optional = join(root, "../shared/models");

const bundled = { name: "lenet5-mnist (bundled)", path: join(root, "assets/lenet5-mnist.onnx") };
const models = [bundled, ...optionalModels()];
if (models.length === 1)
  console.log("no models beside the repository: the page tells of the bundled one alone");
const page = join(root, "docs/architectures.md");
writeFileSync(page, await architecturePage(models, architectures));
console.log(`docs/architectures.md: ${models.length} models read`);

function optionalModels(): PageModel[] {
  if (!existsSync(optional)) return [];
  return readdirSync(optional, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".onnx"))
    .sort()
    .map((file) => ({ name: file.slice(0, -".onnx".length), path: join(optional, file) }));
}
