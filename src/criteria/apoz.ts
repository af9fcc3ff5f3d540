/** @file How often a channel is not zero. */
import { type Criterion, statisticsOf } from "./criterion.ts";

/**
 * Share of non-zero activations where consumers read the channel, over examples and positions. The paper's
 * APoZ is the average percentage of zeros and the highest go first; this is 1 − APoZ, so that higher is better as in
 * every other criterion. It tells something behind ReLU; behind smooth activations nearly all channels score 1.
 */
export const apoz: Criterion = {
  title: "APoZ",
  reference: "Hu, Peng, Tai & Tang, Network trimming, 2016, arXiv:1607.03250",
  description: "share of non-zero activations (1 - average percentage of zeros)",
  needs: "activations",
  score: async (context) => statisticsOf(context, "apoz").nonZero.slice(),
};
