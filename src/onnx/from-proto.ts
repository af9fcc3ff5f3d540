/** @file From protobuf messages to the IR. Every IR object keeps the message it came from as its origin. */
import {
  type AttributeProto,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type SparseTensorProto,
  type TensorProto,
  type TensorShapeProto_Dimension,
  type ValueInfoProto,
} from "onnx-buf";
import { PrunerError } from "../base/problem.ts";
import type {
  Attribute,
  Dim,
  Graph,
  Model,
  Node,
  OpaqueTensor,
  StoredTensor,
  ValueInfo,
} from "../graph/model.ts";
import { dtypeOf, elementTypeName } from "./element-types.ts";
import { shapeOf, storedFromProto } from "./tensor-data.ts";

/** "ai.onnx" and "" are the same domain. */
export function normalDomain(domain: string): string {
  return domain === "ai.onnx" ? "" : domain;
}

/**
 * @param path What messages call the model.
 * @throws {PrunerError} `model-not-onnx`, `model-damaged` or `tensor-invalid`.
 */
export function modelFromProto(proto: ModelProto, path: string): Model {
  if (proto.graph === undefined)
    throw new PrunerError("model-not-onnx", { path, detail: "it holds no graph" });
  return {
    graph: graphFromProto(proto.graph, path),
    opsets: opsetsOf(proto, path),
    metadata: new Map(proto.metadataProps.map(({ key, value }) => [key, value])),
    origin: proto,
  };
}

export function opsetsOf(proto: ModelProto, path: string): Map<string, number> {
  const opsets = new Map<string, number>();
  for (const { domain, version } of proto.opsetImport) {
    const name = normalDomain(domain);
    if (opsets.has(name) && opsets.get(name) !== Number(version))
      throw new PrunerError("model-damaged", { path, detail: `two versions of operator set "${domain}"` });
    opsets.set(name, Number(version));
  }
  return opsets;
}

export function graphFromProto(proto: GraphProto, path: string): Graph {
  const initializers = new Map<string, StoredTensor>();
  const opaque = new Map<string, OpaqueTensor>();
  const define = (name: string): void => {
    if (!initializers.has(name) && !opaque.has(name)) return;
    const detail = `two initializers have the name "${name}"`;
    throw new PrunerError("model-damaged", { path, detail });
  };
  for (const tensor of proto.initializer) {
    define(tensor.name);
    const stored = storedFromProto(tensor);
    if (stored === undefined) opaque.set(tensor.name, opaqueTensor(tensor));
    else initializers.set(tensor.name, stored);
  }
  for (const sparse of proto.sparseInitializer) {
    define(sparse.values?.name ?? "");
    opaque.set(sparse.values?.name ?? "", opaqueSparse(sparse));
  }
  return {
    name: proto.name,
    nodes: proto.node.map((node) => nodeFromProto(node, path)),
    inputs: proto.input
      .map(valueInfoFromProto)
      .filter(({ name }) => !initializers.has(name) && !opaque.has(name)),
    outputs: proto.output.map(valueInfoFromProto),
    initializers,
    ...(opaque.size > 0 ? { opaque } : {}),
    valueInfo: new Map(proto.valueInfo.map((info) => [info.name, valueInfoFromProto(info)])),
    origin: proto,
  };
}

function opaqueTensor(proto: TensorProto): OpaqueTensor {
  return { elementType: elementTypeName(proto.dataType), shape: shapeOf(proto), origin: proto };
}

function opaqueSparse(proto: SparseTensorProto): OpaqueTensor {
  const shape = shapeOf({ dims: proto.dims, name: proto.values?.name ?? "" });
  return { elementType: "sparse", shape, origin: proto };
}

function nodeFromProto(proto: NodeProto, path: string): Node {
  const attributes = new Map<string, Attribute>();
  for (const attribute of proto.attribute) {
    if (attributes.has(attribute.name)) {
      const detail = `node "${proto.name}" (${proto.opType}) has attribute "${attribute.name}" twice`;
      throw new PrunerError("model-damaged", { path, detail });
    }
    attributes.set(attribute.name, attributeFromProto(attribute, path));
  }
  const { name, opType, input, output } = proto;
  return {
    name,
    opType,
    domain: normalDomain(proto.domain),
    inputs: input,
    outputs: output,
    attributes,
    origin: proto,
  };
}

const utf8 = new TextDecoder();

export function attributeFromProto(proto: AttributeProto, path: string): Attribute {
  const origin = proto;
  switch (proto.refAttrName === "" ? attributeType(proto) : AttributeType.UNDEFINED) {
    case AttributeType.INT:
      return { kind: "int", value: Number(proto.i), origin };
    case AttributeType.FLOAT:
      return { kind: "float", value: proto.f, origin };
    case AttributeType.STRING:
      return { kind: "string", value: utf8.decode(proto.s), origin };
    case AttributeType.INTS:
      return { kind: "ints", value: proto.ints.map(Number), origin };
    case AttributeType.FLOATS:
      return { kind: "floats", value: proto.floats, origin };
    case AttributeType.STRINGS:
      return { kind: "strings", value: proto.strings.map((bytes) => utf8.decode(bytes)), origin };
    case AttributeType.TENSOR: {
      const value = proto.t === undefined ? undefined : storedFromProto(proto.t);
      return value === undefined ? { kind: "opaque", graphs: [], origin } : { kind: "tensor", value, origin };
    }
    case AttributeType.GRAPH:
      if (proto.g === undefined) return { kind: "opaque", graphs: [], origin };
      return { kind: "graph", value: graphFromProto(proto.g, path), origin };
    default:
      return { kind: "opaque", graphs: proto.graphs.map((graph) => graphFromProto(graph, path)), origin };
  }
}

/** Old exporters leave the type out; then the field that is set tells it. */
function attributeType(proto: AttributeProto): AttributeType {
  if (proto.type !== AttributeType.UNDEFINED) return proto.type;
  if (Object.hasOwn(proto, "i")) return AttributeType.INT;
  if (Object.hasOwn(proto, "f")) return AttributeType.FLOAT;
  if (Object.hasOwn(proto, "s")) return AttributeType.STRING;
  if (proto.t !== undefined) return AttributeType.TENSOR;
  if (proto.g !== undefined) return AttributeType.GRAPH;
  if (proto.ints.length > 0) return AttributeType.INTS;
  if (proto.floats.length > 0) return AttributeType.FLOATS;
  if (proto.strings.length > 0) return AttributeType.STRINGS;
  return AttributeType.UNDEFINED;
}

export function valueInfoFromProto(proto: ValueInfoProto): ValueInfo {
  const type = proto.type?.value;
  if (type?.case !== "tensorType") return { name: proto.name, origin: proto };
  return {
    name: proto.name,
    dtype: dtypeOf(type.value.elemType),
    shape: type.value.shape?.dim.map(dimFromProto),
    origin: proto,
  };
}

function dimFromProto({ value }: TensorShapeProto_Dimension): Dim {
  if (value.case === "dimParam") return value.value === "" ? undefined : value.value;
  if (value.case !== "dimValue") return undefined;
  const size = Number(value.value);
  return Number.isSafeInteger(size) && size >= 0 ? size : undefined; // -1 stands for "unknown" in some files
}
