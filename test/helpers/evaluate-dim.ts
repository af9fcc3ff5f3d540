/** @file Puts numbers in place of the symbols of an axis size. */
import type { Dim } from "../../src/graph/model.ts";

/** The size under the given values; undefined for an unknown size. Atoms in square brackets count as names. */
export function evaluateDim(dim: Dim, values: Readonly<Record<string, number>>): number | undefined {
  if (dim === undefined || typeof dim === "number") return dim;
  const named = Object.entries(values).sort(([a], [b]) => b.length - a.length);
  let text: string = dim;
  for (const [name, value] of named) text = text.replaceAll(name, String(value));
  const compute = new Function("floor", "ceil", `return ${text};`) as (...given: unknown[]) => number;
  return compute(Math.floor, Math.ceil);
}
