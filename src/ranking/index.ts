/** @file From scores to an order, with ties and confidence, and groups by name. */
export { type CutConfidence, type CutOptions, confidenceOfCut } from "./confidence.ts";
export { type OrderOptions, type RankedOrder, rankedOrder, type Tie } from "./order.ts";
export { groupsMatching, type NamedGroup, type Selection, selectGroups } from "./select-groups.ts";
