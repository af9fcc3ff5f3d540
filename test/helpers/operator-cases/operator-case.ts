/** @file A one-node model of an operator, and what to feed it. */
import type fc from "fast-check";
import { type Attribute, type Model, type Node, stored } from "../../../src/graph/model.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";

/** Draws one value from an arbitrary; what `fc.gen()` hands out. */
export type Draw = fc.GeneratorValue;

export interface OperatorCase {
  readonly inputs: readonly (Tensor | undefined)[];
  readonly attributes?: Readonly<Record<string, AttributeValue | undefined>>;
  /** 1 when left out. */
  readonly outputs?: number;
  /** Inputs passed as initializers because the runtime wants them constant. */
  readonly constants?: readonly number[];
}

export type AttributeValue =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | Tensor;

export interface OperatorCases {
  readonly opType: string;
  /** Operator sets to draw from. */
  readonly opsets: readonly number[];
  readonly draw: (g: Draw, opset: number) => OperatorCase;
}

/** A one-node model and what to feed it. */
export interface BuiltCase {
  readonly model: Model;
  readonly feeds: Record<string, Tensor>;
}

/** Builds the model of a case; inputs that are not constant become graph inputs x0, x1, …, outputs are y0, y1, …. */
export function built(opType: string, opset: number, given: OperatorCase): BuiltCase {
  const { constants = [], outputs = 1 } = given;
  const inputs = given.inputs.slice(0, given.inputs.findLastIndex((value) => value !== undefined) + 1);
  const names = inputs.map((value, k) => (value === undefined ? "" : `x${k}`));
  const isFed = (k: number) => inputs[k] !== undefined && !constants.includes(k);
  const fed = [...inputs.keys()].filter(isFed);
  const node: Node = {
    name: `the_${opType}`,
    opType,
    domain: "",
    inputs: names,
    outputs: Array.from({ length: outputs }, (_, k) => `y${k}`),
    attributes: new Map(
      Object.entries(given.attributes ?? {}).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, attribute(value)] as const],
      ),
    ),
  };
  const model: Model = {
    graph: {
      name: opType,
      nodes: [node],
      inputs: fed.map((k) => ({ name: `x${k}`, dtype: inputs[k]!.dtype, shape: inputs[k]!.shape })),
      outputs: node.outputs.map((name) => ({ name })),
      initializers: new Map(
        constants.filter((k) => inputs[k] !== undefined).map((k) => [`x${k}`, stored(inputs[k]!)]),
      ),
      valueInfo: new Map(),
    },
    opsets: new Map([["", opset]]),
    metadata: new Map(),
  };
  return { model, feeds: Object.fromEntries(fed.map((k) => [`x${k}`, inputs[k]!])) };
}

function attribute(value: AttributeValue): Attribute {
  if (typeof value === "number") return { kind: "int", value };
  if (typeof value === "string") return { kind: "string", value };
  if ("float" in value) return { kind: "float", value: Math.fround(value.float) };
  if ("floats" in value) return { kind: "floats", value: value.floats.map(Math.fround) };
  if ("dtype" in value) return { kind: "tensor", value: stored(value) };
  return { kind: "ints", value };
}
