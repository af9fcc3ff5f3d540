/** @file How strongly the loss reacts to a channel's values, however large they are. */
import { exampleCriterion } from "./example-criterion.ts";

/** Score of channel c: the aggregate over examples i of Σ |∂L_i/∂z|, the sum over positions and places of reading. */
export const sensitivity = exampleCriterion({
  name: "sensitivity",
  title: "Sensitivity",
  reference:
    "Mittal, Bhardwaj, Khapra & Ravindran, Studying the plasticity in deep convolutional neural networks using random pruning, 2018, arXiv:1812.10240",
  description: "absolute gradient of the loss with respect to the channel, summed over positions",
  measure: "absolute-gradient",
  of: (size) => size,
});
