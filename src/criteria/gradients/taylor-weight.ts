/** @file First-order estimates from the weights that make a channel. */
import { type WeightRule, weighed, weightCriterion } from "./weight-criterion.ts";

const reference =
  "Molchanov, Mallya, Tyree, Frosio & Kautz, Importance estimation for neural network pruning, CVPR 2019, arXiv:1906.10771";

/** (w · ∂L/∂w)² of every weight, L being the mean loss over all examples. */
export const taylorWeightRule: WeightRule = {
  name: "taylor-weight",
  needs: "gradients",
  values: async (analysis, source) =>
    weighed(analysis, await source!.gradients(), (weight, gradient) => (weight * gradient) ** 2),
};

/**
 * Score of channel c: Σ over producers p, Σ over the weights w of filter c of p of (w · ∂L/∂w)². The paper squares the
 * gradient of each mini-batch and averages; here the gradient is that of the mean over all examples, so that the score
 * does not depend on how they are cut into batches.
 */
export const taylorWeight = weightCriterion(taylorWeightRule, {
  title: "Taylor on weights",
  reference,
  description: "sum of (weight times gradient) squared over the weights that make the channel",
});

/** w · ∂L/∂w of every weight: what scaling it changes, sign included. */
const signedRule: WeightRule = {
  name: "taylor-filter",
  needs: "gradients",
  values: async (analysis, source) =>
    weighed(analysis, await source!.gradients(), (weight, gradient) => weight * gradient),
};

/**
 * Score of channel c: Σ over producers p of |Σ over the weights w of filter c of p of w · ∂L/∂w|: the first-order change
 * of the loss when the whole filter goes, the paper's joint importance before it is squared.
 */
export const taylorFilter = weightCriterion(signedRule, {
  title: "Taylor on filters",
  reference,
  description: "absolute first-order change of the loss without the weights that make the channel",
  ofFilter: Math.abs,
});
