/** @file Constants and the sizes of things: values that do not depend on the data. */
import { intAttribute, tensorAttribute } from "../../graph/attributes.ts";
import { productOf } from "../../graph/dims.ts";
import { type Dim, type Node, type StoredTensor, stored } from "../../graph/model.ts";
import { float32, int64 } from "../../tensor/tensor.ts";
import { needsSizes, writeSizes } from "../indexing/write-sizes.ts";
import { alikeBlocks } from "../label-blocks.ts";
import type { Couplings, Fact, InferCall, Operator, SliceCall } from "../operator.ts";
import { numbersOf, shapeOf } from "../shapes.ts";

/** The tensor a Constant node holds; undefined for kinds that carry no numbers. */
export function constantOf(node: Node): StoredTensor | undefined {
  const value = tensorAttribute(node, "value");
  if (value !== undefined) return value;
  for (const [name, attribute] of node.attributes) {
    if (name === "value_int" && attribute.kind === "int") return stored(int64([], [attribute.value]));
    if (name === "value_ints" && attribute.kind === "ints")
      return stored(int64([attribute.value.length], attribute.value));
    if (name === "value_float" && attribute.kind === "float") return stored(float32([], [attribute.value]));
    if (name === "value_floats" && attribute.kind === "floats")
      return stored(float32([attribute.value.length], attribute.value));
  }
  return undefined;
}

function inferShape(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  if (x === undefined) return [{ dtype: "int64" }];
  const start = intAttribute(call.node, "start", 0);
  const elements = x.slice(start, intAttribute(call.node, "end", x.length));
  return [{ dtype: "int64", shape: [elements.length], elements }];
}

function inferSize(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  return [{ dtype: "int64", shape: [], elements: x === undefined ? undefined : [productOf(x)] }];
}

function inferConstantOfShape(call: InferCall): readonly Fact[] {
  const shape: readonly Dim[] | undefined = call.inputs[0]?.elements ?? numbersOf(call.inputs[0]);
  return [{ dtype: tensorAttribute(call.node, "value")?.dtype ?? "float32", shape }];
}

/** One number at every position: as many as whatever it meets. */
function coupleConstantOfShape(c: Couplings): void {
  const shape = c.outputs[0]?.shape;
  if (shape === undefined || c.inputs[0]?.elements === undefined) return; // at most declared
  c.rewrites(0, shape.every((size) => c.isTold(size)) ? "all" : "numbers");
  c.setOutput(
    0,
    alikeBlocks(c, shape, () => true),
  );
}

function sliceConstantOfShape(call: SliceCall): Node {
  const shape = call.shapeOfOutput(0);
  if (shape !== undefined && needsSizes(call, 0, shape)) writeSizes(call, 0, shape);
  return call.node;
}

/** From 0 in steps of 1, as positions are counted, it is as long as it ends. */
function inferRange(call: InferCall): readonly Fact[] {
  const [start, limit, step] = [0, 1, 2].map((input) => {
    const fact = call.inputs[input];
    return fact?.elements?.[0] ?? numbersOf(fact)?.[0];
  });
  const counts = start === 0 && step === 1 && (typeof limit === "string" || (limit ?? -1) >= 0);
  return [{ dtype: call.inputs[0]?.dtype, shape: [counts ? limit : undefined] }];
}

const silent = (): void => undefined;

export const constants: Readonly<Record<string, Operator>> = {
  Constant: {
    infer: ({ node }) => {
      const value = constantOf(node);
      return [{ dtype: value?.dtype, shape: value?.shape }];
    },
    couple: silent,
  },
  ConstantOfShape: {
    infer: inferConstantOfShape,
    couple: coupleConstantOfShape,
    slice: sliceConstantOfShape,
    auxiliaryInputs: [0],
  },
  Shape: { infer: inferShape, couple: (c) => c.measure(0) },
  Size: { infer: inferSize, couple: (c) => c.measure(0) },
  Range: { infer: inferRange, couple: silent },
};
