/** @file Every estimator by the name users choose it by. */
import { aumannShapley } from "./aumann-shapley.ts";
import type { Estimator } from "./estimator.ts";
import { exact } from "./exact.ts";
import { firstInLastOut } from "./first-in-last-out.ts";
import { greedy } from "./greedy.ts";
import { kernelShap } from "./kernel-shap.ts";
import { leaveOneOut } from "./leave-one-out.ts";
import { leverage } from "./leverage.ts";
import { olsUniform } from "./ols-uniform.ts";
import { owen } from "./owen.ts";
import { partial } from "./partial.ts";
import { permutation } from "./permutation.ts";
import { permutationWhole } from "./permutation-whole.ts";
import { sequential } from "./sequential.ts";
import { shrinkage } from "./shrinkage.ts";
import { simshap } from "./simshap.ts";
import { stratified } from "./stratified.ts";

export const estimators = {
  exact,
  "leave-one-out": leaveOneOut,
  partial,
  permutation,
  stratified,
  shrinkage,
  "aumann-shapley": aumannShapley,
  "permutation-whole": permutationWhole,
  "kernel-shap": kernelShap,
  leverage,
  "ols-uniform": olsUniform,
  simshap,
  owen,
  "first-in-last-out": firstInLastOut,
  greedy,
  sequential,
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
