/** @file The compare command: ways of ranking channels under one protocol, benefit against cost. */
import { PrunerError } from "../base/problem.ts";
import { tool } from "../base/version.ts";
import { checkReachable } from "../budget/choose.ts";
import { costModelOf, fullCost } from "../channels/cost.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { sizesOver } from "../compare/index.ts";
import type { CompareRecord } from "../report/compare-records.ts";
import type { Runner } from "../valuation/runner.ts";
import { chooseOutput, defaultPayoff } from "../valuation/targets.ts";
import { checkOutputs } from "./check-outputs.ts";
import type { CompareSetting } from "./compare-bench.ts";
import { cutForComparison } from "./compare-data.ts";
import { checkBudgets, methodsOf, usualBudgetsFor } from "./compare-methods.ts";
import { calibrateExamplesFor } from "./compare-network.ts";
import { type CompareOptions, compareDefaults, type SettledOptions, storeOf } from "./compare-options.ts";
import { runComparison } from "./compare-run.ts";
import { checkLeftAlone } from "./freeze.ts";
import { runnable } from "./load-model.ts";
import { runtimeText } from "./oracle-table.ts";
import { openPieces } from "./piece-store.ts";
import { rankableGroups } from "./rank.ts";
import { writeJson } from "./scores-file.ts";
import { openFor, startRuntime } from "./settings.ts";

/**
 * Compares ways of ranking.
 * @throws {PrunerError} `unknown-criterion`, `budget-too-small`, `invalid-option`, `usage`, `unknown-group`,
 *   `pieces-foreign`, `pieces-corrupt`, `store-corrupt`, what models, data, games, criteria and training throw, and
 *   `interrupted` once `signal` fires.
 */
export function compare(options: CompareOptions): Promise<CompareRecord> {
  return onCompareBench(options, async (setting) => {
    const { fingerprint, runtime } = setting;
    const pieces = await openPieces(storeOf(options), {
      version: tool.version,
      model: options.model.hash,
      data: fingerprint,
      runtime,
    });
    const methods = methodsOf(setting.options, setting.options.budgets);
    const record = await runComparison({ ...setting, pieces }, methods);
    if (options.out !== undefined) await writeJson(options.out, record);
    return record;
  });
}

/**
 * Checks what a comparison is told, opens its data and does the work; the runtime is closed afterwards.
 * @throws {PrunerError} As `compare`.
 */
export async function onCompareBench<T>(
  options: CompareOptions,
  work: (setting: CompareSetting) => Promise<T>,
): Promise<T> {
  methodsOf(options, []); // names that mean nothing are told before anything is read
  checkNumbers(options);
  const { model, data, testData, out, signal } = options;
  const read = [data.path, data.labels, testData?.path, testData?.labels];
  await checkOutputs({ out }, [...model.files, ...read]);
  const analysis = runnable(model);
  const settled = settle(options, analysis);
  const runner = await startRuntime(options);
  try {
    return await work(await settingFor(settled, analysis, runner));
  } catch (error) {
    if (signal?.aborted !== true) throw error;
    const store = storeOf(options);
    const next =
      store === undefined
        ? "Nothing was kept. With --out or --store the pieces that are finished are."
        : `The pieces that are finished are kept in ${store}; run the same command again to continue.`;
    throw new PrunerError("interrupted", { next }, { cause: error });
  } finally {
    await runner.close();
  }
}

/** @throws {PrunerError} `invalid-option`. */
function checkNumbers({ shares = [], budgets }: CompareOptions): void {
  const wrong = shares.find((share) => !(share > 0 && share < 1));
  if (wrong !== undefined)
    throw new PrunerError("invalid-option", {
      option: "shares",
      got: String(wrong),
      expected: "shares of every group that go, between 0 and 1 or 0% and 100%",
    });
  if (budgets?.length === 0)
    throw new PrunerError("invalid-option", {
      option: "budget",
      got: "nothing",
      expected: "rows, such as 20k",
    });
}

/** Options with nothing left open. */
function settle(options: CompareOptions, analysis: ChannelAnalysis): SettledOptions {
  const groups = rankableGroups(analysis, options.selection);
  const budgets = ascending(options.budgets ?? usualBudgetsFor(analysis, groups));
  checkBudgets(budgets, analysis, groups);
  const shares = options.network === false ? [] : ascending(options.shares ?? compareDefaults.shares);
  for (const share of shares)
    checkReachable(analysis, costModelOf(analysis), groups, { keep: 1 - share, scope: "group" });
  if (options.tune !== undefined) checkLeftAlone(options.model.analysis.model, options.tune.lesson);
  const { seeds = compareDefaults.seeds, points = compareDefaults.points } = options;
  const curveExamples = options.curveExamples ?? curveExamplesFor(analysis, groups, seeds, points);
  const { oracleChannels = compareDefaults.oracleChannels } = options;
  const reference = options.reference ?? compareDefaults.reference * budgets.at(-1)!;
  return {
    ...options,
    groups,
    seeds,
    budgets,
    shares,
    points,
    curveExamples,
    reference,
    oracleChannels,
  };
}

/** Multiply-accumulates that all curves together may take where nothing is said: a few minutes on two cores. */
const curveWork = 4e12;

/** Curve examples of a seed where nothing is said. */
const usualCurveExamples = 500;
const fewestCurveExamples = 64;

/** Coalitions of a point, over both ends and about as many different rankings as there are usually. */
const perPoint = 10;

function curveExamplesFor(
  analysis: ChannelAnalysis,
  groups: readonly number[],
  seeds: number,
  points: number,
): number {
  const { macs } = fullCost(costModelOf(analysis));
  const each = (Math.max(1, macs) / 2) * groups.length * seeds * points * perPoint;
  return Math.min(usualCurveExamples, Math.max(fewestCurveExamples, Math.floor(curveWork / each)));
}

/** Each number once. */
function ascending(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

async function settingFor(
  options: SettledOptions,
  analysis: ChannelAnalysis,
  runner: Runner,
): Promise<CompareSetting> {
  const { groups, seed, seeds, curveExamples } = options;
  const data = await openFor(analysis, options.data, options);
  const test =
    options.testData === undefined ? undefined : await openFor(analysis, options.testData, options);
  const network = options.network !== false;
  const parts = cutForComparison(data, test, {
    seed,
    seeds,
    curveExamples,
    calibrateExamples: options.repair === false ? 0 : calibrateExamplesFor(analysis),
    tune: options.tune !== undefined,
    network,
  });
  return {
    options,
    analysis,
    groups,
    runner,
    fingerprint: data.fingerprint,
    parts,
    payoff: options.payoff ?? defaultPayoff(data),
    output: chooseOutput(analysis.model, options.output),
    seeds: Array.from({ length: seeds }, (_, k) => seed + k),
    sizes: groups.map((group) => sizesOver(analysis.groups[group]!.channels, options.points)),
    runtime: runtimeText(options),
  };
}
