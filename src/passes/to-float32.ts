/** @file Single precision for training: models of other float types to float32, and trained values back into them. */
import { PrunerError } from "../base/problem.ts";
import { withAttributes } from "../graph/attributes.ts";
import type { Attribute, Graph, Model, Node, StoredTensor, ValueInfo } from "../graph/model.ts";
import { stored } from "../graph/model.ts";
import { codeOf, dtypeOf } from "../onnx/element-types.ts";
import { constantOf } from "../ops/constants/index.ts";
import { type DType, isFloat } from "../tensor/dtype.ts";
import { float32, fromNumbers, type Tensor, toNumbers } from "../tensor/tensor.ts";

const largest = 3.4028234663852886e38;

/** Attributes that name the element type of an output, by operator. */
const typeAttributes: Readonly<Record<string, string>> = {
  BlackmanWindow: "output_datatype",
  Bernoulli: "dtype",
  Cast: "to",
  DequantizeLinear: "output_dtype",
  EyeLike: "dtype",
  HammingWindow: "output_datatype",
  HannWindow: "output_datatype",
  MelWeightMatrix: "output_datatype",
  RandomNormal: "dtype",
  RandomNormalLike: "dtype",
  RandomUniform: "dtype",
  RandomUniformLike: "dtype",
  SequenceEmpty: "dtype",
};

/**
 * The same network in float32: weights, inputs, outputs, constants and casts of type float16, bfloat16 or float64
 * become float32, in bodies of If, Loop and Scan too. Doubles beyond the range of float32 become its largest numbers,
 * since they stand for "very large" in masks and bounds. A model without such types comes back as it is.
 */
export function toFloat32(model: Model): Model {
  const graph = singleGraph(model.graph);
  return graph === model.graph ? model : { ...model, graph };
}

/** Applies `f` to each; the same array when nothing changed. */
function each<T>(items: readonly T[], f: (item: T) => T): readonly T[] {
  const results = items.map(f);
  return results.every((result, k) => result === items[k]) ? items : results;
}

function eachValue<K, V>(map: ReadonlyMap<K, V>, f: (value: V) => V): ReadonlyMap<K, V> {
  const keys = [...map.keys()];
  const values = [...map.values()];
  const results = each(values, f);
  return results === values ? map : new Map(keys.map((key, k) => [key, results[k]!]));
}

function singleGraph(graph: Graph): Graph {
  const parts = {
    nodes: each(graph.nodes, singleNode),
    inputs: each(graph.inputs, singleInfo),
    outputs: each(graph.outputs, singleInfo),
    initializers: eachValue(graph.initializers, singleTensor),
    valueInfo: eachValue(graph.valueInfo, singleInfo),
  };
  const same = Object.entries(parts).every(([name, part]) => graph[name as keyof typeof parts] === part);
  return same ? graph : { ...graph, ...parts };
}

function isOtherFloat(dtype: DType | undefined): boolean {
  return dtype !== undefined && dtype !== "float32" && isFloat(dtype);
}

function singleInfo(info: ValueInfo): ValueInfo {
  return isOtherFloat(info.dtype) ? { ...info, dtype: "float32" } : info;
}

/** Converted when it is loaded. */
function singleTensor(tensor: StoredTensor): StoredTensor {
  if (!isOtherFloat(tensor.dtype)) return tensor;
  let kept: Tensor | undefined;
  const load = (): Tensor => {
    kept ??= rounded(tensor.load());
    return kept;
  };
  return { dtype: "float32", shape: tensor.shape, load, origin: tensor.origin };
}

function rounded(value: Tensor): Tensor {
  const values = toNumbers(value).map((x) =>
    Number.isFinite(x) ? Math.min(largest, Math.max(-largest, x)) : x,
  );
  return float32(value.shape, Float32Array.from(values));
}

function singleNode(node: Node): Node {
  const typed = node.domain === "" ? typeAttributes[node.opType] : undefined;
  const attributes = eachValue(node.attributes, singleAttribute);
  const to = typed === undefined ? undefined : attributes.get(typed);
  const body = attributes === node.attributes ? node : { ...node, attributes };
  if (to?.kind !== "int" || !isOtherFloat(dtypeOf(to.value))) return body;
  return withAttributes(body, { [typed!]: { ...to, value: codeOf("float32") } });
}

function singleAttribute(attribute: Attribute): Attribute {
  if (attribute.kind === "tensor") {
    const value = singleTensor(attribute.value);
    return value === attribute.value ? attribute : { ...attribute, value };
  }
  if (attribute.kind === "graph") {
    const value = singleGraph(attribute.value);
    return value === attribute.value ? attribute : { ...attribute, value };
  }
  return attribute;
}

/**
 * Puts trained values into the model they came from, in the element type the model has. Elements that training left
 * alone keep their bytes, also where float32 cannot hold them; everything else in the model is untouched.
 * @param original The model before `toFloat32` and `liftConstants`.
 * @param values By the name of an initializer, or of the value of a Constant node; float32 in the weight's shape.
 * @throws {PrunerError} `weight-mismatch` for names the model does not have, other shapes, weights that are no floats,
 *   and numbers that overflow the model's type.
 */
export function writeBack(original: Model, values: ReadonlyMap<string, Tensor>): Model {
  const { graph } = original;
  const initializers = new Map(graph.initializers);
  const left = new Map(values);
  for (const [name, value] of values) {
    const weight = graph.initializers.get(name);
    if (weight === undefined) continue;
    initializers.set(name, written(name, weight, value));
    left.delete(name);
  }
  const nodes = each(graph.nodes, (node) => writtenConstant(node, left));
  for (const name of left.keys()) throw mismatch(name, "the model has no weight of that name");
  return { ...original, graph: { ...graph, nodes, initializers } };
}

/** A Constant node with its new value; removes the value from those that are left. */
function writtenConstant(node: Node, left: Map<string, Tensor>): Node {
  const name = node.outputs[0] ?? "";
  const value = left.get(name);
  const weight = node.opType === "Constant" && node.domain === "" ? constantOf(node) : undefined;
  if (value === undefined || weight === undefined) return node;
  left.delete(name);
  const result = written(name, weight, value);
  if (result === weight) return node;
  return { ...node, attributes: new Map([["value", { kind: "tensor", value: result }]]) };
}

function written(name: string, weight: StoredTensor, value: Tensor): StoredTensor {
  if (!isFloat(weight.dtype))
    throw mismatch(name, `it is ${weight.dtype} in the model, which is not trained`);
  const [ours, theirs] = [value.shape, weight.shape].map((shape) => `[${shape.join(", ")}]`);
  if (ours !== theirs) throw mismatch(name, `its shape is ${ours}, the model's is ${theirs}`);
  const before = weight.load();
  const converted = fromNumbers(weight.dtype, weight.shape, toNumbers(value));
  const [single, wanted, got] = [toNumbers(rounded(before)), toNumbers(value), toNumbers(converted)];
  let changes = 0;
  for (let k = 0; k < wanted.length; k++) {
    if (Object.is(single[k], wanted[k])) converted.data[k] = before.data[k]!;
    else if (Number.isFinite(wanted[k]) && !Number.isFinite(got[k]))
      throw mismatch(name, `${wanted[k]} at position ${k} does not fit ${weight.dtype}`);
    else changes++;
  }
  return changes === 0 ? weight : stored(converted, weight.origin);
}

function mismatch(weight: string, detail: string): PrunerError<"weight-mismatch"> {
  return new PrunerError("weight-mismatch", { weight, detail });
}
