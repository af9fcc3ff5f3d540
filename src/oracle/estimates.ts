/** @file Values of players by any estimator, from a table instead of a network. */
import { type Estimate, type EstimatorName, type EstimatorOptions, estimators } from "../estimators/index.ts";
import { type CoalitionTable, tableGame } from "./coalition-table.ts";

export interface TableEstimate {
  /** Shape [players]. */
  readonly values: Float64Array;
  /** What the coalitions looked at would have cost without the table: each on every example. */
  readonly rows: number;
}

/** Coalitions for each player that a sampling estimator may look at when no budget is given. */
const coalitionsPerPlayer = 30;

/** Estimators that look at a fixed list of coalitions: their smallest budget is all they need. */
const isList: ReadonlySet<string> = new Set(["exact", "leave-one-out", "partial", "first-in-last-out"]);

/**
 * Runs an estimator on a table. Coalitions are looked up whole, on all examples, so this is each estimator as papers
 * write it; sharing examples out among coalitions, as the rank command does, ranks better for the same rows.
 * @param coalitions Coalitions to look at; default 30 for each player, or the whole list of those that have one.
 * @throws {PrunerError} What estimators throw.
 */
export async function estimateFrom(
  table: CoalitionTable,
  name: EstimatorName,
  options: Omit<EstimatorOptions, "budget"> & { readonly coalitions?: number | undefined },
): Promise<TableEstimate> {
  const estimator = estimators[name];
  const smallest = estimator.minimumBudget(table.players, 1, options);
  const { coalitions, ...others } = options;
  const rows = isList.has(name)
    ? smallest
    : (coalitions ?? Math.max(smallest, coalitionsPerPlayer * table.players));
  let last: Estimate | undefined;
  for await (const estimate of estimator.run(tableGame(table), { ...others, budget: { rows } }))
    last = estimate;
  return { values: last!.values, rows: last!.rows * table.examples };
}
