/** @file Writes a list of sizes, or of how often axes are repeated, anew in front of a node. */
import type { Dim } from "../../graph/model.ts";
import { int64 } from "../../tensor/tensor.ts";
import type { SliceCall } from "../operator.ts";

/**
 * Puts `wanted` in place of an input of as many elements. Open sizes are those of graph inputs where these tell all of them;
 * else they stay as they are computed: sizes × 0 or 1 + numbers.
 */
export function writeSizes(call: SliceCall, input: number, wanted: readonly Dim[]): void {
  const list = (values: readonly number[]) => int64([values.length], values);
  if (wanted.every((size) => typeof size === "number")) {
    call.replaceInput(input, list(wanted));
    return;
  }
  const told = wanted.map((size) => call.sizeFromInputs(size));
  if (told.every((name) => name !== undefined)) {
    call.redirectInput(input, call.emit("Concat", told, { axis: 0 }));
    return;
  }
  const isNumber = (size: Dim) => typeof size === "number";
  const kept = call.store(list(wanted.map((size) => (isNumber(size) ? 0 : 1))));
  const open = call.emit("Mul", [call.node.inputs[input]!, kept]);
  const numbers = call.store(list(wanted.map((size) => (typeof size === "number" ? size : 0))));
  call.redirectInput(input, call.emit("Add", [open, numbers]));
}

/** Whether sizes in an input need writing: they changed, or they are computed of sizes that may have. */
export function needsSizes(call: SliceCall, input: number, after: readonly Dim[]): boolean {
  if (after.some((size, axis) => size !== call.outputs[0]!.shape![axis])) return true;
  const { constant, elements } = call.inputs[input] ?? {};
  return constant === undefined && elements?.every((size) => size !== undefined) === true;
}
