/** @file How large a channel is on average. */
import { type Criterion, statisticsOf } from "./criterion.ts";

/**
 * Mean absolute activation where consumers read the channel, over examples and positions. The paper takes the mean
 * behind ReLU, where both are the same; the absolute value keeps the criterion sound behind other activations.
 */
export const meanActivation: Criterion = {
  title: "Mean activation",
  reference:
    "Molchanov, Tyree, Karras, Aila & Kautz, Pruning convolutional neural networks for resource efficient inference, ICLR 2017, arXiv:1611.06440",
  description: "mean absolute activation",
  needs: "activations",
  score: async (context) => statisticsOf(context, "mean-activation").meanAbsolute.slice(),
};
