/** @file First-order estimate of what the loss gains or loses without a channel, sign included. */
import { exampleCriterion } from "./example-criterion.ts";

/**
 * Score of channel c: the aggregate over examples i of −Σ z · ∂L_i/∂z, which is what the loss would grow by without
 * the channel, to first order. Channels whose removal seems to help score below zero. With the aggregate `abs-mean` it
 * is the criterion taylor.
 */
export const taylorSigned = exampleCriterion({
  name: "taylor-signed",
  title: "Signed Taylor",
  reference:
    "Ancona, Öztireli & Gross, Shapley value as principled metric for structured network pruning, 2020, arXiv:2006.01795",
  description: "first-order growth of the loss without the channel",
  measure: "derivative",
  of: (derivative) => derivative,
});
