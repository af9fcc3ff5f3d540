/** @file The gradient of whatever only picks elements: they go back to where they came from. */
import type { GradientCall } from "../gradient.ts";

/**
 * Sends the gradient of picked elements back by letting the same operator pick from the elements' positions, whatever
 * decides at run time which ones it takes. Slow, since every element carries an index: for picks that are not known
 * beforehand.
 *
 * Elements picked several times add up. ScatterElements adds one after the other; ScatterND is many times faster, but
 * in onnxruntime 1.30 its threads overwrite each other's sums where indices repeat.
 * @param pick Emits the operator once more on other data of the first input's shape and returns its output.
 */
export function scatterBack(call: GradientCall, pick: (positions: string) => string): string {
  const { emit, node } = call;
  const x = node.inputs[0]!;
  const size = emit.node("Size", [x]);
  const count = emit.node("Range", [emit.scalar(0, "int64"), size, emit.scalar(1, "int64")]);
  const positions = pick(emit.node("Reshape", [count, call.shapeOf(x)]));
  const flat = emit.ints([-1]);
  const length = emit.node("Reshape", [size, emit.ints([1])]);
  const zeros = emit.node("Expand", [emit.scalar(0, call.dtype), length]);
  const sums = emit.node(
    "ScatterElements",
    [zeros, emit.node("Reshape", [positions, flat]), emit.node("Reshape", [call.gradients[0]!, flat])],
    { axis: 0, reduction: "add" },
  );
  return emit.node("Reshape", [sums, call.shapeOf(x)]);
}
