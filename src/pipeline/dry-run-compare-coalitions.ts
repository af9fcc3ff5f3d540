import type { Dataset } from "../datasets/index.ts";
import { binomial } from "../math/combinatorics.ts";
import { livePlayers } from "../oracle/index.ts";
import type { WholeNetworkGame } from "../valuation/whole-network-game.ts";
import { type CompareSetting, payoffOn } from "./compare-bench.ts";
import type { Method } from "./compare-methods.ts";
import { isTabled, tableExamplesOf } from "./compare-reference.ts";
import type { Planned, Scene } from "./dry-run-compare-parts.ts";
import { coalitionSeconds, fewOf, secondsByMacs } from "./dry-run-probe.ts";
import { type GameCost, gameCost, secondsPerMac } from "./dry-run-ranking.ts";
import { wholeGameOf } from "./oracle-table.ts";

/** Every coalition of small groups. */
export async function planTables(scene: Scene): Promise<Planned> {
  const { setting } = scene;
  const games = await wholeGames(scene, (group) =>
    isTabled(setting, group) ? tableExamplesOf(setting, group) : undefined,
  );
  return wholePlan(scene, "every coalition of small groups", games, ({ game }) => ({
    coalitions: 2 ** livePlayers(game).length,
    repetitions: 1,
  }));
}

/** Curves of every seed, as if no two rankings agreed on a coalition where they can differ. */
export async function planCurves(scene: Scene, methods: readonly Method[]): Promise<Planned> {
  const { setting } = scene;
  const [dataset] = setting.parts.curves;
  const games = await wholeGames(scene, () => dataset);
  return wholePlan(scene, "payoff curves", games, ({ group }) => ({
    coalitions: coalitionsOf(setting, group, methods),
    repetitions: setting.seeds.length,
  }));
}

/** Coalitions at the most: of each size two for every ranking, or all there are. */
function coalitionsOf(setting: CompareSetting, group: number, methods: readonly Method[]): number {
  const isRanked = ({ means }: Method) => means.kind !== "oracle" || isTabled(setting, group);
  const ends = 2 * methods.filter(isRanked).length;
  const { channels } = setting.analysis.groups[group]!;
  const sizes = setting.sizes[setting.groups.indexOf(group)]!;
  return sizes.reduce((sum, gone) => sum + Math.min(ends, Math.round(binomial(channels, gone))), 0);
}

/** A group asked for whole coalitions. */
interface WholeTrial extends GameCost {
  readonly group: number;
  /** Examples of the run. */
  readonly examples: number;
  /** On few of them. */
  readonly game: WholeNetworkGame;
}

/** The groups that have examples. */
async function wholeGames(
  { setting }: Scene,
  examplesOf: (group: number) => Dataset | undefined,
): Promise<WholeTrial[]> {
  const { analysis, runner, options, payoff: kind } = setting;
  const games: WholeTrial[] = [];
  for (const group of setting.groups) {
    const all = examplesOf(group);
    if (all === undefined) continue;
    const dataset = fewOf(all);
    const payoff = await payoffOn(setting, dataset, kind);
    const { signal, memory, activations } = options;
    const setup = { analysis, group, dataset, payoff, runner, activations };
    const game = await wholeGameOf(setup, { signal, memory });
    games.push({
      group,
      examples: all.size,
      game,
      ...gameCost(analysis, [group], payoff.output, activations),
    });
  }
  return games;
}

async function wholePlan(
  { setting: { analysis, runner }, exampleSeconds: each }: Scene,
  name: string,
  games: readonly WholeTrial[],
  amountOf: (game: WholeTrial) => { readonly coalitions: number; readonly repetitions: number },
): Promise<Planned> {
  const secondsOf = await secondsByMacs(
    games,
    async ({ game }) => (await coalitionSeconds(game, runner.workers)) / game.examples,
  );
  const counted = games.map((game) => {
    const { coalitions, repetitions } = amountOf(game);
    const [rows, entering] = [repetitions * coalitions * game.examples, repetitions * game.examples];
    const before = entering * game.prefixMacs;
    return {
      rows,
      macs: rows * game.rowMacs + before,
      seconds: rows * secondsOf(game) + before * secondsPerMac(analysis, each),
    };
  });
  const total = (of: (count: (typeof counted)[number]) => number) =>
    counted.reduce((sum, count) => sum + of(count), 0);
  return {
    rows: new Map(games.map(({ group }, k) => [analysis.groups[group]!.id, counted[k]!.rows])),
    memoryBytes: Math.max(0, ...games.map(({ exampleBytes, examples }) => exampleBytes * examples)),
    stages: [
      {
        name,
        amount: total(({ rows }) => rows),
        unit: "rows",
        macs: total(({ macs }) => macs),
        seconds: total(({ seconds }) => seconds),
      },
    ],
  };
}
