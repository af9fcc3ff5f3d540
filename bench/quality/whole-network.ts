/** @file All block-internal groups of ResNet-56 ranked in one go: how long it takes, and how well each group agrees with a long run. */
import type { ChannelAnalysis } from "../../src/channels/groups.ts";
import { mean } from "../../src/math/sums.ts";
import { spearman } from "../../src/metrics/index.ts";
import type { RankContext } from "../../src/pipeline/rank-context.ts";
import { rankGroups } from "../../src/pipeline/rank-groups.ts";
import type { GroupScores } from "../../src/report/records.ts";
import { networkGame } from "../../src/valuation/network-game.ts";
import { type Runner, startRunner } from "../../src/valuation/runner.ts";
import { preparePayoff } from "../../src/valuation/targets.ts";
import { cifar, type NetworkSettings, openNetwork } from "../networks.ts";
import { atLeast, atMost, type Benchmark, type Findings } from "../record.ts";
import { referenceValues } from "./references.ts";

const workers = 2;
const examples = 1000;
/** Rows of the long run, for each channel. */
const referenceRows = 2400;
const seconds = 285;
const wanted = 0.9;
/** Agreement to expect at which a group is left alone: most groups are to be above `wanted`, not half of them. */
const settleOrder = 0.95;

export const wholeNetwork: Benchmark = {
  title: "All 27 groups inside the blocks of ResNet-56 at once",
  how: `${examples.toLocaleString("en")} images, payoff cross-entropy, ${workers} threads: estimator shrinkage with --allocate open, --settle-order ${settleOrder} and --budget ${seconds}s, activations included. Correlation: Spearman, group by group, with a run of stratified with another seed and ${referenceRows.toLocaleString("en")} rows a channel. The permutation run beside it has the same time, one group after the other.`,
  minutes: 60,
  async run() {
    const settings = cifar("resnet56-cifar10", examples);
    if (typeof settings === "string") return { skipped: settings };
    const runner = await startRunner({ workers });
    try {
      return await measure(settings, runner);
    } finally {
      await runner.close();
    }
  },
};

async function measure(settings: NetworkSettings, runner: Runner): Promise<Findings> {
  const { analysis, dataset } = await openNetwork(settings);
  const payoff = await preparePayoff(analysis, dataset, runner);
  const groups = insideBlocks(analysis);
  const references = new Map<string, Float64Array>();
  for (const group of groups) {
    const { id, channels } = analysis.groups[group]!;
    const game = await networkGame({
      analysis,
      groups: [group],
      dataset,
      payoff,
      runner,
      gradients: "welcome",
    });
    const rows = referenceRows * channels;
    references.set(id, await referenceValues(game, { settings, group: id, rows, estimator: "stratified" }));
    await game.close();
  }
  const base = { criterion: "shapley", seed: 1, budget: { seconds } } as const;
  const context = { analysis, groups, data: { dataset, payoff, runner } };
  const open = await timed({
    ...context,
    settings: { ...base, estimator: "shrinkage", allocation: "open", settleOrder },
  });
  const even = await timed({ ...context, settings: { ...base, estimator: "permutation" } });
  const rows = [
    summary("shrinkage, open, by order", open, references),
    summary("permutation", even, references),
  ];
  const lowest = Math.min(...agreements(open.scores, references));
  return {
    rows,
    claims: [
      atMost("minutes for all groups", 5, open.seconds / 60),
      atLeast("lowest rank correlation of a group", wanted, lowest),
    ],
  };
}

function insideBlocks({ groups }: ChannelAnalysis): number[] {
  return groups.flatMap(({ id }, k) => (/^layer\d\.\d\.conv1$/.test(id) ? [k] : []));
}

interface Timed {
  readonly seconds: number;
  readonly scores: readonly GroupScores[];
}

async function timed(context: RankContext): Promise<Timed> {
  const started = performance.now();
  const events = rankGroups(context);
  for (;;) {
    const { done, value } = await events.next();
    if (done === true) return { seconds: (performance.now() - started) / 1000, scores: value };
  }
}

function agreements(scores: readonly GroupScores[], references: ReadonlyMap<string, Float64Array>): number[] {
  return scores.map(({ id, values }) => spearman(values, references.get(id)!));
}

function summary(
  method: string,
  { seconds: spent, scores }: Timed,
  references: ReadonlyMap<string, Float64Array>,
): Findings["rows"][number] {
  const found = agreements(scores, references);
  const stages = [1, 2, 3].map((stage) => found.filter((_, k) => scores[k]!.id.startsWith(`layer${stage}.`)));
  return {
    method,
    minutes: (spent / 60).toFixed(1),
    rows: scores.reduce((sum, { rows }) => sum + rows, 0),
    "lowest correlation": Math.min(...found).toFixed(3),
    ...Object.fromEntries(stages.map((own, k) => [`stage ${k + 1}, mean`, mean(own).toFixed(3)])),
    [`groups at ${wanted}`]: found.filter((one) => one >= wanted).length,
  };
}
