/** @file The compare command told what it would do: rankings, references, curves and cut networks, and what they cost. */
import { costModelOf, fullCost } from "../channels/cost.ts";
import { labelOf } from "../report/compare-conclusions.ts";
import type { DryRun } from "../report/dry-run-records.ts";
import { onCompareBench } from "./compare.ts";
import type { CompareSetting } from "./compare-bench.ts";
import { type Method, methodsOf } from "./compare-methods.ts";
import { type CompareOptions, storeOf } from "./compare-options.ts";
import { planCurves, planTables } from "./dry-run-compare-coalitions.ts";
import { planNetworks, ranksAll } from "./dry-run-compare-networks.ts";
import { added, type Planned } from "./dry-run-compare-parts.ts";
import { planEstimates, planRankings } from "./dry-run-compare-rankings.ts";
import { exampleSeconds } from "./dry-run-probe.ts";

/**
 * What `compare` would do with these options, and what it would cost. Writes nothing.
 * @throws {PrunerError} What `compare` throws before it begins, and of methods asked for by name what shows that they
 *   do not suit the model.
 */
export function dryRunCompare(options: CompareOptions): Promise<DryRun> {
  return onCompareBench(options, async (setting) => {
    const { runner, analysis, parts } = setting;
    const scene = { setting, exampleSeconds: await exampleSeconds(runner, analysis.model, parts.pool) };
    const methods = methodsOf(setting.options, setting.options.budgets);
    const { fitting, notes, ...rankings } = await planRankings(scene, methods);
    const tables = await planTables(scene);
    const estimates = await planEstimates(scene);
    const curves = await planCurves(scene, fitting);
    const whole = fitting.filter((method) => ranksAll(setting, method));
    const networks = await planNetworks(scene, whole);
    const played = [rankings, tables, estimates, curves];
    const stages = [...played, networks]
      .flatMap((part) => part.stages)
      .filter(({ amount, seconds }) => amount !== 0 && seconds > 0);
    return {
      ...outline(setting, fitting, whole, played),
      training: networks.training,
      stages,
      seconds: stages.reduce((sum, { seconds }) => sum + seconds, 0),
      workers: runner.workers,
      memoryBytes: Math.max(...[...played, networks].map(({ memoryBytes }) => memoryBytes)),
      notes: [...notes, ...notesOn(setting)],
    };
  });
}

/** What would happen. */
function outline(
  setting: CompareSetting,
  fitting: readonly Method[],
  whole: readonly Method[],
  played: readonly Planned[],
): Omit<DryRun, "training" | "stages" | "seconds" | "workers" | "memoryBytes" | "notes"> {
  const { analysis, groups, seeds, options, parts, payoff } = setting;
  const rows = added(played.map((part) => part.rows));
  const ends = {
    "to rank on with each seed": parts.rank[0],
    "for the curves of each seed": parts.curves[0],
    "to repair on": parts.calibrate,
    "to tune on": parts.tune,
    "to choose the best epoch": parts.validate,
    "for the final figures": parts.evaluate,
  };
  return {
    dryRun: true,
    command: "compare",
    before: fullCost(costModelOf(analysis)),
    after: null,
    groups: groups.map((group) => {
      const { id, channels } = analysis.groups[group]!;
      return { id, channels, kept: null, rows: rows.get(id) ?? null };
    }),
    scoring: null,
    comparison: {
      payoff,
      rankings: fitting.map(({ name, budget }) => labelOf(name, budget)),
      seeds: seeds.length,
      rows: [...rows.values()].reduce((sum, count) => sum + count, 0),
      shares: options.shares,
      networks: whole.length * seeds.length * options.shares.length,
    },
    rounds: null,
    examples: Object.fromEntries(
      Object.entries(ends).flatMap(([end, part]) => (part === undefined ? [] : [[end, part.size] as const])),
    ),
  };
}

function notesOn({ options }: CompareSetting): string[] {
  const store = storeOf(options);
  const shared =
    "Rankings that agree share coalitions of curves; these are counted as if no two agreed where they can differ.";
  if (store === undefined) return [shared];
  const kept = `Finished pieces go to ${store}; what it holds already is not taken off, nor are equal cuts of a seed, which are measured once.`;
  return [shared, kept];
}
