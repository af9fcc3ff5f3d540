/** @file Oracle sets of LeNet-5's convolutions, and every ranking of section 4 of the paper judged by them. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { type CriterionName, criteria } from "../../src/criteria/index.ts";
import { type EstimatorName, type EstimatorOptions, estimators } from "../../src/estimators/index.ts";
import { mean, sum } from "../../src/math/sums.ts";
import { type CoalitionTable, estimateFrom, judge, oracleSets, randomScore } from "../../src/oracle/index.ts";
import { loadModel, runnable } from "../../src/pipeline/load-model.ts";
import { type GroupSetting, runtimeText, tableOf, wholeGameOf } from "../../src/pipeline/oracle-table.ts";
import { rankGroups } from "../../src/pipeline/rank-groups.ts";
import { openFor, startRuntime } from "../../src/pipeline/settings.ts";
import { prepareGradientPayoff, preparePayoff } from "../../src/valuation/targets.ts";
import { mnistFiles } from "../places.ts";
import { type Check, type Study, type StudyTable, spread } from "../study.ts";
import type { Workshop } from "../workshop.ts";
import { trainedLenet } from "./trained-lenet.ts";

const seeds = [0, 1, 2, 3, 4];
const depth = 5;

/** The layers, and examples a coalition is judged on: few where there are a million coalitions. */
const layers = [
  { group: "c1", channels: 10, examples: 1000 },
  { group: "c3", channels: 20, examples: 200 },
] as const;

type Layer = (typeof layers)[number];

/** What a coalition is worth: what the program takes unless told otherwise, and what the paper takes. */
const payoffs = ["cross-entropy", "accuracy"] as const;

type Kind = (typeof payoffs)[number];

/** A ranking by an estimator on the table, or by a criterion on the network. */
type Contender =
  | {
      readonly title: string;
      readonly estimator: EstimatorName;
      readonly coalitions?: (players: number) => number;
      readonly partial?: EstimatorOptions["partial"];
    }
  | { readonly title: string; readonly criterion: CriterionName };

const contenders: readonly Contender[] = [
  { title: "exact Shapley values", estimator: "exact" },
  { title: "leave-one-out", estimator: "leave-one-out" },
  ...partials("removal", [1, 2, 3]),
  ...partials("addition", [1, 2, 3]),
  ...[5, 30, 100].map((orders) => ({
    title: `permutations, ${orders}`,
    estimator: "permutation-whole" as const,
    coalitions: (players: number) => orders * (players + 1),
  })),
  ...sampled("kernel-shap", "KernelSHAP"),
  ...sampled("ols-uniform", "least squares on uniform sizes"),
  { title: "L1 norm", criterion: "l1" },
  { title: "Taylor", criterion: "taylor" },
  { title: "random", criterion: "random" },
];

function partials(side: "removal" | "addition", limits: readonly number[]): Contender[] {
  return limits.map((limit) => ({
    title: `partial, ${side} up to ${limit}`,
    estimator: "partial",
    partial: { limit, side },
  }));
}

function sampled(estimator: EstimatorName, title: string): Contender[] {
  return [30, 100, 1000].map((coalitions) => ({
    title: `${title}, ${coalitions} coalitions`,
    estimator,
    coalitions: () => coalitions,
  }));
}

interface Judged {
  readonly title: string;
  readonly add: number;
  readonly remove: number;
  readonly spearman: number | null;
  /** Coalitions looked at; null for criteria that play no game. */
  readonly coalitions: number | null;
}

interface TableFindings {
  /** Sum of the exact values less v(all) - v(none). */
  readonly efficiencyError: number;
  /** Sets as good as the best to remove, that one included, on average over sizes 1 to `depth`. */
  readonly equalSets: number;
  readonly judged: readonly Judged[];
}

export const oracleStudy: Study = {
  title: "Oracle sets and the rankings they judge",
  plan: `Trains a LeNet-5 (seed 0) unless it is there, tries all 2^10 and 2^20 coalitions of its convolutions for ${seeds.length} draws of examples and two payoffs, and judges ${contenders.length} rankings by the best sets of sizes 1 to ${depth}.`,
  minutes: 25,
  needs: mnistFiles,
  async run(workshop) {
    const { path } = await trainedLenet(workshop, 0);
    const tables: StudyTable[] = [];
    const checks: Check[] = [];
    const coarse: string[] = [];
    for (const kind of payoffs) {
      for (const layer of layers) {
        const found: TableFindings[] = [];
        for (const seed of seeds) found.push(await oneTable(workshop, path, layer, kind, seed));
        tables.push(tableFor(layer, kind, found));
        checks.push(...checksOf(layer, kind, found));
        if (kind === "accuracy") {
          const { add, remove } = timesRandom(layer, found);
          coarse.push(`${layer.group} ${add.toFixed(2)} and ${remove.toFixed(2)}`);
        }
      }
    }
    return {
      tables,
      checks,
      remarks: [
        `Under accuracy the add and remove scores of exact values are so many times those of random rankings: ${coarse.join("; ")}.`,
        "The network is the result of `train lenet5 --seed 0`, ten epochs. The paper's payoff is accuracy. It is coarse where little is gone: many sets to remove leave every digit right, the best of them is a matter of chance, and so is an overlap with it (see the number of equally good sets). That is why the scores are held against random ones under cross-entropy. Examples are training digits, drawn anew for each seed in class proportions. KernelSHAP and least squares need some coalitions more than channels; where they are given fewer, the row has dashes.",
        "add and remove: share of places that a ranking has in common with the best sets to keep and to remove of sizes 1 to 5, 1 at the best; equal scores share their places. Spearman: rank correlation with the exact values of the same draw. Means over the draws, lowest and highest in brackets.",
      ],
    };
  },
};

async function oneTable(
  workshop: Workshop,
  path: string,
  layer: Layer,
  kind: Kind,
  seed: number,
): Promise<TableFindings> {
  const model = createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
  const data = await workshop.hashOf("train-images-idx3-ubyte");
  const makings = { model, data, layer, kind, seed, contenders: contenders.map(({ title }) => title), depth };
  const { document } = await workshop.keep(`${layer.group}-${kind}-${seed}`, makings, () =>
    findings(workshop, path, layer, kind, seed),
  );
  return document;
}

async function findings(
  workshop: Workshop,
  path: string,
  { group, examples }: Layer,
  kind: Kind,
  seed: number,
): Promise<TableFindings> {
  const model = await loadModel(path);
  const analysis = runnable(model);
  const data = workshop.place("train-images-idx3-ubyte");
  const dataset = await openFor(analysis, { path: data, pixelScale: 255, limit: examples, seed });
  const runner = await startRuntime({ workers: availableParallelism() });
  try {
    const payoff = await preparePayoff(analysis, dataset, runner, { kind });
    const index = analysis.groups.findIndex(({ id }) => id === group);
    const setting: GroupSetting = { analysis, group: index, dataset, payoff, runner };
    const game = await wholeGameOf(setting, {});
    const work = { model: model.hash, runtime: runtimeText({}), store: workshop.file("store") };
    const table = await tableOf(setting, game, work);
    return await judgeAll(setting, table, seed);
  } finally {
    await runner.close();
  }
}

async function judgeAll(setting: GroupSetting, table: CoalitionTable, seed: number): Promise<TableFindings> {
  const sets = oracleSets(table);
  const exact = (await estimateFrom(table, "exact", { seed })).values;
  const judged: Judged[] = [];
  for (const contender of contenders) {
    const ranking = await rankingOf(contender, setting, table, seed);
    if (ranking === undefined) continue;
    const { add, remove, agreement } = judge(ranking.values, table, sets, { depth, against: { exact } });
    const { title } = contender;
    judged.push({
      title,
      add,
      remove,
      spearman: agreement["exact"]!.spearman,
      coalitions: ranking.coalitions,
    });
  }
  const whole = table.values[2 ** table.players - 1]! - table.values[0]!;
  const equal = Array.from({ length: depth }, (_, k) => sets.ties[table.players - 1 - k]!);
  return { efficiencyError: sum(exact) - whole, equalSets: mean(equal), judged };
}

/** Undefined where the estimator needs more coalitions than it is given. */
async function rankingOf(
  contender: Contender,
  setting: GroupSetting,
  table: CoalitionTable,
  seed: number,
): Promise<{ readonly values: ArrayLike<number>; readonly coalitions: number | null } | undefined> {
  if ("criterion" in contender) {
    const { analysis, dataset, runner } = setting;
    const needsGradients = criteria[contender.criterion].needs === "gradients";
    const payoff = needsGradients ? await prepareGradientPayoff(analysis, dataset, runner, {}) : undefined;
    const run = rankGroups({
      analysis,
      groups: [setting.group],
      settings: { criterion: contender.criterion, estimator: "permutation", seed },
      data: { dataset, runner, payoff },
    });
    let next = await run.next();
    while (next.done !== true) next = await run.next();
    return { values: next.value[0]!.values, coalitions: null };
  }
  const { estimator, partial } = contender;
  const coalitions = contender.coalitions?.(table.players);
  if (coalitions !== undefined && coalitions < estimators[estimator].minimumBudget(table.players, 1))
    return undefined;
  const { values, rows } = await estimateFrom(table, estimator, { seed, coalitions, partial });
  return { values, coalitions: Math.round(rows / table.examples) };
}

function tableFor(
  { group, channels, examples }: Layer,
  kind: Kind,
  found: readonly TableFindings[],
): StudyTable {
  const expected = randomScore(channels, depth);
  return {
    title: `${kind}, ${group}: ${channels} channels, all ${(2 ** channels).toLocaleString("en-US")} coalitions on ${examples} examples, ${found.length} draws`,
    columns: ["ranking", "coalitions", "add", "remove", "Spearman"],
    rows: [
      ...contenders.map(({ title }) => {
        const own = found.flatMap(({ judged }) => judged.filter((one) => one.title === title));
        const rank = own.flatMap(({ spearman }) => (spearman === null ? [] : [spearman]));
        const cost = own[0]?.coalitions ?? null;
        return [
          title,
          cost,
          spread(
            own.map(({ add }) => add),
            2,
          ),
          spread(
            own.map(({ remove }) => remove),
            2,
          ),
          spread(rank, 2),
        ];
      }),
      ["random, expected", null, expected.toFixed(2), expected.toFixed(2), "0.00"],
    ],
    notes: [
      `Sets as good as the best one to remove, on average over sizes 1 to ${depth}: ${mean(found.map(({ equalSets }) => equalSets)).toFixed(0)}.`,
    ],
  };
}

function checksOf({ group, channels }: Layer, kind: Kind, found: readonly TableFindings[]): Check[] {
  const worst = Math.max(...found.map(({ efficiencyError }) => Math.abs(efficiencyError)));
  const { add, remove } = timesRandom({ channels }, found);
  const efficiency = {
    says: `${kind}, ${group}: exact values add up to v(all) - v(none) within 1e-9`,
    measured: worst.toExponential(1),
    met: worst <= 1e-9,
  };
  if (kind === "accuracy") return [efficiency];
  return [
    efficiency,
    {
      says: `${kind}, ${group}: add score of exact values at least 1.5 times that of random rankings`,
      measured: add.toFixed(2),
      met: add >= 1.5,
    },
    {
      says: `${kind}, ${group}: remove score of exact values at least 1.5 times that of random rankings`,
      measured: remove.toFixed(2),
      met: remove >= 1.5,
    },
  ];
}

/** Scores of exact values over those of random rankings, means over the draws. */
function timesRandom({ channels }: Pick<Layer, "channels">, found: readonly TableFindings[]) {
  const exact = found.map(({ judged }) => judged.find(({ title }) => title === contenders[0]!.title)!);
  const expected = randomScore(channels, depth);
  return {
    add: mean(exact.map((one) => one.add)) / expected,
    remove: mean(exact.map((one) => one.remove)) / expected,
  };
}
