/** @file Chooses how strongly a layer is changed, by what examples say that the change was not made from. */
import type { Evidence } from "./evidence.ts";
import { meanShift, solveRidge, squaredError } from "./fit.ts";

/** Strengths of the penalty that may be tried; see `solveRidge`. */
const ridges: readonly number[] = [1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10];

/** Where the search for the best ridge begins. */
const firstRidge = ridges.indexOf(1e-2);

export interface Candidate {
  /** See `solveRidge`. */
  readonly change: Float64Array;
  readonly ridge?: number;
}

export interface Choice {
  readonly best: Candidate | undefined;
  /** Errors on the held-out examples. */
  readonly before: number;
  readonly after: number;
}

/**
 * Chooses among no change, a shift alone, and changes of the weights under several ridges, by the error on the held-out examples.
 * @param may What of the layer can be changed.
 */
export function chooseChange(
  { fit, heldOut }: Evidence,
  may: { readonly weights: boolean; readonly bias: boolean },
): Choice {
  const before = squaredError(heldOut, new Float64Array(heldOut.cross.length));
  let choice: Choice = { best: undefined, before, after: before };
  const errorOf = (candidate: Candidate): number => {
    const error = squaredError(heldOut, candidate.change);
    if (error < choice.after) choice = { best: candidate, before, after: error };
    return error;
  };
  if (may.bias) errorOf({ change: meanShift(fit) });
  if (may.weights)
    searchRidge((ridge) => {
      const change = solveRidge(fit, ridge, may.bias);
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
