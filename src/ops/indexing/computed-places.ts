/**
 * @file Operators that pick, write or count elements at places computed from data: all they read stays, but for the axes
 * behind the places, of which GatherND and ScatterND pick and write whole slices.
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
    couple: lockInputs,
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

function lockInputs(c: Couplings): void {
  for (let input = 0; input < c.node.inputs.length; input++)
    c.lockInput(input, `${c.node.opType} works at computed places`);
}

/** How many leading axes of the first input the places tell; undefined when not known. */
function placedAxes(c: Couplings): number | undefined {
  const depth = c.inputs[1]?.shape?.at(-1);
  if (c.inputs[0]?.shape === undefined || typeof depth !== "number") return undefined;
  return depth + intAttribute(c.node, "batch_dims", 0);
}

/** Locks the axes that places tell, and those of the places themselves. */
function lockPlaces(c: Couplings, placed: number): void {
  const why = `${c.node.opType} works at computed places`;
  for (let axis = 0; axis < placed; axis++) c.lock(c.labelsOf(0, axis), why);
  c.lockInput(1, why);
}

function coupleGatherNd(c: Couplings): void {
  const placed = placedAxes(c);
  if (placed === undefined) {
    lockInputs(c);
    return;
  }
  lockPlaces(c, placed);
  const moved = c.inputs[1]!.shape!.length - 1 - placed;
  c.setOutput(
    0,
    renumberBlocks(c.blocksOf(0), (axis) => (axis < placed ? undefined : axis + moved)),
  );
}

/** Slices that are written have the channels of those they replace. */
function coupleScatterNd(c: Couplings): void {
  const placed = placedAxes(c);
  const [data, updates] = [c.inputs[0]?.shape, c.inputs[2]?.shape];
  if (placed === undefined || data === undefined || updates === undefined) {
    lockInputs(c);
    return;
  }
  lockPlaces(c, placed);
  const moved = updates.length - data.length;
  const blocks: LabelBlock[] = [];
  for (let axis = placed; axis < data.length; axis++) {
    const [own, written] = [c.axisBlock(0, axis), c.axisBlock(2, axis + moved)];
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
