/** @file Values read off a map at computed places of space: regions pooled, grids sampled. Channels pass. */
import { intAttribute, intsAttribute } from "../../graph/attributes.ts";
import type { Dim } from "../../graph/model.ts";
import { blockOn, firmOf, unifyBlocks } from "../label-blocks.ts";
import type { Couplings, Fact, InferCall, LabelBlock, Operator } from "../operator.ts";
import { blockFor, likeFirst, numbersOf, shapeOf } from "../shapes.ts";

/** Channels lie on axis 1 of the map and of the result. */
function coupleChannels(c: Couplings, examples: (why: string) => readonly LabelBlock[]): void {
  const rank = c.inputs[0]?.shape?.length;
  const why = `${c.node.opType} computes places from it`;
  if (rank === undefined) {
    c.lockInput(0, "its rank is not known");
    for (let input = 1; input < c.node.inputs.length; input++) c.lockInput(input, why);
    return;
  }
  for (let axis = 2; axis < rank; axis++)
    c.lock(c.labelsOf(0, axis), `${c.node.opType} reads it at computed places`);
  c.setOutput(0, [...examples(why), ...blockFor(1, c.labelsOf(0, 1))]);
}

/** Every region tells its example by number. */
function coupleRegions(c: Couplings): void {
  coupleChannels(c, (why) => {
    c.lock(c.labelsOf(0, 0), `${c.node.opType} picks examples by number`);
    for (let input = 1; input < c.node.inputs.length; input++) c.lockInput(input, why);
    return [];
  });
}

/** Every example has a grid of its own, which may be that of a head merged with the batch. */
function coupleGridSample(c: Couplings): void {
  coupleChannels(c, (why) => {
    for (let axis = 1; axis < (c.inputs[1]?.shape?.length ?? 1); axis++) c.lock(c.labelsOf(1, axis), why);
    const [own, grid] = [c.axisBlock(0, 0), c.axisBlock(1, 0)];
    unifyBlocks(c, own, grid, "its grids are fixed");
    return blockOn(0, firmOf(c, own, grid));
  });
}

function regions(spatial: (call: InferCall) => readonly Dim[]): Operator {
  return {
    infer: (call) => [likeFirst(call, [shapeOf(call, 1)?.[0], shapeOf(call, 0)?.[1], ...spatial(call)])],
    couple: coupleRegions,
  };
}

function inferGridSample(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const grid = shapeOf(call, 1);
  if (x === undefined || grid === undefined) return [likeFirst(call, undefined)];
  return [likeFirst(call, [x[0], x[1], ...grid.slice(1, -1)])];
}

function inferAffineGrid(call: InferCall): readonly Fact[] {
  const size = call.inputs[1]?.elements ?? numbersOf(call.inputs[1]);
  return [likeFirst(call, size && [size[0], ...size.slice(2), size.length - 2])];
}

export const sampled: Readonly<Record<string, Operator>> = {
  RoiAlign: regions(({ node }) => [
    intAttribute(node, "output_height", 1),
    intAttribute(node, "output_width", 1),
  ]),
  MaxRoiPool: regions(({ node }) => intsAttribute(node, "pooled_shape") ?? [undefined, undefined]),
  GridSample: { infer: inferGridSample, couple: coupleGridSample },
  AffineGrid: {
    infer: inferAffineGrid,
    couple: (c) => {
      for (const input of [0, 1]) c.lockInput(input, "AffineGrid computes places from it");
    },
  },
};
