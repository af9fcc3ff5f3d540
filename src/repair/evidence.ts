/** @file The sums a refit is made from and judged by, gathered over the calibration examples. */
import type { Model } from "../graph/model.ts";
import type { Facts } from "../ops/infer.ts";
import { addTo, emptySums, type Sums } from "./fit.ts";
import type { Layer } from "./layers.ts";
import type { LayerStep } from "./plan.ts";
import { probeNames, sumsFeeds, sumsModel } from "./probe.ts";
import { runInOrder } from "./run-batches.ts";
import { sampleRows } from "./sample-rows.ts";
import { checkFinite } from "./statistics.ts";
import type { Bench, Wanted } from "./wanted.ts";

/** What the fit is made from, what it is judged by, and the variance of what it is held against. */
export interface Evidence {
  readonly fit: Sums;
  readonly heldOut: Sums;
  /** Squared deviations of the original values from their mean on the held-out rows, summed over channels. */
  readonly spread: number;
}

export interface Probe {
  readonly model: Model;
  readonly facts: Facts;
  readonly layer: Layer;
  readonly step: LayerStep;
  readonly taps: readonly number[];
  readonly wanted: Wanted;
}

/**
 * Runs the calibration examples through the pruned network up to a layer.
 * @throws {PrunerError} `activation-not-finite`.
 */
export async function gather(
  bench: Bench,
  { model, facts, layer, step, taps, wanted }: Probe,
): Promise<Evidence> {
  const { runner, dataset, batches, rows: most, seed, signal } = bench;
  const empty = (): Sums => emptySums(layer.groups, taps.length * layer.inputs + 1, layer.outputs);
  const [fit, heldOut] = [empty(), empty()];
  const items = batches.map((batch, k) => ({ batch, wanted: wanted[k]! }));
  await runInOrder(
    runner,
    sumsModel(model, facts, layer, taps, step.target),
    items,
    ({ batch, wanted: own }) => {
      const rows = sampleRows(layer, batch, most, seed, step.ordinal);
      return {
        ...dataset.batch(batch.examples),
        ...sumsFeeds(layer, taps, rows, batch.examples.length, own),
      };
    },
    (outputs, { batch }) => {
      const total = batch.heldOut ? heldOut : fit;
      addTo(total.gram, outputs[probeNames.gram]!.data as Float32Array);
      addTo(total.cross, outputs[probeNames.cross]!.data as Float32Array);
      addTo(total.squares, outputs[probeNames.squares]!.data as Float32Array);
    },
    signal,
  );
  for (const { gram, cross, squares } of [fit, heldOut])
    for (const sums of [gram, cross, squares]) checkFinite(layer.node, sums);
  const judged = wanted.filter((_, k) => batches[k]!.heldOut);
  return { fit, heldOut, spread: spreadOf(judged, layer.groups * layer.outputs) };
}

/** Σ (value - mean of its channel)², two passes over the rows. */
function spreadOf(parts: Wanted, channels: number): number {
  const mean = new Float64Array(channels);
  const rows = parts.reduce((sum, part) => sum + part.length, 0) / channels;
  for (const part of parts)
    for (let k = 0; k < part.length; k++) mean[k % channels] = mean[k % channels]! + part[k]! / rows;
  let total = 0;
  for (const part of parts)
    for (let k = 0; k < part.length; k++) total += (part[k]! - mean[k % channels]!) ** 2;
  return total;
}
