/** @file Repair of pruned networks without training. */
export type { LayerRepair } from "./records.ts";
export { type RepairMethod, type RepairOptions, type RepairResult, repair, repairMethods } from "./repair.ts";
