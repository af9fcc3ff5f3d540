/** @file Statistics of methods measured side by side: curves, spreads over seeds, differences and which of them count. */
export { areaLost, sizesOver } from "./curves.ts";
export { type Difference, holm, pairedDifference, sharedVariance } from "./difference.ts";
export { spreadOf } from "./spread.ts";
