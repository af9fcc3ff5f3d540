/**
 * @file Checks the order of imports in src/: a folder imports only from itself and from folders above it in
 * import-order.json, and no files import each other in a circle. `import type` counts; src/index.ts may import
 * everything, and tests may too. Usage: `npx tsx scripts/check-imports.ts [folder]`.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { findProblems } from "./import-rules.ts";
import { readSources } from "./read-sources.ts";

export async function check(root: string): Promise<number> {
  const order = JSON.parse(
    await readFile(join(import.meta.dirname, "import-order.json"), "utf8"),
  ) as string[];
  const sources = await readSources(join(root, "src"));
  const problems = findProblems(sources, order);
  for (const { file, imports, rule } of problems) console.error(`src/${file}: ${imports}: ${rule}`);
  console.log(
    `${sources.files.size} files in ${sources.folders.length} folders: ${problems.length} problems`,
  );
  return problems.length === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  process.exitCode = await check(process.argv[2] ?? join(import.meta.dirname, ".."));
}
