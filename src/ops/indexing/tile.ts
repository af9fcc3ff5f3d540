/** @file Tile: an axis repeated as a whole, several times over. */
import { multiplyDims } from "../../graph/dims.ts";
import type { Dim } from "../../graph/model.ts";
import type { Couplings, Fact, InferCall, Operator } from "../operator.ts";
import { blockFor, likeFirst, numbersOf, shapeOf, untangledBlocks } from "../shapes.ts";

function inferTile(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const repeats = repeatsOf(call);
  return [
    likeFirst(
      call,
      x?.map((size, axis) => multiplyDims(size, repeats?.[axis])),
    ),
  ];
}

/** How often each axis is repeated; open sizes such as the batch among them. */
function repeatsOf(call: Pick<InferCall, "inputs">): readonly Dim[] | undefined {
  return call.inputs[1]?.elements ?? numbersOf(call.inputs[1]);
}

function coupleTile(c: Couplings): void {
  const x = c.inputs[0]?.shape;
  const repeats = repeatsOf(c);
  if (x === undefined || repeats === undefined) {
    c.lockInput(0, "how often it is repeated is not known");
    return;
  }
  const tiledAxes = new Set(repeats.flatMap((times, axis) => (times === 1 ? [] : [axis])));
  const whole = untangledBlocks(c, 0, tiledAxes).filter(
    ({ axes }) => !axes.some((axis) => tiledAxes.has(axis)),
  );
  const tiled = x.flatMap((_, axis) => {
    const times = repeats[axis];
    if (times === 1) return [];
    const labels = c.labelsOf(0, axis);
    if (typeof times === "number") return blockFor(axis, labels && repeated(labels, times));
    if (x[axis] !== 1) c.lock(labels, "how often it is repeated is not known");
    return [];
  });
  c.setOutput(0, [...whole, ...tiled]);
}

function repeated(labels: Int32Array, times: number): Int32Array {
  const out = new Int32Array(labels.length * times);
  for (let k = 0; k < times; k++) out.set(labels, k * labels.length);
  return out;
}

export const tile: Operator = { infer: inferTile, couple: coupleTile };
