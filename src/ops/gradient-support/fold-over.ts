/** @file Sums and means over axes that may be none, written as the runtime wants them. */
import type { Emitter } from "../../graph/emitter.ts";

/** Folds axes and keeps them with size 1; without axes the value itself. */
export function foldOver(
  emit: Emitter,
  opType: "ReduceSum" | "ReduceMean" | "ReduceProd",
  value: string,
  axes: readonly number[],
): string {
  return axes.length === 0 ? value : emit.node(opType, [value, emit.ints(axes)], { keepdims: 1 });
}
