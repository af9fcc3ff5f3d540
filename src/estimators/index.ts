/** @file Every estimator by the name users choose it by. */
import type { Estimator } from "./estimator.ts";
import { permutation } from "./permutation.ts";

export const estimators = {
  permutation,
} satisfies Record<string, Estimator>;

export type EstimatorName = keyof typeof estimators;

export type {
  Budget,
  Estimate,
  Estimator,
  EstimatorOptions,
  EstimatorState,
  PartialOptions,
  Settlement,
  StoppedBy,
  StopRule,
  Weighting,
} from "./estimator.ts";
