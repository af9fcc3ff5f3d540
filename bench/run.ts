/**
 * @file Runs the benchmarks, prints a table for each and keeps the figures in bench/results/latest.json:
 * `npm run bench`, or only some: `npm run bench -- rank-agreement read-write`. What is not run keeps its older figures.
 * `npm run bench -- page` runs nothing and writes docs/performance.md from what is there.
 */
import { join } from "node:path";
import { type Results, readResults, writePage, writeResults } from "./page.ts";
import { printFindings } from "./print.ts";
import { estimatorQuality } from "./quality/estimators.ts";
import { gradientControl } from "./quality/gradient-control.ts";
import { nearCutLenet, nearCutResnet } from "./quality/near-cut.ts";
import { rankAgreement } from "./quality/rank-agreement.ts";
import { sequentialLenet, sequentialResnet } from "./quality/sequential.ts";
import { torchPermutations } from "./quality/torch-permutations.ts";
import { type Benchmark, circumstances } from "./record.ts";
import { estimatorOverhead } from "./speed/estimator-overhead.ts";
import { gameAndRuntime } from "./speed/game-and-runtime.ts";
import { inspectLarge } from "./speed/inspect-large.ts";
import { inspectNodes } from "./speed/inspect-nodes.ts";
import { nearCutTime } from "./speed/near-cut-time.ts";
import { oracleTable } from "./speed/oracle-table.ts";
import { readWrite } from "./speed/read-write.ts";
import { trainingStep } from "./speed/training-step.ts";

const benchmarks: Readonly<Record<string, Benchmark>> = {
  "rank-agreement": rankAgreement,
  "torch-permutations": torchPermutations,
  "gradient-control": gradientControl,
  "estimator-quality": estimatorQuality,
  sequential: sequentialLenet,
  "sequential-resnet": sequentialResnet,
  "near-cut": nearCutLenet,
  "near-cut-resnet": nearCutResnet,
  "near-cut-time": nearCutTime,
  "game-and-runtime": gameAndRuntime,
  "inspect-large": inspectLarge,
  "inspect-nodes": inspectNodes,
  "read-write": readWrite,
  "estimator-overhead": estimatorOverhead,
  "oracle-table": oracleTable,
  "training-step": trainingStep,
};

const folder = join(import.meta.dirname, "results");
const wanted = process.argv.slice(2);
if (wanted.join() === "page") {
  await writePage(await readResults(folder), benchmarks, join(import.meta.dirname, "../docs/performance.md"));
  process.exit();
}
const unknown = wanted.filter((name) => !(name in benchmarks));
if (unknown.length > 0) {
  console.error(
    `No benchmark ${unknown.join(", ")}. There are: page, ${Object.keys(benchmarks).join(", ")}.`,
  );
  process.exit(2);
}

const where = circumstances();
console.log(
  Object.entries(where)
    .map(([what, value]) => `${what}: ${value}`)
    .join("\n"),
);
for (const [name, benchmark] of Object.entries(benchmarks)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n${benchmark.title} (${name})\n${benchmark.how}`);
  const findings = await benchmark.run();
  if ("skipped" in findings) console.log(findings.skipped);
  else printFindings(findings);
  const results: Results = { ...(await readResults(folder)), [name]: { where, ...findings } };
  await writeResults(folder, results);
}
