/**
 * @file Operators that pick, write or count elements at places computed from data: what they read stays, but for axes behind
 * those that the places speak of, along which everything is picked or written.
 */
import { intAttribute } from "../../graph/attributes.ts";
import type { Dim } from "../../graph/model.ts";
import type { DType } from "../../tensor/dtype.ts";
import { blockOn, firmOf, unifyBlocks } from "../label-blocks.ts";
import type { Couplings, Fact, InferCall, LabelBlock, Operator } from "../operator.ts";
import { fromFront, likeFirst, numbersOf, renumberBlocks, shapeOf } from "../shapes.ts";

function computed(infer: (call: InferCall) => readonly Fact[]): Operator {
  return {
    infer,
    couple: (c: Couplings) => {
      for (let input = 0; input < c.node.inputs.length; input++)
        c.lockInput(input, `${c.node.opType} works at computed places`);
    },
  };
}

function inferGatherNd(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const at = shapeOf(call, 1);
  const depth = at?.at(-1);
  if (x === undefined || at === undefined || typeof depth !== "number") return [likeFirst(call, undefined)];
  const batch = intAttribute(call.node, "batch_dims", 0);
  return [likeFirst(call, [...at.slice(0, -1), ...x.slice(batch + depth)])];
}

/** Axes in front that a list of places speaks of: as many as each place has numbers, behind `batch_dims` shared ones. */
function placedAxes(c: Couplings): number | undefined {
  const depth = c.inputs[1]?.shape?.at(-1);
  const x = c.inputs[0]?.shape;
  if (x === undefined || typeof depth !== "number") return undefined;
  return depth + (c.node.opType === "GatherND" ? intAttribute(c.node, "batch_dims", 0) : 0);
}

/** Blocks behind the first axes of an input; those that reach into them are locked. */
function blocksBehind(c: Couplings, input: number, first: number): readonly LabelBlock[] {
  const why = `${c.node.opType} works at computed places`;
  const reaches = ({ axes }: LabelBlock) => axes.some((axis) => axis < first);
  for (const block of c.blocksOf(input)) if (reaches(block)) c.lock(block.labels, why);
  return c.blocksOf(input).filter((block) => !reaches(block));
}

function coupleGatherNd(c: Couplings): void {
  const first = placedAxes(c);
  c.lockInput(1, `${c.node.opType} works at computed places`);
  if (first === undefined) {
    c.lockInput(0, `${c.node.opType} works at computed places`);
    return;
  }
  const shift = c.inputs[1]!.shape!.length - 1 - first;
  c.setOutput(
    0,
    renumberBlocks(blocksBehind(c, 0, first), (axis) => axis + shift),
  );
}

/** Updates have the axes of their places in front, and meet the data along all others. */
function coupleScatterNd(c: Couplings): void {
  const first = placedAxes(c);
  const why = `${c.node.opType} works at computed places`;
  c.lockInput(1, why);
  const [x, updates] = [c.inputs[0]?.shape, c.inputs[2]?.shape];
  if (first === undefined || x === undefined || updates === undefined) {
    for (const input of [0, 2]) c.lockInput(input, why);
    return;
  }
  const shift = c.inputs[1]!.shape!.length - 1 - first;
  blocksBehind(c, 0, first);
  blocksBehind(c, 2, first + shift);
  const blocks: LabelBlock[] = [];
  for (let axis = first; axis < x.length; axis++) {
    const [own, written] = [c.axisBlock(0, axis), c.axisBlock(2, axis + shift)];
    unifyBlocks(c, own, written, "it is written beside an axis that is fixed");
    blocks.push(...blockOn(axis, firmOf(c, own, written)));
  }
  c.setOutput(0, blocks);
}

function inferOneHot(call: InferCall): readonly Fact[] {
  const at = shapeOf(call, 0);
  const dtype = call.inputs[2]?.dtype;
  if (at === undefined) return [{ dtype }];
  const axis = fromFront(intAttribute(call.node, "axis", -1), at.length + 1);
  const depth: Dim = numbersOf(call.inputs[1])?.[0];
  return [{ dtype, shape: [...at.slice(0, axis), depth, ...at.slice(axis)] }];
}

/** As many columns or rows as are found. */
const found = (dtype: DType | "first", shape: (call: InferCall) => readonly Dim[] | undefined) =>
  computed((call) => [{ dtype: dtype === "first" ? call.inputs[0]?.dtype : dtype, shape: shape(call) }]);

export const computedPlaces: Readonly<Record<string, Operator>> = {
  GatherND: { infer: inferGatherNd, couple: coupleGatherNd },
  ScatterND: { infer: (call) => [likeFirst(call, shapeOf(call, 0))], couple: coupleScatterNd },
  OneHot: computed(inferOneHot),
  NonZero: found("int64", (call) => {
    const rank = shapeOf(call, 0)?.length;
    return rank === undefined ? undefined : [Math.max(1, rank), undefined];
  }),
  NonMaxSuppression: found("int64", () => [undefined, 3]),
  Compress: found("first", (call) => {
    const x = shapeOf(call, 0);
    const axis = intAttribute(call.node, "axis");
    if (x === undefined || axis === undefined) return axis === undefined ? [undefined] : undefined;
    return x.map((size, other): Dim => (other === fromFront(axis, x.length) ? undefined : size));
  }),
  Unique: computed((call) =>
    call.node.outputs.map((_, k) =>
      k === 0 ? likeFirst(call, undefined) : { dtype: "int64", shape: [undefined] },
    ),
  ),
};
