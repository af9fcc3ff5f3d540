/** @file What is left of a network once the channels that estimators rank lowest are gone, at equal budgets. */
import { type Estimate, type Estimator, estimators, type Weighting } from "../../src/estimators/index.ts";
import type { Game } from "../../src/games/index.ts";
import { randomOrder, stream } from "../../src/math/random.ts";
import { ascending } from "../../src/math/ranks.ts";
import { mean } from "../../src/math/sums.ts";
import type { PayoffKind } from "../../src/metrics/index.ts";
import { type Runner, startRunner } from "../../src/valuation/runner.ts";
import { sharedData, sharedModel } from "../../test/helpers/shared.ts";
import { gameOfGroups, lenet, type NetworkSettings } from "../networks.ts";
import { atLeast, type Benchmark, type Claim, type Findings } from "../record.ts";

export interface Contest {
  readonly rank: NetworkSettings;
  /** Examples that no ranking has seen. */
  readonly judge: NetworkSettings;
  readonly groups: readonly string[];
  /** Rows for each channel of a group. */
  readonly budgets: readonly number[];
  readonly payoffs: readonly PayoffKind[];
  readonly seeds: readonly number[];
}

export interface Contender {
  readonly name: string;
  readonly estimator?: Estimator;
  readonly weighting?: Weighting;
}

const contenders: readonly Contender[] = [
  { name: "random" },
  { name: "permutation", estimator: estimators.permutation },
  {
    name: "permutation 0.85-1",
    estimator: estimators.permutation,
    weighting: { kind: "window", from: 0.85, to: 1 },
  },
  { name: "leave-one-out", estimator: estimators["leave-one-out"] },
  { name: "greedy", estimator: estimators.greedy },
  { name: "sequential", estimator: estimators.sequential },
  { name: "sequential, all sizes", estimator: estimators.sequential, weighting: { kind: "shapley" } },
];

export const shares = [0.25, 0.5, 0.75];

/** What is ranked and judged with: a contest without its budgets, payoffs and seeds. */
export type Scene = Pick<Contest, "rank" | "judge" | "groups">;

export const onLenet: Scene = {
  rank: lenet,
  judge: { ...lenet, data: lenet.data.replace("rank-images", "test-images") },
  groups: ["c1", "c3", "f5", "f6"],
};

/** The second block of every stage, or why there is none here. */
export function onResnet(): Scene | { readonly skipped: string } {
  const model = sharedModel("resnet20-cifar10");
  const files = ["train-images", "train-labels", "test-images", "test-labels"];
  const [rank, rankLabels, judge, judgeLabels] = files.map((file) => sharedData(`cifar10-${file}.npy`));
  const missing = [model, rank!, rankLabels!, judge!, judgeLabels!].find(({ path }) => path === undefined);
  if (missing?.reason !== undefined) return { skipped: missing.reason };
  const pixels = { pixelScale: 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
  const settings = { model: model.path!, examples: 300 };
  return {
    rank: { ...settings, data: rank!.path!, options: { ...pixels, labels: rankLabels!.path! } },
    judge: { ...settings, data: judge!.path!, options: { ...pixels, labels: judgeLabels!.path! } },
    groups: ["layer1.1.conv1", "layer2.1.conv1", "layer3.1.conv1"],
  };
}

const how = (contest: string): string =>
  `${contest} Every contender ranks under the same rows for each channel; then 25, 50 and 75% of the channels go. Loss (cross-entropy, nats) and accuracy on examples that no ranking has seen: mean over seeds, ± standard deviation of the loss. "all" takes the same share of all groups at once. Nothing is repaired or tuned.`;

export const sequentialLenet: Benchmark = {
  title: "Ranking once, and while removing: LeNet-5",
  how: how("All four groups; 1,000 digits to rank with, 1,000 others to judge with."),
  minutes: 3,
  run: () =>
    hold({
      ...onLenet,
      budgets: [200, 1000],
      payoffs: ["cross-entropy", "agreement"],
      seeds: [1, 2, 3, 4, 5, 6, 7, 8],
    }),
};

export const sequentialResnet: Benchmark = {
  title: "Ranking once, and while removing: ResNet-20",
  how: how(
    "The second block of every stage; 300 training images to rank with, 300 test images to judge with.",
  ),
  minutes: 5,
  async run() {
    const scene = onResnet();
    if ("skipped" in scene) return scene;
    return hold({ ...scene, budgets: [100], payoffs: ["cross-entropy"], seeds: [1, 2, 3] });
  },
};

async function hold(contest: Contest): Promise<Findings> {
  const runner = await startRunner({ workers: 2 });
  try {
    const judges = await judgesOf(contest, runner);
    const rows: Findings["rows"][number][] = [];
    const found = new Map<string, readonly Quality[][]>();
    for (const payoff of contest.payoffs) {
      const games = await gamesOf(contest, payoff, runner);
      for (const perChannel of contest.budgets) {
        for (const contender of contenders) {
          for (const [group, qualities] of await measure(
            contender,
            games,
            judges,
            perChannel,
            contest.seeds,
          )) {
            found.set([payoff, perChannel, group, contender.name].join(), qualities);
            rows.push({
              payoff,
              "rows/channel": perChannel,
              group,
              contender: contender.name,
              ...cellsOf(qualities),
            });
          }
        }
      }
    }
    return { rows: rows.toSorted(byPlace(contest)), claims: claimsOf(contest, found) };
  } finally {
    await runner.close();
  }
}

/** One game for each group. */
export async function gamesOf(
  { rank, groups }: Contest,
  payoff: PayoffKind,
  runner: Runner,
): Promise<Map<string, Game>> {
  const games = new Map<string, Game>();
  for (const group of groups) games.set(group, await gameOfGroups(rank, [group], payoff, runner));
  return games;
}

/** One judge for each group, and one for all together. */
export async function judgesOf(contest: Contest, runner: Runner): Promise<Map<string, Judge>> {
  const judges = new Map<string, Judge>();
  for (const group of contest.groups) judges.set(group, await judgeOf(contest, [group], runner));
  return judges.set("all", await judgeOf(contest, contest.groups, runner));
}

export interface Quality {
  readonly loss: number;
  readonly accuracy: number;
}

/** Measures a network with only the channels of a mask. */
export type Judge = (mask: Uint8Array) => Promise<Quality>;

async function judgeOf({ judge }: Contest, groups: readonly string[], runner: Runner): Promise<Judge> {
  const loss = await gameOfGroups(judge, groups, "cross-entropy", runner);
  const accuracy = await gameOfGroups(judge, groups, "accuracy", runner);
  return async (mask) => ({ loss: -(await worthOf(loss, mask)), accuracy: await worthOf(accuracy, mask) });
}

async function worthOf(game: Game, mask: Uint8Array): Promise<number> {
  const masks = new Uint8Array(game.examples * game.players);
  for (let example = 0; example < game.examples; example++) masks.set(mask, example * game.players);
  return mean(
    await game.values(
      masks,
      Uint32Array.from({ length: game.examples }, (_, example) => example),
    ),
  );
}

/** Shape [seeds][shares] for every group, and for all together; a group that the budget does not reach is left out. */
export async function measure(
  contender: Contender,
  games: ReadonlyMap<string, Game>,
  judges: ReadonlyMap<string, Judge>,
  perChannel: number,
  seeds: readonly number[],
): Promise<Map<string, Quality[][]>> {
  const found = new Map<string, Quality[][]>();
  for (const seed of seeds) {
    const orders = new Map<string, Uint32Array>();
    for (const [group, game] of games) {
      const order = await orderBy(contender, game, perChannel * game.players, seed);
      if (order !== undefined) orders.set(group, order);
    }
    for (const [group, judge] of judges) {
      const own = group === "all" ? [...games.keys()] : [group];
      if (!own.every((id) => orders.has(id))) continue;
      const qualities: Quality[] = [];
      for (const share of shares)
        qualities.push(
          await judge(
            maskOf(
              own.map((id) => orders.get(id)!),
              share,
            ),
          ),
        );
      found.set(group, [...(found.get(group) ?? []), qualities]);
    }
  }
  return found;
}

/** Players from the lowest value up; undefined when the budget is too small. */
async function orderBy(
  { estimator, weighting }: Contender,
  game: Game,
  rows: number,
  seed: number,
): Promise<Uint32Array | undefined> {
  if (estimator === undefined) return randomOrder(game.players, stream(seed, game.players));
  if (estimator.minimumBudget(game.players, game.examples, { weighting }) > rows) return undefined;
  let last: Estimate | undefined;
  for await (const estimate of estimator.run(game, { budget: { rows }, seed, weighting })) last = estimate;
  return ascending(last!.values);
}

function maskOf(orders: readonly Uint32Array[], share: number): Uint8Array {
  const masks = orders.map((order) => {
    const mask = new Uint8Array(order.length).fill(1);
    for (const player of order.subarray(0, Math.round(share * order.length))) mask[player] = 0;
    return mask;
  });
  return Uint8Array.from(masks.flatMap((mask) => [...mask]));
}

export function cellsOf(qualities: readonly Quality[][]): Record<string, string> {
  const cells: Record<string, string> = {};
  for (const [k, share] of shares.entries()) {
    const losses = qualities.map((one) => one[k]!.loss);
    const accuracy = mean(qualities.map((one) => one[k]!.accuracy));
    cells[`-${100 * share}%: loss`] = `${mean(losses).toFixed(3)} ± ${deviation(losses).toFixed(3)}`;
    cells[`-${100 * share}%: accuracy`] = `${(100 * accuracy).toFixed(1)}%`;
  }
  return cells;
}

export function deviation(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}

/** Rows of one table side by side: by group, payoff and budget, contenders in their order. */
function byPlace({ groups, budgets, payoffs }: Contest) {
  const placeOf = (row: Findings["rows"][number]): number => {
    const group = [...groups, "all"].indexOf(String(row["group"]));
    const payoff = payoffs.map(String).indexOf(String(row["payoff"]));
    const budget = budgets.map(String).indexOf(String(row["rows/channel"]));
    return (group * payoffs.length + payoff) * budgets.length + budget;
  };
  return (a: Findings["rows"][number], b: Findings["rows"][number]): number => placeOf(a) - placeOf(b);
}

/** How much loss ranking while removing saves over ranking once, on all groups, with twice its standard error. */
function claimsOf({ budgets, payoffs }: Contest, found: ReadonlyMap<string, readonly Quality[][]>): Claim[] {
  return payoffs.flatMap((payoff) =>
    budgets.flatMap((perChannel) =>
      shares.map((share, k) => {
        const of = (name: string) => found.get([payoff, perChannel, "all", name].join())!;
        const once = of("permutation");
        const saved = of("sequential").map((qualities, seed) => once[seed]![k]!.loss - qualities[k]!.loss);
        const surely = mean(saved) - (2 * deviation(saved)) / Math.sqrt(saved.length);
        const what = `${payoff}, ${perChannel} rows/channel, ${100 * share}% of all groups gone: loss saved over permutation, less two standard errors,`;
        return atLeast(what, 0, surely);
      }),
    ),
  );
}
