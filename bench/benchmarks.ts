/** @file Every benchmark by its name, and which of them run when none is named. */
import { estimatorQuality } from "./quality/estimators.ts";
import { fewerRows } from "./quality/fewer-rows.ts";
import { nearCutLenet, nearCutResnet } from "./quality/near-cut.ts";
import { rankAgreement } from "./quality/rank-agreement.ts";
import { rankCurves, rankCurvesResnet } from "./quality/rank-curves.ts";
import { sequentialLenet, sequentialResnet } from "./quality/sequential.ts";
import { torchPermutations } from "./quality/torch-permutations.ts";
import { wholeNetwork } from "./quality/whole-network.ts";
import type { Benchmark } from "./record.ts";
import { coldStart } from "./speed/cold-start.ts";
import { estimatorOverhead } from "./speed/estimator-overhead.ts";
import { gameAndRuntime } from "./speed/game-and-runtime.ts";
import { halfActivations } from "./speed/half-activations.ts";
import { inspectLarge } from "./speed/inspect-large.ts";
import { inspectNodes } from "./speed/inspect-nodes.ts";
import { memory } from "./speed/memory.ts";
import { nearCutTime } from "./speed/near-cut-time.ts";
import { oracleTable } from "./speed/oracle-table.ts";
import { readWrite } from "./speed/read-write.ts";
import { scaling } from "./speed/scaling.ts";
import { storedData } from "./speed/stored-data.ts";
import { trainingStep } from "./speed/training-step.ts";
import { zooLatency } from "./speed/zoo-latency.ts";

/** A few minutes in all. */
const quick: Readonly<Record<string, Benchmark>> = {
  "cold-start": coldStart,
  "game-and-runtime": gameAndRuntime,
  scaling,
  "rank-agreement": rankAgreement,
  "rank-curves": rankCurves,
  "estimator-overhead": estimatorOverhead,
  "inspect-nodes": inspectNodes,
  "inspect-large": inspectLarge,
  "read-write": readWrite,
};

const longer: Readonly<Record<string, Benchmark>> = {
  "rank-curves-resnet": rankCurvesResnet,
  "torch-permutations": torchPermutations,
  "whole-network": wholeNetwork,
  "fewer-rows": fewerRows,
  "estimator-quality": estimatorQuality,
  sequential: sequentialLenet,
  "sequential-resnet": sequentialResnet,
  "near-cut": nearCutLenet,
  "near-cut-resnet": nearCutResnet,
  "near-cut-time": nearCutTime,
  "oracle-table": oracleTable,
  memory,
  "stored-data": storedData,
  "half-activations": halfActivations,
  "training-step": trainingStep,
  "zoo-latency": zooLatency,
};

/** In the order of the page. */
export const benchmarks: Readonly<Record<string, Benchmark>> = { ...quick, ...longer };

/** Benchmarks of which something can be run anywhere in seconds, measured once: those that are closest to how the product works inside. */
export const smoke: readonly string[] = [
  "game-and-runtime",
  "scaling",
  "rank-agreement",
  "estimator-overhead",
  "read-write",
  "inspect-large",
];

/** What an invocation means: names, "full" for all, nothing for the quick ones. */
export function chosen(words: readonly string[]): { names: string[]; unknown: string[] } {
  if (words.length === 0) return { names: Object.keys(quick), unknown: [] };
  if (words.join() === "full") return { names: Object.keys(benchmarks), unknown: [] };
  const isKnown = (name: string) => name in benchmarks;
  return { names: words.filter(isKnown), unknown: words.filter((name) => !isKnown(name)) };
}

/** One line per benchmark: name, minutes, whether it is quick, and what it measures. */
export function listing(): string {
  const lines = Object.entries(benchmarks).map(
    ([name, { minutes, title }]) =>
      `${name.padEnd(20)} ${`${minutes} min`.padStart(8)}  ${name in quick ? "quick" : "full "}  ${title}`,
  );
  const total = (some: readonly Benchmark[]) => some.reduce((sum, { minutes }) => sum + minutes, 0);
  const sums = [
    `npm run bench: about ${Math.round(total(Object.values(quick)))} minutes`,
    `npm run bench -- full: about ${Math.round(total(Object.values(benchmarks)))} minutes`,
  ];
  return [...lines, ...sums].join("\n");
}
