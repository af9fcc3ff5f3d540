/** @file Latency of architectures after a random half of their channels is gone, and what did not get faster. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Budget } from "../../src/budget/budget.ts";
import { chooseChannels } from "../../src/budget/choose.ts";
import { costModelOf, fullCost } from "../../src/channels/cost.ts";
import { analyzeChannels, type ChannelAnalysis } from "../../src/channels/groups.ts";
import { criteria, scoreGroups } from "../../src/criteria/index.ts";
import { latencies } from "../../src/evaluation/latency.ts";
import { layerTimes } from "../../src/evaluation/layer-times.ts";
import { readModelFile } from "../../src/onnx/read.ts";
import { openBatch } from "../../src/passes/open-batch.ts";
import { randomFeeds } from "../../src/pipeline/random-feeds.ts";
import { slowLayers } from "../../src/report/layer-times.ts";
import { sliceModel } from "../../src/surgery/slice.ts";
import { atMost, type Benchmark, type Findings } from "../record.ts";

/** Real exports beside the repository. */
const folder = join(import.meta.dirname, "../../../shared/models/zoo");
const batches = [1, 32];
const runs = 100;
const lane = 8;

export const zooLatency: Benchmark = {
  title: "Latency after a random half of the channels is gone",
  minutes: 6,
  how: `Every model of the zoo as it was exported, with half of the channels of each group removed at random (seed 0), once freely and once in multiples of ${lane} (--round-to ${lane}); the three take turns, ${runs} runs each on one thread, in batches of ${batches.join(" and ")}. Ratios are of medians, after / before. Where a batch did not get faster, the layers that did not either under the profiler of the runtime, longest first.`,
  async run() {
    const names = zooNames();
    if (names.length === 0) return { skipped: "Skipped: no shared/models/zoo beside the repository." };
    const rows: Findings["rows"][number][] = [];
    const worst: number[] = [];
    for (const name of names) {
      const { row, ratios } = await timeOne(name);
      rows.push(row);
      worst.push(Math.max(...ratios));
    }
    return {
      rows,
      claims: [atMost("slowest ratio of any model and batch, free counts:", 1, Math.max(...worst))],
    };
  },
};

function zooNames(): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".onnx"));
  } catch {
    return [];
  }
}

async function timeOne(
  name: string,
): Promise<{ readonly row: Findings["rows"][number]; readonly ratios: readonly number[] }> {
  const whole = analyzeChannels(openBatch(await readModelFile(join(folder, name))));
  const [half, rounded] = [await cutHalf(whole), await cutHalf(whole, lane)];
  const feeds = (batch: number) => randomFeeds(whole, batch);
  const timed = await latencies(
    [whole, half, rounded].map(({ model }) => model),
    feeds,
    { batches, threads: 1, runs },
  );
  const ratios = (contender: number) =>
    timed.map(({ models }) => models[contender]!.medianMs / models[0]!.medianMs);
  const slow = timed.findLast(({ models }) => models[1]!.medianMs >= models[0]!.medianMs);
  const macs = (one: ChannelAnalysis) => fullCost(costModelOf(one)).macs;
  return {
    ratios: ratios(1),
    row: {
      model: name.replace(".onnx", ""),
      "ms before": timed.map(({ models }) => models[0]!.medianMs.toFixed(2)).join(" / "),
      "MACs left": `${((100 * macs(half)) / macs(whole)).toFixed(0)}%`,
      "latency left": shares(ratios(1)),
      [`MACs left, round to ${lane}`]: `${((100 * macs(rounded)) / macs(whole)).toFixed(0)}%`,
      [`latency left, round to ${lane}`]: shares(ratios(2)),
      "did not get faster": slow === undefined ? "" : await slowest(whole, half, feeds, slow.batch),
    },
  };
}

function shares(ratios: readonly number[]): string {
  return ratios.map((ratio) => `${(100 * ratio).toFixed(0)}%`).join(" / ");
}

/** Half of every group, chosen at random. */
async function cutHalf(analysis: ChannelAnalysis, roundTo?: number): Promise<ChannelAnalysis> {
  const groups = analysis.groups.flatMap(({ locked }, group) => (locked ? [] : [group]));
  const scores = await scoreGroups(criteria.random, { analysis, groups, seed: 0 });
  const budget: Budget = { keep: 0.5, scope: "group", roundTo };
  const { masks } = chooseChannels({ analysis, costModel: costModelOf(analysis), scores, budget });
  return analyzeChannels(sliceModel(analysis, masks));
}

/** The three longest layers that did not get faster, with the reason. */
async function slowest(
  before: ChannelAnalysis,
  after: ChannelAnalysis,
  feeds: (batch: number) => ReturnType<typeof randomFeeds>,
  batch: number,
): Promise<string> {
  const times = await layerTimes(before, after, feeds(batch), { batch, threads: 1 });
  const named = slowLayers(times)
    .slice(0, 3)
    .map(
      ({ layer, ms, reason }) => `${layer} ${ms.before.toFixed(3)} → ${ms.after.toFixed(3)} ms: ${reason}`,
    );
  return `batch ${batch}: ${named.join("; ")}`;
}
