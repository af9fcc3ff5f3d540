/** @file Lays a list with one number per channel along axis 1. */
import type { Emitter } from "../../graph/emitter.ts";

/** [C] as [C, 1, …], which broadcasts along axis 1 of a value with `rank` axes, two or more. */
export function alongChannels(emit: Emitter, value: string, rank: number): string {
  if (rank === 2) return value;
  return emit.node("Unsqueeze", [value, emit.ints(Array.from({ length: rank - 2 }, (_, axis) => axis + 1))]);
}
