/** @file The page of architectures says what inspect finds today. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { architecturePage, architectureRow, pageCommand } from "../scripts/architecture-page.ts";
import { inspectModel } from "../src/pipeline/inspect.ts";
import { loadModel } from "../src/pipeline/load-model.ts";
import { architectures } from "./helpers/architectures/index.ts";

const root = join(import.meta.dirname, "..");
const page = readFileSync(join(root, "docs/architectures.md"), "utf8");
const lenet = { name: "lenet5-mnist (bundled)", path: join(root, "assets/lenet5-mnist.onnx") };

test("the committed row of the bundled model is the one made today", async () => {
  const row = architectureRow(lenet.name, inspectModel(await loadModel(lenet.path)));
  expect(page.split("\n")).toContain(row);
  expect(row).toBe(
    '| lenet5-mnist (bundled) | 18 | 12 | 5 (1 locked) | 99.98% | `out`: it is the graph output "logits" |',
  );
});

test("every network the tests build has a row", () => {
  const names = Object.values(architectures).flatMap((own) => own.map(({ name }) => name));
  expect(names.filter((name) => !page.includes(`\n| ${name} | `))).toEqual([]);
});

test("the page names the command that makes it, and package.json knows it", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  expect(page).toContain(pageCommand);
  expect(scripts).toHaveProperty(pageCommand.replace("npm run ", ""));
});

test("a model given twice has one row, and a bar in a name stays in its cell", async () => {
  const text = await architecturePage([{ ...lenet, name: "a|b" }, lenet]);
  expect(text.split("\n").filter((line) => line.startsWith("| a\\|b | "))).toHaveLength(1);
  expect(text).not.toContain(lenet.name);
});
