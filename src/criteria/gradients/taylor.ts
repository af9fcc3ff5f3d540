/** @file First-order estimate of how much the loss moves without a channel. */
import { exampleCriterion } from "./example-criterion.ts";

/**
 * Score of channel c: the aggregate over examples i of |Σ z · ∂L_i/∂z|, the sum over positions and places where the
 * channel is read, behind normalisation and activation. The paper divides by the positions, which is the same for all
 * channels of a layer, and then by the layer's norm; both are left out.
 */
export const taylor = exampleCriterion({
  name: "taylor",
  title: "Taylor",
  reference:
    "Molchanov, Tyree, Karras, Aila & Kautz, Pruning convolutional neural networks for resource efficient inference, ICLR 2017, arXiv:1611.06440",
  description: "absolute first-order change of the loss without the channel",
  measure: "derivative",
  of: Math.abs,
});
