/** @file Whether ranking while removing should spend its rows on the players near the cut: loss at equal rows, rows for equal loss. */
import { pairedDifference } from "../../src/compare/difference.ts";
import { estimators } from "../../src/estimators/index.ts";
import { sequentialBy } from "../../src/estimators/sequential.ts";
import { below, stream } from "../../src/math/random.ts";
import { ascending } from "../../src/math/ranks.ts";
import { mean } from "../../src/math/sums.ts";
import { startRunner } from "../../src/valuation/runner.ts";
import { atMost, type Benchmark, type Claim, type Findings } from "../record.ts";
import {
  type Contender,
  type Contest,
  cellsOf,
  gamesOf,
  judgesOf,
  measure,
  onLenet,
  onResnet,
  shares,
} from "./sequential.ts";

const everyone = "sequential, everyone";

const contenders: readonly Contender[] = [
  { name: everyone, estimator: sequentialBy({ shareForAll: 1, stagesNearCut: 0, nearErrors: 0 }) },
  { name: "permutation", estimator: estimators.permutation },
  { name: "sequential", estimator: estimators.sequential },
];

const how = (contest: string): string =>
  `${contest} Payoff cross-entropy. "${everyone}" plays whole orders of all that are left in every round; "sequential" gives most of a round to the players near its cut. Loss (nats) and accuracy on examples that no ranking has seen, as in the benchmark "sequential"; "change" is by how much the loss differs from that of "${everyone}": the mean over seeds of the difference of logarithms, in percent, with a 95% interval; below 0 is better. "rows for equal loss" are those with which a contender comes to the loss of "${everyone}" at so many rows, all groups together, the mean logarithm over 25 and 50%; interpolated, with a 95% interval from 1,000 draws of seeds.`;

export const nearCutLenet: Benchmark = {
  title: "Rows for the players near the cut: LeNet-5",
  minutes: 3,
  how: how("All four groups; 1,000 digits to rank with, 1,000 others to judge with, 16 seeds."),
  run: () =>
    hold({ ...onLenet, budgets: [100, 200, 400, 800], payoffs: ["cross-entropy"], seeds: seedsTo(16) }),
};

export const nearCutResnet: Benchmark = {
  title: "Rows for the players near the cut: ResNet-20",
  minutes: 6,
  how: how(
    "The second block of every stage; 300 training images to rank with, 300 test images to judge with, 3 seeds.",
  ),
  async run() {
    const scene = onResnet();
    if ("skipped" in scene) return scene;
    return hold({ ...scene, budgets: [100, 200], payoffs: ["cross-entropy"], seeds: seedsTo(3) });
  },
};

function seedsTo(count: number): number[] {
  return Array.from({ length: count }, (_, k) => k + 1);
}

/** Logarithms of losses, [seeds][shares]. */
type Losses = readonly (readonly number[])[];

async function hold(contest: Contest): Promise<Findings> {
  const runner = await startRunner({ workers: 2 });
  try {
    const judges = await judgesOf(contest, runner);
    const games = await gamesOf(contest, "cross-entropy", runner);
    const found = new Map<string, Losses>();
    const cells = new Map<string, Record<string, string>>();
    for (const perChannel of contest.budgets) {
      for (const { name, ...contender } of contenders) {
        const measured = await measure({ name, ...contender }, games, judges, perChannel, contest.seeds);
        for (const [group, qualities] of measured) {
          const losses = qualities.map((one) => one.map(({ loss }) => Math.log(loss)));
          found.set([perChannel, group, name].join(), losses);
          const usual = found.get([perChannel, group, everyone].join())!;
          cells.set([perChannel, group, name].join(), { ...cellsOf(qualities), ...changesOf(losses, usual) });
        }
      }
    }
    const blank = { "change over all groups and shares": "", "rows for equal loss": "" };
    const rows = contest.budgets.flatMap((perChannel) =>
      [...contest.groups, "all"].flatMap((group) =>
        contenders.map(({ name }) => ({
          "rows/channel": perChannel,
          group,
          contender: name,
          ...cells.get([perChannel, group, name].join()),
          ...(group === "all" ? overall(contest, found, perChannel, name) : blank),
        })),
      ),
    );
    return { rows, claims: claimsOf(contest, found) };
  } finally {
    await runner.close();
  }
}

/** What is told of all groups in one number. */
function overall(
  contest: Contest,
  found: ReadonlyMap<string, Losses>,
  perChannel: number,
  name: string,
): Record<string, string> {
  const change = changeText(
    meanLosses(contest, found, perChannel, name),
    meanLosses(contest, found, perChannel, everyone),
  );
  const rows = name === everyone ? "" : equalLoss(contest, found, perChannel, name);
  return { "change over all groups and shares": change, "rows for equal loss": rows };
}

/** Mean over groups and shares, [seeds]. */
function meanLosses(
  { groups, seeds }: Contest,
  found: ReadonlyMap<string, Losses>,
  perChannel: number,
  name: string,
): number[] {
  return seeds.map((_, seed) =>
    mean(groups.flatMap((group) => found.get([perChannel, group, name].join())![seed]!)),
  );
}

function changesOf(losses: Losses, usual: Losses): Record<string, string> {
  return Object.fromEntries(
    shares.map((share, k) => [
      `-${100 * share}%: change`,
      changeText(
        losses.map((one) => one[k]!),
        usual.map((one) => one[k]!),
      ),
    ]),
  );
}

function changeText(losses: readonly number[], usual: readonly number[]): string {
  const { value, low, high } = pairedDifference(losses, usual);
  const percent = (difference: number): string => (100 * difference).toFixed(0);
  return `${percent(value)} (${percent(low)} to ${percent(high)})`;
}

/** The rows with which a contender comes to the loss that whole orders for everyone come to with so many. */
function equalLoss(
  { budgets, seeds }: Contest,
  found: ReadonlyMap<string, Losses>,
  perChannel: number,
  name: string,
): string {
  const curve = (who: string, drawn: readonly number[]): number[] =>
    budgets.map((budget) => {
      const losses = found.get([budget, "all", who].join())!;
      return mean(drawn.map((seed) => mean(losses[seed]!.slice(0, 2))));
    });
  const rowsWith = (drawn: readonly number[]): number =>
    rowsFor(curve(everyone, drawn)[budgets.indexOf(perChannel)]!, budgets, curve(name, drawn));
  const draws = Array.from({ length: 1000 }, (_, item) => {
    const random = stream(1, item);
    return rowsWith(seeds.map(() => below(seeds.length, random)));
  });
  const order = ascending(draws);
  const [exact, low, high] = [rowsWith([...seeds.keys()]), draws[order[25]!]!, draws[order[974]!]!].map(
    (rows) => rowsText(rows, budgets),
  );
  return `${exact} (${low} to ${high})`;
}

/** Where a curve over budgets first comes down to a loss, between two budgets by logarithms; 0 before all, Infinity after. */
function rowsFor(loss: number, budgets: readonly number[], curve: readonly number[]): number {
  const at = curve.findIndex((one) => one <= loss);
  if (at < 0) return Number.POSITIVE_INFINITY;
  if (at === 0) return curve[0] === loss ? budgets[0]! : 0;
  const part = (curve[at - 1]! - loss) / (curve[at - 1]! - curve[at]!);
  return budgets[at - 1]! * (budgets[at]! / budgets[at - 1]!) ** part;
}

function rowsText(rows: number, budgets: readonly number[]): string {
  if (rows === 0) return `under ${budgets[0]}`;
  return Number.isFinite(rows) ? rows.toFixed(0) : `over ${budgets.at(-1)}`;
}

/** Whether spending near the cut is no worse than spending on everyone, in the mean of all groups and shares. */
function claimsOf(contest: Contest, found: ReadonlyMap<string, Losses>): Claim[] {
  return contest.budgets.map((perChannel) => {
    const of = (name: string): number[] => meanLosses(contest, found, perChannel, name);
    const { value } = pairedDifference(of("sequential"), of(everyone));
    return atMost(`${perChannel} rows/channel: mean log loss less that of "${everyone}"`, 0, value);
  });
}
