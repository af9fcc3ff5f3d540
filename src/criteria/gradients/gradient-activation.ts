/** @file Gradient times activation, position by position. */
import { exampleCriterion } from "./example-criterion.ts";

/**
 * Score of channel c: the aggregate over examples i of Σ |z · ∂L_i/∂z|. Unlike taylor, absolute values are taken
 * before positions are summed, so that positions cannot cancel; without positions both are the same.
 */
export const gradientActivation = exampleCriterion({
  name: "gradient-activation",
  title: "Gradient times activation",
  reference:
    "Molchanov, Tyree, Karras, Aila & Kautz, Pruning convolutional neural networks for resource efficient inference, ICLR 2017, arXiv:1611.06440; absolute values taken at each position",
  description: "absolute gradient times activation, summed over positions",
  measure: "absolute-product",
  of: (size) => size,
});
