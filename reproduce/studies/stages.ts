/** @file Test errors of a pruned network, stage by stage. */
import type { PruneResult } from "../../src/pipeline/prune-result.ts";
import type { Stage } from "../../src/report/records.ts";
import { spread } from "../study.ts";

/** Share of wrong answers on the test examples in per cent, after the last round's stage. @throws {Error} without one. */
export function errorAt({ rounds }: Pick<PruneResult, "rounds">, stage: Stage["stage"]): number {
  const found = rounds.at(-1)?.stages.find((one) => one.stage === stage);
  if (found?.accuracy === undefined || found.accuracy === null)
    throw new Error(`the record tells no accuracy of the ${stage} network`);
  return 100 * (1 - found.accuracy);
}

/** Errors after the cut, after repair and after tuning: means with lowest and highest. */
export function stageErrors(results: readonly PruneResult[]): string[] {
  return (["sliced", "repaired", "tuned"] as const).map((stage) =>
    spread(
      results.map((result) => errorAt(result, stage)),
      2,
    ),
  );
}

/** Accuracy after a stage of the last round; null where there was none. */
export function accuracyAt({ rounds }: Pick<PruneResult, "rounds">, stage: Stage["stage"]): string | null {
  const accuracy = rounds.at(-1)?.stages.find((one) => one.stage === stage)?.accuracy;
  return accuracy === undefined || accuracy === null ? null : `${(100 * accuracy).toFixed(2)}%`;
}

/** Accuracies in per cent before the cut, after it and after repair: means with lowest and highest. */
export function stageAccuracies(results: readonly PruneResult[]): string[] {
  const after = (["sliced", "repaired"] as const).map((stage) =>
    results.map((result) => 100 - errorAt(result, stage)),
  );
  return [results.map(({ before }) => 100 * before.accuracy!), ...after].map((values) => spread(values, 2));
}
