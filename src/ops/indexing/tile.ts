/** @file Tile: an axis repeated as a whole, several times over. */
import { multiplyDims } from "../../graph/dims.ts";
import type { Dim, Node } from "../../graph/model.ts";
import { alikeBlocks, blockWithin, withinOf } from "../label-blocks.ts";
import type { Couplings, Fact, InferCall, LabelBlock, Operator, SliceCall } from "../operator.ts";
import { blockFor, likeFirst, numbersOf, shapeOf, untangledBlocks } from "../shapes.ts";
import { needsSizes, writeSizes } from "./write-sizes.ts";

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
  if (x === undefined || repeats === undefined || repeats.includes(undefined)) {
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
    if (x[axis] === 1) return alikeBlocks(c, repeats, (own) => own === axis);
    if (typeof times === "number") {
      const labels = c.labelsOf(0, axis);
      return blockFor(axis, labels && repeated(labels, times));
    }
    return repeatedOpenly(c, axis, times);
  });
  c.rewrites(1, repeats.every((times) => c.isTold(times)) ? "all" : "numbers");
  c.setOutput(0, [...whole, ...tiled]);
}

/** An axis of size 1 is repeated as often as positions are left. */
function sliceTile(call: SliceCall): Node {
  const [x, after] = [call.inputs[0]?.shape, call.shapeOfOutput(0)];
  const repeats = repeatsOf(call);
  if (x === undefined || after === undefined || repeats === undefined) return call.node;
  if (!needsSizes(call, 1, after)) return call.node;
  writeSizes(
    call,
    1,
    repeats.map((times, axis) => (x[axis] === 1 ? after[axis] : times)),
  );
  return call.node;
}

/** An open number of repeats, such as the batch, surrounds the labels. */
function repeatedOpenly(c: Couplings, axis: number, times: Dim): LabelBlock[] {
  const block = c.axisBlock(0, axis);
  if (block === undefined) return [];
  const { outer = 1, inner = 1 } = withinOf(block, 0) ?? {};
  return [blockWithin([axis], block.labels, [{ outer: multiplyDims(times, outer), inner }])];
}

function repeated(labels: Int32Array, times: number): Int32Array {
  const out = new Int32Array(labels.length * times);
  for (let k = 0; k < times; k++) out.set(labels, k * labels.length);
  return out;
}

export const tile: Operator = { infer: inferTile, couple: coupleTile, slice: sliceTile };
