/** @file Refits one layer so that its target comes as close to the original network's as a linear map can bring it. */
import { type Model, type Node, nodeLabel } from "../graph/model.ts";
import type { Facts } from "../ops/infer.ts";
import { openBatch } from "../passes/open-batch.ts";
import { toNumbers } from "../tensor/tensor.ts";
import type { Draft } from "./draft.ts";
import { addTo, emptySums, meanShift, type Sums, solveRidge, squaredError } from "./fit.ts";
import type { Layer } from "./layers.ts";
import type { LayerStep } from "./plan.ts";
import { probeNames, sumsFeeds, sumsModel } from "./probe.ts";
import type { LayerRepair } from "./records.ts";
import { runInOrder } from "./run-batches.ts";
import { sampleRows } from "./sample-rows.ts";
import { applyShift, shiftPlaceOf } from "./shift.ts";
import { checkFinite } from "./statistics.ts";
import { targetOf } from "./targets.ts";
import type { Bench, Wanted } from "./wanted.ts";

/** Strengths of the penalty that may be tried; see `solveRidge`. */
const ridges: readonly number[] = [1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10];

/** Where the search for the best ridge begins. */
const firstRidge = ridges.indexOf(1e-2);

export interface RefitOptions {
  /** Whether weights are refitted, or the bias alone. */
  readonly weights: boolean;
  /** Most inputs times taps whose weights are refitted together. */
  readonly maxFeatures: number;
}

/** What the fit is made from, what it is judged by, and the variance of what it is held against. */
interface Evidence {
  readonly fit: Sums;
  readonly heldOut: Sums;
  /** Squared deviations of the original values from their mean on the held-out rows, summed over channels. */
  readonly spread: number;
}

interface Candidate {
  /** See `solveRidge`. */
  readonly change: Float64Array;
  readonly ridge?: number;
}

/**
 * Chooses among leaving the layer as it is, shifting its output, and refitting its weights with several ridges, by the
 * error on the held-out examples, and applies the choice to the draft.
 * @throws {PrunerError} `activation-not-finite`.
 */
export async function refitLayer(
  bench: Bench,
  draft: Draft,
  facts: Facts,
  step: LayerStep,
  wanted: Wanted,
  options: RefitOptions,
): Promise<LayerRepair> {
  const model = openBatch(draft.model());
  const layer = withCurrentWeights(step.layer, draft);
  const taps = options.weights ? tapsWithin(layer, options.maxFeatures) : [];
  const evidence = await gather(bench, { model, facts, layer, step, taps, wanted });
  const shift = shiftPlaceOf(layer, model.graph, draft);
  const { best, before, after } = choose(evidence, options.weights, shift !== undefined);
  const { spread } = evidence;
  const record = {
    node: nodeLabel(layer.node),
    kind: layer.kind,
    residualBefore: relative(before, spread),
    residualAfter: relative(after, spread),
  };
  if (best === undefined)
    return { ...record, accepted: false, reason: "no refit does better on the held-out examples" };
  const { slope } = targetOf(layer, model.graph, facts, draft);
  const changes = changesOf(layer, taps, best.change, slope);
  if (best.ridge !== undefined)
    draft.replace(layer.node.outputs[0]!, 1, layer.weight.shape, changes.weights, layer.weight);
  if (shift !== undefined) applyShift(draft, shift, changes.shift, layer.weight);
  return {
    ...record,
    ridge: best.ridge,
    accepted: true,
    ...noteOn(layer, taps, options, shift !== undefined),
  };
}

function relative(error: number, spread: number): number {
  return error === 0 ? 0 : error / spread;
}

function noteOn(
  { taps: all }: Layer,
  taps: readonly number[],
  { weights }: RefitOptions,
  hasShift: boolean,
): { reason?: string } {
  const notes: string[] = [];
  if (weights && taps.length < all)
    notes.push(`refitted ${taps.length} of ${all} kernel positions, those with the largest weights`);
  if (!hasShift) notes.push("it has no bias that could be changed");
  return notes.length === 0 ? {} : { reason: notes.join("; ") };
}

function withCurrentWeights(layer: Layer, draft: Draft): Layer {
  const node: Node = draft.nodeOf(layer.node.outputs[0]!);
  return { ...layer, node, weight: draft.constant(node.inputs[1]!)! };
}

/**
 * The kernel positions whose weights are refitted: all, or as many as keep the system small, those with the largest
 * weights. Where one position is left, this mixes channels as a 1 x 1 convolution would.
 */
function tapsWithin({ taps, inputs, groups, outputs, weight, at }: Layer, limit: number): number[] {
  const all = Array.from({ length: taps }, (_, tap) => tap);
  if (taps * inputs <= limit) return all;
  const data = toNumbers(weight.load());
  const energy = all.map((tap) => {
    let sum = 0;
    for (let group = 0; group < groups; group++)
      for (let output = 0; output < outputs; output++)
        for (let input = 0; input < inputs; input++) sum += data[at(group, output, tap, input)]! ** 2;
    return sum;
  });
  const byEnergy = all.toSorted((a, b) => energy[b]! - energy[a]! || a - b);
  return byEnergy.slice(0, Math.floor(limit / inputs)).sort((a, b) => a - b);
}

interface Probe {
  readonly model: Model;
  readonly facts: Facts;
  readonly layer: Layer;
  readonly step: LayerStep;
  readonly taps: readonly number[];
  readonly wanted: Wanted;
}

async function gather(bench: Bench, { model, facts, layer, step, taps, wanted }: Probe): Promise<Evidence> {
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

interface Choice {
  readonly best: Candidate | undefined;
  /** Errors on the held-out examples. */
  readonly before: number;
  readonly after: number;
}

function choose({ fit, heldOut }: Evidence, weights: boolean, hasBias: boolean): Choice {
  const before = squaredError(heldOut, new Float64Array(heldOut.cross.length));
  let choice: Choice = { best: undefined, before, after: before };
  const errorOf = (candidate: Candidate): number => {
    const error = squaredError(heldOut, candidate.change);
    if (error < choice.after) choice = { best: candidate, before, after: error };
    return error;
  };
  if (hasBias) errorOf({ change: meanShift(fit) });
  if (weights)
    searchRidge((ridge) => {
      const change = solveRidge(fit, ridge, hasBias);
      return change === undefined ? Number.POSITIVE_INFINITY : errorOf({ change, ridge });
    });
  return choice;
}

/** Walks from the first ridge the way the error falls, until it rises: three or four of all ridges are tried. */
function searchRidge(errorAt: (ridge: number) => number): void {
  const first = errorAt(ridges[firstRidge]!);
  const walk = (by: 1 | -1): boolean => {
    let last = first;
    for (let k = firstRidge + by; k >= 0 && k < ridges.length; k += by) {
      const error = errorAt(ridges[k]!);
      if (!(error < last)) return last < first;
      last = error;
    }
    return last < first;
  };
  if (!walk(-1)) walk(1);
}

/** Weights with the change, and the shift of the layer's output. Outputs the target does not depend on stay as they are. */
function changesOf(
  { groups, inputs, outputs, weight, at, scale }: Layer,
  taps: readonly number[],
  change: Float64Array,
  slope: Float64Array,
): { readonly weights: Float64Array; readonly shift: Float64Array } {
  const weights = toNumbers(weight.load());
  const shift = new Float64Array(groups * outputs);
  const features = taps.length * inputs + 1;
  for (let group = 0; group < groups; group++) {
    for (let output = 0; output < outputs; output++) {
      const factor = slope[group * outputs + output]!;
      if (Math.abs(factor) < smallestSlope) continue;
      const by = (feature: number): number =>
        change[(group * features + feature) * outputs + output]! / factor;
      taps.forEach((tap, t) => {
        for (let input = 0; input < inputs; input++) {
          const place = at(group, output, tap, input);
          weights[place] = weights[place]! + by(t * inputs + input) / scale;
        }
      });
      shift[group * outputs + output] = by(features - 1);
    }
  }
  return { weights, shift };
}

/** Below this a normalisation has silenced the channel. */
const smallestSlope = 1e-6;
