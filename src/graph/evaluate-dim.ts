/** @file Numbers for symbolic sizes, where the sizes of the data are known. */
import type { Dim } from "./model.ts";

/**
 * A size with numbers in place of its names. Sums, products and quotients are worked out, with floor and ceil.
 * @param sizeOf The number for a name; undefined when it is not known.
 * @returns undefined for sizes that cannot be worked out.
 */
export function evaluateDim(dim: Dim, sizeOf: (name: string) => number | undefined): number | undefined {
  if (dim === undefined || typeof dim === "number") return dim;
  const tokens = dim.match(/[\p{L}_][\p{L}\p{N}_.:/-]*|\d+|[-+*/()]|\S/gu) ?? [];
  let at = 0;
  const atom = (): number => {
    const token = tokens[at++] ?? "";
    if (token === "-") return -atom();
    if (/^\d+$/.test(token)) return Number(token);
    if (token === "floor" || token === "ceil") return Math[token](atom());
    if (token !== "(") return sizeOf(token) ?? Number.NaN;
    const inner = sum();
    return tokens[at++] === ")" ? inner : Number.NaN;
  };
  const product = (): number => {
    let value = atom();
    while (tokens[at] === "*" || tokens[at] === "/")
      value = tokens[at++] === "*" ? value * atom() : value / atom();
    return value;
  };
  const sum = (): number => {
    let value = product();
    while (tokens[at] === "+") {
      at++;
      value += product();
    }
    return value;
  };
  const value = sum();
  return at === tokens.length && Number.isInteger(value) ? value : undefined;
}
