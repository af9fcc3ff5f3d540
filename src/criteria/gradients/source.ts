/** @file Measures with gradients that several groups ask for and that are taken once. */
import type { Aggregate } from "./aggregate.ts";
import { type ExampleScore, exampleScores } from "./example-scores.ts";
import type { GradientOptions } from "./gradient-options.ts";
import { producerWeights } from "./producer-weights.ts";
import { hessianTimes, type WeightValues, weightGradients } from "./weight-gradients.ts";

/** Gradients on some examples, for the groups of one call. */
export interface GradientSource {
  /** Scores of all groups, shape [groups][channels], folded over examples. */
  channels(score: ExampleScore, aggregate: Aggregate): Promise<readonly (Float64Array | undefined)[]>;
  /** Gradient of the mean loss with respect to the weights that make the groups' channels. */
  gradients(): Promise<WeightValues>;
  /** Hessian of the mean loss, restricted to those weights, times that gradient. */
  hessianGradients(): Promise<WeightValues>;
}

/**
 * @param aggregate Replaces the aggregate that a criterion would choose.
 * @param names Weights that are differentiated; those that make the groups' channels when left out.
 */
export function gradientSource(
  options: GradientOptions,
  aggregate?: Aggregate,
  names: readonly string[] = producerWeights(options.analysis, options.groups),
): GradientSource {
  const channels = new Map<ExampleScore, Promise<(Float64Array | undefined)[]>>();
  let gradients: Promise<WeightValues> | undefined;
  let products: Promise<WeightValues> | undefined;
  const gradientsOnce = () => {
    gradients ??= weightGradients(options, names);
    return gradients;
  };
  return {
    channels: (score, usual) => {
      const known = channels.get(score) ?? exampleScores(options, score, aggregate ?? usual);
      channels.set(score, known);
      return known;
    },
    gradients: gradientsOnce,
    hessianGradients: () => {
      products ??= gradientsOnce().then((gradient) => hessianTimes(options, names, gradient));
      return products;
    },
  };
}
