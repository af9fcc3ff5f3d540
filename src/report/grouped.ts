/** @file What grouped convolutions lost, as text. */
import { compact, short } from "./format.ts";
import type { GroupedLayer } from "./records.ts";
import { table } from "./table.ts";

/** The heads of the table of grouped convolutions. */
export const groupedHeads = [
  "grouped layer",
  "blocks",
  "loses",
  "payoff, equal cuts",
  "payoff, whole blocks",
  "difference ± error",
  "at",
  "notes",
] as const;

/** One row for each grouped convolution. */
export function groupedRow({ layer, blocks, cut, trial, reason }: GroupedLayer): string[] {
  const way = cut === "equal" ? "channels of each block" : "whole blocks";
  if (trial === null) return [layer, String(blocks), way, "-", "-", "-", "-", reason ?? ""];
  const { payoffEqual, payoffBlocks, standardError, cost, quantity } = trial;
  const difference = `${short(payoffBlocks - payoffEqual, 2)} ±${short(standardError, 2)}`;
  const at = `${compact(cost)} ${quantity === "macs" ? "MACs" : "parameters"}`;
  return [layer, String(blocks), way, short(payoffEqual), short(payoffBlocks), difference, at, reason ?? ""];
}

/** Empty where nothing was chosen. */
export function groupedText(layers: readonly GroupedLayer[] | null): string {
  if (layers === null) return "";
  if (layers.length === 0)
    return "There is no grouped convolution and no group norm with several channels in a block.";
  const left = ["left", "right", "left", "right", "right", "right", "right", "left"] as const;
  return table(groupedHeads, layers.map(groupedRow), left);
}
