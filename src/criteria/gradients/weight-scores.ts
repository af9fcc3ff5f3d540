/** @file Scores of single weights, for pruning without structure. */
import { PrunerError } from "../../base/problem.ts";
import type { ChannelAnalysis } from "../../channels/groups.ts";
import { type Tensor, tensor } from "../../tensor/tensor.ts";
import type { GradientOptions } from "./gradient-options.ts";
import { graspRule } from "./grasp.ts";
import { layerWeights } from "./producer-weights.ts";
import { snipRule } from "./snip.ts";
import { gradientSource } from "./source.ts";
import { synflowRule } from "./synflow.ts";
import { taylorWeightRule } from "./taylor-weight.ts";
import type { WeightRule } from "./weight-criterion.ts";

/** Criteria that score every weight on its own. */
export const weightRules = {
  "taylor-weight": taylorWeightRule,
  snip: snipRule,
  grasp: graspRule,
  synflow: synflowRule,
} as const satisfies Record<string, WeightRule>;

export type WeightCriterionName = keyof typeof weightRules;

export interface WeightScoreOptions {
  readonly analysis: ChannelAnalysis;
  /** Examples, what runs them, and what is differentiated; needed by all but `synflow`. */
  readonly examples?: Omit<GradientOptions, "analysis" | "groups"> | undefined;
}

/**
 * Scores the weights of every layer, biases and normalisations left out.
 * @returns By the name of the initializer: a tensor of its shape, float64; higher is more worth keeping. Comparable
 *   within and across layers, as the papers rank them.
 * @throws {PrunerError} `criterion-needs-data`, `payoff-not-differentiable`, `no-gradient`, and what the engine throws.
 */
export async function weightScores(
  criterion: WeightCriterionName,
  { analysis, examples }: WeightScoreOptions,
): Promise<ReadonlyMap<string, Tensor>> {
  const rule: WeightRule = weightRules[criterion];
  if (rule.needs === "gradients" && examples === undefined)
    throw new PrunerError("criterion-needs-data", { criterion });
  const names = layerWeights(analysis);
  const source = examples && gradientSource({ ...examples, analysis, groups: [] }, undefined, names);
  const values = await rule.values(analysis, source);
  const { initializers } = analysis.model.graph;
  return new Map(
    names.map((name) => [name, tensor("float64", initializers.get(name)!.shape, values.get(name)!)]),
  );
}
