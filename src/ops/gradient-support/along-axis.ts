/** @file The gradient of a linear map along one axis: a multiplication by its matrix, transposed. */
import type { Dim } from "../../graph/model.ts";
import { fromNumbers } from "../../tensor/tensor.ts";
import type { GradientCall } from "../gradient.ts";

/** Every output position of an axis as a weighted sum of input positions. */
export interface AxisMap {
  readonly axis: number;
  /** Positions on the input's axis. */
  readonly size: number;
  /** Per output position: pairs of input position and weight. Equal positions add up. */
  readonly taps: readonly (readonly (readonly [position: number, weight: number])[])[];
}

/**
 * What flows back through a linear map of one axis.
 * @param shape Shape of `gradient`; sizes behind the axis have to be numbers.
 * @returns The gradient with `map.size` positions on the axis.
 */
export function backAlong(
  call: GradientCall,
  gradient: string,
  shape: readonly Dim[],
  { axis, size, taps }: AxisMap,
): string {
  const { emit, dtype } = call;
  const matrix = new Float64Array(taps.length * size); // [out, size]
  taps.forEach((pairs, out) => {
    for (const [position, weight] of pairs) matrix[out * size + position]! += weight;
  });
  if (axis === shape.length - 1)
    return emit.node("MatMul", [gradient, emit.constant(fromNumbers(dtype, [taps.length, size], matrix))]);
  const flipped = Float64Array.from(
    matrix,
    (_, k) => matrix[(k % taps.length) * size + Math.floor(k / taps.length)]!,
  );
  const weights = emit.constant(fromNumbers(dtype, [size, taps.length], flipped));
  if (axis === shape.length - 2) return emit.node("MatMul", [weights, gradient]);
  const behind = shape.slice(axis + 1);
  if (behind.some((dim) => typeof dim !== "number"))
    return call.refuse(`the sizes behind axis ${axis} are not known`);
  const sizes = behind as readonly number[];
  const leading = new Array<number>(axis).fill(0); // copied
  const inner = sizes.reduce((a, b) => a * b, 1);
  const folded = emit.node("Reshape", [gradient, emit.ints([...leading, taps.length, inner])]);
  return emit.node("Reshape", [
    emit.node("MatMul", [weights, folded]),
    emit.ints([...leading, size, ...sizes]),
  ]);
}
