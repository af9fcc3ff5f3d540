/** @file Gradient signal preservation: which weights carry the gradient's own size. */
import { type WeightRule, weighed, weightCriterion } from "./weight-criterion.ts";

/**
 * w · (H g) of every weight, H and g being Hessian and gradient of the mean loss over all examples with respect to the
 * weights that are looked at. To first order, −2 w · (H g) is what ‖g‖² changes by when the weight goes.
 */
export const graspRule: WeightRule = {
  name: "grasp",
  needs: "gradients",
  values: async (analysis, source) =>
    weighed(analysis, await source!.hessianGradients(), (weight, product) => weight * product),
};

/**
 * Score of channel c: Σ over producers p, Σ over the weights w of filter c of p of w · (H g). The paper scores
 * −w · (H g) and removes the highest; the sign is turned so that higher is better, as everywhere. The authors divide
 * the logits by 200 before the softmax, made for untrained networks; here the loss is taken as it is.
 */
export const grasp = weightCriterion(graspRule, {
  title: "GraSP",
  reference:
    "Wang, Zhang & Grosse, Picking winning tickets before training by preserving gradient flow, ICLR 2020, arXiv:2002.07376",
  description:
    "gradient flow that goes with the weights that make the channel (weight times Hessian times gradient)",
});
