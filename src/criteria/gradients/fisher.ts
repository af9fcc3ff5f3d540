/** @file Second-order estimate of how much the loss grows without a channel, through the Fisher information. */
import { exampleCriterion } from "./example-criterion.ts";

/** Score of channel c: the aggregate over examples i of ½ (Σ z · ∂L_i/∂z)², sums as in taylor. */
export const fisher = exampleCriterion({
  name: "fisher",
  title: "Fisher",
  reference:
    "Theis, Korshunova, Tejani & Huszár, Faster gaze prediction with dense networks and Fisher pruning, 2018, arXiv:1801.05787",
  description: "half the squared first-order change of the loss without the channel",
  measure: "derivative",
  of: (derivative) => derivative ** 2 / 2,
});
