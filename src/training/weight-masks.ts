/** @file Weights that stay zero while the others train. */
import { arrayOf, type ReadonlyNamedArrays } from "./named-arrays.ts";
import type { OptimizerState } from "./optimizers/index.ts";

/** For each masked parameter one byte per weight: 1 trains, 0 stays zero. Parameters without an entry are free. */
export type WeightMasks = ReadonlyMap<string, Uint8Array>;

/** Masks that hold every weight that is zero now; parameters without zeros get no entry. */
export function masksOfZeros(parameters: ReadonlyNamedArrays): WeightMasks {
  const masks = new Map<string, Uint8Array>();
  for (const [name, weights] of parameters) {
    if (weights.includes(0))
      masks.set(
        name,
        Uint8Array.from(weights, (weight) => (weight === 0 ? 0 : 1)),
      );
  }
  return masks;
}

/**
 * Writes zero wherever a mask says so, in place. Assigned and not multiplied, so that neither −0 nor NaN gets through.
 * Apply it to gradients before the norm is taken, and to parameters after each step (decay and old momentum move them too).
 * @param arrays Arrays without a mask stay; masks without an array are skipped, since gradients may cover fewer parameters.
 * @throws {Error} when a mask has another length than its array: a defect of ours.
 */
export function applyMasks(masks: WeightMasks, arrays: ReadonlyNamedArrays): void {
  for (const [name, mask] of masks) {
    if (arrays.has(name)) zeroWhere(mask, arrayOf(arrays, name, mask.length));
  }
}

/** The same for everything the optimizer remembers. */
export function applyMasksToState(masks: WeightMasks, state: OptimizerState): void {
  for (const arrays of state.slots.values()) applyMasks(masks, arrays);
}

function zeroWhere(mask: Uint8Array, x: Float32Array): void {
  for (let k = 0; k < x.length; k++) if (mask[k] === 0) x[k] = 0;
}
