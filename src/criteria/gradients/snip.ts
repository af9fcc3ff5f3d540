/** @file Connection sensitivity: what scaling a weight does to the loss. */
import { type WeightRule, weighed, weightCriterion } from "./weight-criterion.ts";

/** |w · ∂L/∂w| of every weight, L being the mean loss over all examples. */
export const snipRule: WeightRule = {
  name: "snip",
  needs: "gradients",
  values: async (analysis, source) =>
    weighed(analysis, await source!.gradients(), (weight, gradient) => Math.abs(weight * gradient)),
};

/**
 * Score of channel c: Σ over producers p, Σ over the weights w of filter c of p of |w · ∂L/∂w|. The paper takes one
 * mini-batch of an untrained network and divides by the sum over all weights; here all examples given are the batch,
 * and the factor, the same for all weights, is left out.
 */
export const snip = weightCriterion(snipRule, {
  title: "SNIP",
  reference:
    "Lee, Ajanthan & Torr, SNIP: single-shot network pruning based on connection sensitivity, ICLR 2019, arXiv:1810.02340",
  description: "sum of |weight times gradient| over the weights that make the channel",
});
