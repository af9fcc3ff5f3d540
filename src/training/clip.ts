/** @file Keeps gradients from growing without bound, by their common norm or one by one. */
import type { ReadonlyNamedArrays } from "./named-arrays.ts";

/** Euclidean norm over all elements of all arrays, summed in double precision; NaN or infinite when an element is. */
export function globalNorm(gradients: ReadonlyNamedArrays): number {
  let squares = 0;
  for (const gradient of gradients.values()) squares += sumOfSquares(gradient);
  return Math.sqrt(squares);
}

/** Four sums side by side, so that one addition does not wait for the one before it. */
function sumOfSquares(x: Float32Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = x.length - (x.length % 4);
  for (let k = 0; k < whole; k += 4) {
    a += x[k]! * x[k]!;
    b += x[k + 1]! * x[k + 1]!;
    c += x[k + 2]! * x[k + 2]!;
    d += x[k + 3]! * x[k + 3]!;
  }
  for (let k = whole; k < x.length; k++) a += x[k]! * x[k]!;
  return a + b + (c + d);
}

/**
 * Shrinks all gradients by one factor, in place, when their common norm exceeds the limit: min(1, limit / (norm + 1e-6)),
 * as in PyTorch. Gradients whose norm is not finite stay as they are, for the loss watch to find.
 * @returns The norm before clipping.
 * @see Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.
 */
export function clipByNorm(gradients: ReadonlyNamedArrays, limit: number): number {
  const norm = globalNorm(gradients);
  const factor = limit / (norm + 1e-6);
  if (factor < 1 && Number.isFinite(norm)) {
    for (const gradient of gradients.values()) scale(gradient, factor);
  }
  return norm;
}

function scale(x: Float32Array, factor: number): void {
  for (let k = 0; k < x.length; k++) x[k] = x[k]! * factor;
}

/** Cuts every element to −limit…limit, in place; NaN stays NaN. */
export function clipByValue(gradients: ReadonlyNamedArrays, limit: number): void {
  for (const gradient of gradients.values()) cut(gradient, limit);
}

function cut(x: Float32Array, limit: number): void {
  for (let k = 0; k < x.length; k++) {
    const value = x[k]!;
    if (value > limit) x[k] = limit;
    else if (value < -limit) x[k] = -limit;
  }
}
