/** @file ONNX (NumPy) broadcasting. */
import { boundedSize } from "./guarded.ts";

/** The common shape, or undefined when the shapes do not broadcast. */
export function broadcastShape(shapes: readonly (readonly number[])[]): number[] | undefined {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let axis = 0; axis < shape.length; axis++) {
      const target = rank - shape.length + axis;
      const size = shape[axis]!;
      if (size === 1 || size === result[target]) continue;
      if (result[target] !== 1) return undefined;
      result[target] = size;
    }
  }
  return result;
}

/** For every element of `to`, row-major, the flat position of the element of `from` that is repeated there. */
export function broadcastPositions(from: readonly number[], to: readonly number[]): Int32Array {
  const steps = new Array<number>(to.length).fill(0);
  let step = 1;
  for (let axis = from.length - 1; axis >= 0; axis--) {
    if (from[axis] !== 1) steps[to.length - from.length + axis] = step;
    step *= from[axis]!;
  }
  return positionsBySteps(to, steps);
}

/** Flat source positions of a row-major walk over `shape`, where axis a moves the source by `steps[a]`. */
export function positionsBySteps(shape: readonly number[], steps: readonly number[], start = 0): Int32Array {
  const positions = new Int32Array(boundedSize(shape));
  const at = new Array<number>(shape.length).fill(0);
  let source = start;
  for (let target = 0; target < positions.length; target++) {
    positions[target] = source;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      source += steps[axis]!;
      if (++at[axis]! < shape[axis]!) break;
      source -= steps[axis]! * shape[axis]!;
      at[axis] = 0;
    }
  }
  return positions;
}
