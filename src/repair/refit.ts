/** @file Refits one layer so that its target comes as close to the original network's as a linear map can bring it. */
import { type Node, nodeLabel } from "../graph/model.ts";
import type { Facts } from "../ops/infer.ts";
import { openBatch } from "../passes/open-batch.ts";
import { toNumbers } from "../tensor/tensor.ts";
import { chooseChange } from "./choose-change.ts";
import type { Draft } from "./draft.ts";
import { gather } from "./evidence.ts";
import type { Layer } from "./layers.ts";
import type { LayerStep } from "./plan.ts";
import type { LayerRepair } from "./records.ts";
import { applyShift, shiftPlaceOf } from "./shift.ts";
import { targetOf } from "./targets.ts";
import type { Bench, Wanted } from "./wanted.ts";

export interface RefitOptions {
  /** Whether weights are refitted, or the bias alone. */
  readonly weights: boolean;
  /** Most inputs times taps whose weights are refitted together. */
  readonly maxFeatures: number;
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
  const { best, before, after } = chooseChange(evidence, {
    weights: taps.length > 0,
    bias: shift !== undefined,
  });
  const { spread } = evidence;
  const record = {
    node: nodeLabel(layer.node),
    kind: layer.kind,
    residualBefore: relative(before, spread),
    residualAfter: relative(after, spread),
  };
  if (best === undefined)
    return { ...record, accepted: false, reason: "nothing does better on the held-out examples" };
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

/** Undefined where the original's values do not vary. */
function relative(error: number, spread: number): number | undefined {
  return spread > 0 ? error / spread : undefined;
}

function noteOn(
  { taps: all, inputs }: Layer,
  taps: readonly number[],
  { weights }: RefitOptions,
  hasShift: boolean,
): { reason?: string } {
  const notes: string[] = [];
  if (weights && taps.length === 0)
    notes.push(`its ${inputs} inputs are too many to refit together: only its bias was changed`);
  else if (weights && taps.length < all)
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
