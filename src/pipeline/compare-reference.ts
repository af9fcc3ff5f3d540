/** @file What rankings are held against: every coalition of small groups, a long estimate of the others. */
import { join } from "node:path";
import { type Dataset, split, take } from "../datasets/index.ts";
import { kendallTauB, spearman } from "../math/ranks.ts";
import {
  bestFirst,
  type CoalitionTable,
  estimateFrom,
  judge,
  livePlayers,
  type OracleSets,
  oracleOrder,
  oracleSets,
} from "../oracle/index.ts";
import type { ComparedGroup, GroupRun } from "../report/compare-records.ts";
import {
  type CompareBench,
  type CompareSetting,
  gameKey,
  payoffOn,
  type Stage,
  workOf,
} from "./compare-bench.ts";
import { onceEstimator } from "./compare-methods.ts";
import { storeOf } from "./compare-options.ts";
import { costOf } from "./cost-of.ts";
import { tableOf, wholeGameOf } from "./oracle-table.ts";
import { report } from "./rank.ts";
import type { RankSettings } from "./rank-context.ts";
import { rankGroups } from "./rank-groups.ts";

/** What is known about one group. */
export interface Reference {
  readonly kind: NonNullable<ComparedGroup["reference"]>["kind"] | null;
  readonly rows: number;
  /** Shapley values, [channels]; null without a reference. */
  readonly values: readonly number[] | null;
  /** Where every coalition was tried. */
  readonly oracle: KnownOracle | null;
}

interface KnownOracle {
  readonly table: CoalitionTable;
  readonly sets: OracleSets;
  /** Shape [channels], from the most to the least valuable. */
  readonly order: readonly number[];
  readonly rows: number;
  /** Of the first time: later runs take the coalitions from the store. */
  readonly seconds: number;
  readonly memoryBytes: number;
}

/** Coalitions times examples that a table may take: a quarter of an hour or so where channels only add up. */
const tableRows = 2 ** 28;

/** Examples a table looks at, at most, out of those that all seeds rank on. */
const tableExamples = 1000;

/** Keeps the seed of the long estimate apart from those of rankings. */
const referenceSeed = 0x5eed;

/**
 * Learns what can be known of a group, from examples of all seeds' rankings.
 * @throws {PrunerError} What games, estimators and the store throw.
 */
export function referenceOf(bench: CompareBench, group: number, stage: Stage): Promise<Reference> {
  return isTabled(bench, group) ? byTable(bench, group, stage) : byEstimate(bench, group, stage);
}

/** Whether every coalition of a group is tried. */
export function isTabled({ analysis, options }: CompareSetting, group: number): boolean {
  return analysis.groups[group]!.channels <= options.oracleChannels;
}

/** Examples that every coalition of a group is tried on. */
export function tableExamplesOf(bench: CompareSetting, group: number): Dataset {
  const { channels } = bench.analysis.groups[group]!;
  return poolOf(bench, Math.max(1, Math.min(tableExamples, Math.floor(tableRows / 2 ** channels))));
}

/** Rows of the long estimate of a group; 0 for none. */
export function referenceRowsOf({ analysis, options }: CompareSetting, group: number): number {
  const { reference } = options;
  return reference === 0 ? 0 : Math.max(reference, 2 * analysis.groups[group]!.channels);
}

/** What `rankGroups` is told for a long estimate. */
export function referenceSettingsOf({ options }: CompareSetting, rows: number): RankSettings {
  return {
    criterion: "shapley",
    estimator: onceEstimator,
    seed: options.seed + referenceSeed,
    budget: { rows },
    memory: options.memory,
    activations: options.activations,
  };
}

async function byTable(bench: CompareBench, group: number, stage: Stage): Promise<Reference> {
  const { analysis, runner, options, runtime, pieces } = bench;
  const dataset = tableExamplesOf(bench, group);
  const payoff = await payoffOn(bench, dataset, bench.payoff);
  const work = workOf(bench, stage);
  const { activations } = options;
  const setting = { analysis, group, dataset, payoff, runner, activations };
  const game = await wholeGameOf(setting, { ...work, memory: options.memory });
  const store = storeOf(options);
  const coalitions = store === undefined ? undefined : join(store, "coalitions");
  const own = { ...work, model: options.model.hash, runtime, store: coalitions, onRemark: undefined };
  const { value: table, ...spent } = await costOf(() => tableOf(setting, game, own)).finally(game.close);
  const key = { kind: "oracle", ...gameKey(bench, [group], dataset, bench.payoff) };
  const cost = await pieces.piece(key, async () => spent); // what it took when it was not in the store yet
  const sets = oracleSets(table);
  const rows = 2 ** livePlayers(game).length * table.examples;
  const { values } = await estimateFrom(table, "exact", { seed: options.seed, signal: options.signal });
  const order = Array.from(oracleOrder(sets).order);
  return { kind: "exact", rows, values: Array.from(values), oracle: { table, sets, order, rows, ...cost } };
}

/** Stratified examples out of what all seeds rank on. */
function poolOf({ parts: { pool }, options: { seed } }: CompareSetting, most: number): Dataset {
  return pool.size <= most ? pool : take(pool, split(pool, { seed, parts: { part: most } }).part);
}

async function byEstimate(bench: CompareBench, group: number, stage: Stage): Promise<Reference> {
  const { analysis, runner, options, parts, payoff, pieces } = bench;
  const rows = referenceRowsOf(bench, group);
  if (rows === 0) return { kind: null, rows: 0, values: null, oracle: null };
  const key = { kind: "reference", rows, ...gameKey(bench, [group], parts.pool, payoff) };
  const found = await pieces.piece(key, async () => {
    const work = workOf(bench, stage);
    const settings = referenceSettingsOf(bench, rows);
    const data = { dataset: parts.pool, payoff: await payoffOn(bench, parts.pool, payoff), runner };
    const { signal } = options;
    const events = rankGroups({ analysis, groups: [group], settings, data, signal });
    for (let next = await events.next(); ; next = await events.next()) {
      if (next.done === true) return { values: next.value[0]!.values, rows: next.value[0]!.rows };
      report(work, next.value);
    }
  });
  return { kind: "long", ...found, oracle: null };
}

/** Scores of a ranking against what is known of the group. */
export function judged(
  values: readonly number[],
  { oracle, values: reference }: Reference,
): Pick<GroupRun, "order" | "spearman" | "kendall" | "oracle"> {
  const order = Array.from(bestFirst(values));
  const none = { order, spearman: null, kendall: null, oracle: null };
  if (reference === null) return none;
  if (oracle === null) return { ...none, ...agreement(values, reference) };
  const {
    add,
    remove,
    regretMean,
    agreement: both,
  } = judge(values, oracle.table, oracle.sets, {
    against: { shapley: reference },
  });
  return { order, ...both["shapley"]!, oracle: { add, remove, regret: regretMean } };
}

function agreement(
  values: readonly number[],
  reference: readonly number[],
): Pick<GroupRun, "spearman" | "kendall"> {
  const orNull = (value: number) => (Number.isNaN(value) ? null : value);
  return { spearman: orNull(spearman(values, reference)), kendall: orNull(kendallTauB(values, reference)) };
}
