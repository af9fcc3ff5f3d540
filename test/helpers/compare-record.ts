/** @file Comparisons that nobody measured, of any size, for tests of what is drawn from them. */
import type {
  ComparedGroup,
  CompareEntry,
  CompareRecord,
  CompareRun,
  Contrast,
  GroupRun,
  NetworkRun,
  Spread,
} from "../../src/report/compare-records.ts";

export interface ComparisonSize {
  readonly methods: number;
  readonly groups: number;
  readonly seeds?: number;
  readonly budgets?: readonly number[];
  /** Whether there are class labels. */
  readonly isClassifier?: boolean;
}

const names = [
  "random",
  "l1",
  "taylor",
  "leave-one-out",
  "shapley",
  "shapley-stepwise",
  "oracle",
  ...["l2", "fpgm", "apoz", "fisher", "snip", "grasp", "synflow", "hrank", "kernel-shap", "stratified"],
  ...[
    "owen",
    "permutation",
    "multilinear",
    "banzhaf",
    "greedy",
    "bn-scale",
    "first-order",
    "mean-activation",
  ],
];

/** Names of methods that take a budget. */
const sampling = new Set(["shapley", "kernel-shap", "stratified", "owen", "permutation", "multilinear"]);

/** Between 0 and 1, the same for the same numbers. */
function noise(...numbers: readonly number[]): number {
  const mixed = numbers.reduce((sum, value, k) => sum + (value + 1) * (12.9898 + 65.123 * k), 0.5);
  const scattered = Math.sin(mixed) * 43758.5453;
  return scattered - Math.floor(scattered);
}

function spread(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    mean,
    deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0,
    count: values.length,
  };
}

const shares = [0.25, 0.5, 0.75];

/** A record as the command writes it. */
export function comparison(size: ComparisonSize): CompareRecord {
  const { methods, seeds = 3, budgets = [2000, 20_000], isClassifier = true } = size;
  const seedList = Array.from({ length: seeds }, (_, k) => k);
  const groups = Array.from({ length: size.groups }, (_, k) => groupOf(k));
  const entries = names
    .slice(0, methods)
    .flatMap((name, method) =>
      sampling.has(name)
        ? budgets.map((budget) => entryOf(name, method, budget, groups, seedList, isClassifier))
        : [entryOf(name, method, null, groups, seedList, isClassifier)],
    );
  const missing: CompareEntry = {
    name: "bn-norm",
    title: "Scale of the batch norm behind",
    budget: null,
    missing: "no group is followed by a batch norm",
    runs: [],
    summary: null,
  };
  return {
    schemaVersion: 1,
    tool: "shapley-pruner",
    version: "0.1.0",
    runtime: "onnxruntime-node 1.30.0",
    model: "ab".repeat(32),
    data: { fingerprint: "cd".repeat(32) },
    examples: { rank: 500, curves: 200, calibrate: 100, tune: 0, validate: 0, evaluate: 700 },
    payoff: "cross-entropy",
    output: "logits",
    seeds: seedList,
    budgets,
    shares,
    original: {
      accuracy: isClassifier ? 0.9927 : null,
      loss: 0.024,
      parameters: 40_165,
      macs: 498_750,
    },
    groups,
    entries: [...entries, missing],
    contrasts: seeds > 1 ? contrastsOf(names.slice(0, methods), budgets) : [],
    conclusions: [
      "With half of the channels gone and repaired, no method is ahead of all others by more than the noise.",
      "shapley is behind leave-one-out there, by 1.2 points (95% interval 0.4 to 2.0).",
    ],
  };
}

function groupOf(k: number): ComparedGroup {
  const channels = [10, 20, 100, 25, 16, 32, 64][k % 7]!;
  const steps = Math.min(channels, 16);
  return {
    id: k < 4 ? ["c1", "c3", "f5", "f6"][k]! : `/stage${1 + (k % 4)}/block${k}/conv2/Conv`,
    channels,
    sizes: Array.from({ length: steps + 1 }, (_, step) => Math.round((step * channels) / steps)),
    reference: { kind: channels <= 12 ? "exact" : "long", rows: 400_000 },
    isOracleKnown: channels <= 12,
  };
}

function groupRun(
  { id, channels, sizes, isOracleKnown }: ComparedGroup,
  method: number,
  seed: number,
  effort: number,
): GroupRun {
  const skill = effort * (1 + ((method * 5) % 11) / 3) + 0.5 * noise(method, seed, channels);
  const worst = -2.4 - noise(channels);
  const curve = (power: number) => sizes.map((gone) => -0.004 + worst * (gone / channels) ** power);
  const lowestGone = curve(skill);
  const highestGone = curve(1 / skill);
  const area = (curve: readonly number[]) => curve.reduce((sum, value) => sum - value, 0) / curve.length;
  return {
    id,
    order: Array.from({ length: channels }, (_, channel) => (channel + method) % channels),
    lowestGone,
    highestGone,
    areaLowest: area(lowestGone),
    areaHighest: area(highestGone),
    spearman: method === 0 ? null : Math.min(1, 0.3 + 0.1 * skill + 0.1 * noise(seed, method)),
    kendall: method === 0 ? null : Math.min(1, 0.2 + 0.1 * skill + 0.1 * noise(seed, method)),
    oracle: isOracleKnown
      ? { add: 0.3 + 0.1 * skill, remove: 0.25 + 0.1 * skill, regret: 0.3 / skill }
      : null,
  };
}

function networkRun(share: number, method: number, seed: number, isClassifier: boolean): NetworkRun {
  const skill = 1 + ((method * 5) % 11) / 2 + noise(method, seed, share);
  const quality = (lost: number) => ({
    accuracy: isClassifier ? 0.9927 - lost : null,
    loss: 0.024 + 3 * lost,
  });
  return {
    share,
    parameters: Math.round(40_165 * (1 - share)),
    macs: Math.round(498_750 * (1 - share)),
    cut: quality(Math.min(0.85, (share ** 2 * 2) / skill)),
    repaired: quality((0.3 * share ** 3) / skill),
    tuned: null,
  };
}

function entryOf(
  name: string,
  method: number,
  budget: number | null,
  groups: readonly ComparedGroup[],
  seeds: readonly number[],
  isClassifier: boolean,
): CompareEntry {
  const playsGame =
    budget !== null || ["leave-one-out", "oracle", "shapley-stepwise", "greedy"].includes(name);
  const runs = seeds.map(
    (seed): CompareRun => ({
      seed,
      rows: budget === null ? (playsGame ? 3000 * (1 + method) : 0) : budget * groups.length,
      seconds: (budget ?? 200 * (1 + method)) / 4000 + noise(seed, method),
      memoryBytes: 2e6 * (1 + method),
      groups: groups.map((group) =>
        groupRun(group, method, seed, budget === null ? 1 : Math.log10(budget) / 4),
      ),
      network: shares.map((share) => networkRun(share, method, seed, isClassifier)),
    }),
  );
  const over = (of: (run: GroupRun) => number | null) => {
    const means = runs.flatMap((run) => {
      const known = run.groups.map(of).filter((value) => value !== null);
      return known.length === 0 ? [] : [spread(known).mean];
    });
    return means.length === 0 ? null : spread(means);
  };
  return {
    name,
    title: `${name.charAt(0).toUpperCase()}${name.slice(1)} of channels`,
    budget,
    missing: null,
    runs,
    summary: {
      areaLowest: over(({ areaLowest }) => areaLowest)!,
      areaHighest: over(({ areaHighest }) => areaHighest)!,
      spearman: over(({ spearman }) => spearman),
      kendall: over(({ kendall }) => kendall),
      oracleAdd: over(({ oracle }) => oracle?.add ?? null),
      oracleRemove: over(({ oracle }) => oracle?.remove ?? null),
      oracleRegret: over(({ oracle }) => oracle?.regret ?? null),
      rows: spread(runs.map(({ rows }) => rows)),
      seconds: spread(runs.map(({ seconds }) => seconds)),
      memoryBytes: spread(runs.map(({ memoryBytes }) => memoryBytes)),
      network: shares.map((share, k) => {
        const told = (of: (run: NetworkRun) => NetworkRun["tuned"]) => {
          const found = runs.flatMap(({ network }) => of(network[k]!) ?? []);
          return found.length === 0 ? null : spread(found.map(({ accuracy, loss }) => accuracy ?? -loss!));
        };
        return {
          share,
          cut: told(({ cut }) => cut),
          repaired: told(({ repaired }) => repaired),
          tuned: told(({ tuned }) => tuned),
        };
      }),
    },
  };
}

function contrastsOf(methods: readonly string[], budgets: readonly number[]): Contrast[] {
  const measures = ["area", "accuracy after repair, 25% gone", "accuracy after repair, 50% gone"];
  return measures.flatMap((measure, m) =>
    methods
      .filter((name) => name !== "shapley")
      .map((second, k): Contrast => {
        const scale = m === 0 ? 0.4 : 0.02;
        const difference = scale * (noise(m, k) - 0.4);
        const half = scale * (0.1 + 0.4 * noise(k, m, 3));
        const verdict = difference > half ? "ahead" : difference < -half ? "behind" : "within noise";
        return {
          first: "shapley",
          second,
          budget: budgets.at(-1) ?? null,
          measure,
          difference,
          interval: [difference - half, difference + half],
          verdict,
        };
      }),
  );
}
