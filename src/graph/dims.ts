/**
 * @file Arithmetic on axis sizes that may be symbolic. A symbolic size is a product: a number times atoms, written
 * "4*N*M". An atom is a name from the file or a bracketed expression that stands for itself, "(H+1)".
 */
import type { Dim } from "./model.ts";

/** A size taken apart: a number times atoms. */
export interface Monomial {
  readonly factor: number;
  /** Sorted, with repetition. */
  readonly atoms: readonly string[];
}

/** A symbolic size as the file names it, bracketed when the name could be mistaken for a product. */
export function symbol(name: string): string {
  return /^[\p{L}_][\p{L}\p{N}_.:/-]*$/u.test(name) ? name : `(${name})`;
}

export function multiplyDims(a: Dim, b: Dim): Dim {
  if (a === undefined || b === undefined) return undefined;
  if (typeof a === "number" && typeof b === "number") return a * b;
  const left = factorsOf(a);
  const right = factorsOf(b);
  return format({ factor: left.factor * right.factor, atoms: [...left.atoms, ...right.atoms].sort() });
}

/** Exact quotient, or undefined when `b` does not divide `a` for every value of the symbols. */
export function divideDims(a: Dim, b: Dim): Dim {
  if (a === undefined || b === undefined || b === 0) return undefined;
  const left = factorsOf(a);
  const right = factorsOf(b);
  if (left.factor % right.factor !== 0) return undefined;
  const atoms = [...left.atoms];
  for (const atom of right.atoms) {
    const at = atoms.indexOf(atom);
    if (at < 0) return undefined;
    atoms.splice(at, 1);
  }
  return format({ factor: left.factor / right.factor, atoms });
}

/** Sum; of symbolic sizes a new atom, so equal expressions stay equal. */
export function addDims(a: Dim, b: Dim): Dim {
  if (a === undefined || b === undefined) return undefined;
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (a === 0) return b;
  if (b === 0) return a;
  return `(${a}+${b})`;
}

/** floor((size + pad - window) / stride) + 1, or the ceiling instead: the size a sliding window leaves. */
export function windowedDim(size: Dim, pad: number, window: number, stride: number, ceil: boolean): Dim {
  if (size === undefined) return undefined;
  if (typeof size === "number") {
    const steps = (size + pad - window) / stride;
    return (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  }
  if (pad - window === -1 && stride === 1) return size;
  return `(${ceil ? "ceil" : "floor"}((${size}+${pad - window})/${stride})+1)`;
}

export function productOf(dims: readonly Dim[]): Dim {
  let product: Dim = 1;
  for (const dim of dims) product = multiplyDims(product, dim);
  return product;
}

/** All sizes as numbers, or undefined when one is symbolic or unknown. */
export function concreteShape(shape: readonly Dim[] | undefined): number[] | undefined {
  if (shape === undefined || shape.some((dim) => typeof dim !== "number")) return undefined;
  return shape as number[];
}

/** The number and the atoms a size is the product of. */
export function factorsOf(dim: number | string): Monomial {
  if (typeof dim === "number") return { factor: dim, atoms: [] };
  let factor = 1;
  const atoms: string[] = [];
  for (const part of topLevelFactors(dim)) {
    if (/^\d+$/.test(part)) factor *= Number(part);
    else atoms.push(part);
  }
  return { factor, atoms };
}

function topLevelFactors(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "(") depth++;
    else if (text[at] === ")") depth--;
    else if (text[at] === "*" && depth === 0) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

function format({ factor, atoms }: Monomial): Dim {
  if (atoms.length === 0 || factor === 0) return factor;
  return factor === 1 ? atoms.join("*") : `${factor}*${atoms.join("*")}`;
}
