/** @file Stages that plans of several commands share. */
import { costModelOf, fullCost } from "../channels/cost.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { operatorOf } from "../ops/index.ts";
import type { PlannedStage } from "../report/dry-run-records.ts";
import { secondsPerMac } from "./dry-run-ranking.ts";

/** A stage so many times over. */
export function times(stage: PlannedStage, factor: number): PlannedStage {
  const { amount, macs, seconds } = stage;
  return {
    ...stage,
    amount: amount === null ? null : Math.round(amount * factor),
    macs: macs === null ? null : macs * factor,
    seconds: seconds * factor,
  };
}

/** Multiply-accumulates of one example. */
export function macsOf(analysis: ChannelAnalysis): number {
  return fullCost(costModelOf(analysis)).macs;
}

/**
 * Repair: every layer that is refitted runs both networks up to itself, half of them on average.
 * @param examples Over all repairs; @param left Multiply-accumulates of what is left.
 * @param exampleSeconds For one example through the whole original.
 */
export function repairStage(
  analysis: ChannelAnalysis,
  examples: number,
  left: number,
  exampleSeconds: number,
): PlannedStage {
  const { nodes } = analysis.model.graph;
  const layers = nodes.filter((node) => operatorOf(node)?.macs !== undefined).length;
  const macs = (examples * layers * (macsOf(analysis) + left)) / 2;
  const seconds = macs * secondsPerMac(analysis, exampleSeconds);
  return { name: "repair", amount: examples, unit: "examples", macs, seconds };
}
