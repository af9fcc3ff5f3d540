/** @file What follows from the worth of every coalition: oracle sets, their order, and rankings judged by them. */
import { mean } from "../math/sums.ts";
import {
  type CoalitionTable,
  depthFor,
  estimateFrom,
  judge,
  membersOf,
  nestingOf,
  oracleOrder,
  oracleSets,
  randomScore,
} from "../oracle/index.ts";
import type { OracleFindings, SizeRecord } from "../report/oracle-records.ts";
import type { OracleOptions } from "./oracle-options.ts";
import { type RankingName, rankingsOf } from "./oracle-rankings.ts";
import type { GroupSetting } from "./oracle-table.ts";

/** The oracle set of every size. */
export function setsOf(table: CoalitionTable): SizeRecord[] {
  const { players, keep, best, mean: means, worst, ties } = oracleSets(table);
  const everyone = 2 ** players - 1;
  return Array.from(keep, (bits, size) => ({
    size,
    keep: membersOf(bits, players),
    remove: membersOf(everyone ^ bits, players),
    worth: best[size]!,
    mean: means[size]!,
    worst: worst[size]!,
    ties: ties[size]!,
    guarantee: { kind: "exact" },
  }));
}

/** Nesting, the oracle's order, exact values, and every ranking judged. */
export async function findingsOf(
  options: OracleOptions,
  context: GroupSetting,
  table: CoalitionTable,
  names: readonly RankingName[],
): Promise<OracleFindings> {
  const { seed, signal } = options;
  const sets = oracleSets(table);
  const { players } = table;
  const depth = depthFor(players, options.depth);
  const order = oracleOrder(sets);
  const shapley = (await estimateFrom(table, "exact", { seed, signal })).values;
  const places = new Float64Array(players);
  order.order.forEach((player, place) => {
    places[player] = players - place;
  });
  const against = { oracle: places, shapley };
  const rankings = [
    {
      name: "oracle",
      title: "Order of the oracle sets",
      values: Array.from(places),
      rows: table.values.length * table.examples,
    },
    ...(await rankingsOf(options, context, table, names)),
  ];
  return {
    nesting: nestingOf(sets),
    order: { ...order, order: Array.from(order.order) },
    shapley: Array.from(shapley),
    depth,
    randomScore: randomScore(players, depth),
    randomRegret: mean(Array.from(sets.best, (best, size) => best - sets.mean[size]!).slice(1, -1)),
    rankings: rankings.map((ranking) => ({
      ...ranking,
      judgement: judge(ranking.values, table, sets, { depth, against }),
    })),
  };
}
