/**
 * @file Runs benchmarks, prints a table for each and keeps the figures in bench/results/latest.json.
 * `npm run bench` runs the quick ones, a few minutes; `npm run bench -- full` all of them; `npm run bench -- rank-agreement
 * read-write` some. What is not run keeps its older figures. `npm run bench -- page` runs nothing and writes
 * docs/performance.md and its pictures from what is there; `npm run bench -- list` tells what there is. `npm run bench --
 * smoke` runs some once and keeps nothing: whether benchmarks still run.
 */
import { join } from "node:path";
import { benchmarks, chosen, listing, smoke } from "./benchmarks.ts";
import { type Results, readResults, writePage, writeResults } from "./page.ts";
import { printFindings } from "./print.ts";
import { circumstances } from "./record.ts";
import { measureOnce } from "./statistics.ts";

const folder = join(import.meta.dirname, "results");
const words = process.argv.slice(2);
if (words.join() === "page") {
  await writePage(await readResults(folder), benchmarks, join(import.meta.dirname, "../docs"));
  process.exit();
}
if (words.join() === "list") {
  console.log(listing());
  process.exit();
}
const isSmoke = words.join() === "smoke";
if (isSmoke) measureOnce();
const { names, unknown } = isSmoke ? { names: smoke, unknown: [] } : chosen(words);
if (unknown.length > 0) {
  console.error(`No benchmark ${unknown.join(", ")}. There are:\n${listing()}`);
  process.exit(2);
}

const where = circumstances();
console.log(
  Object.entries(where)
    .map(([what, value]) => `${what}: ${value}`)
    .join("\n"),
);
for (const name of names) {
  const benchmark = benchmarks[name]!;
  console.log(`\n${benchmark.title} (${name}, about ${benchmark.minutes} minutes)\n${benchmark.how}`);
  const started = performance.now();
  const findings = await benchmark.run();
  const minutes = Number(((performance.now() - started) / 60_000).toPrecision(2));
  if ("skipped" in findings) console.log(findings.skipped);
  else printFindings(findings);
  console.log(`${minutes} minutes`);
  if (isSmoke) continue;
  const results: Results = { ...(await readResults(folder)), [name]: { where, minutes, ...findings } };
  await writeResults(folder, results);
}
