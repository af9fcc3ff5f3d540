/** @file Operators that pick, write or count elements at places computed from data: all they read stays. */
import { intAttribute } from "../../graph/attributes.ts";
import type { Dim } from "../../graph/model.ts";
import type { DType } from "../../tensor/dtype.ts";
import type { Couplings, Fact, InferCall, Operator } from "../operator.ts";
import { fromFront, likeFirst, numbersOf, shapeOf } from "../shapes.ts";

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
  GatherND: computed(inferGatherNd),
  ScatterND: computed((call) => [likeFirst(call, shapeOf(call, 0))]),
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
