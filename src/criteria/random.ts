/** @file Scores by lot: what every other criterion has to beat. */
import { stream, uniform } from "../math/random.ts";
import { type Criterion, groupOf } from "./criterion.ts";

/** Keeps these draws apart from others under the same seed. */
const purpose = 301;

/** Independent uniform numbers in [0, 1), one stream for each group. */
export const random: Criterion = {
  title: "Random",
  reference:
    "Mittal, Bhardwaj, Khapra & Ravindran, Recovering from random pruning, WACV 2018, arXiv:1801.10447",
  description: "a seeded lot for each channel",
  needs: "nothing",
  async score(context) {
    const draws = stream(context.seed, context.group, purpose);
    return Float64Array.from({ length: groupOf(context).channels }, () => uniform(draws));
  },
};
