/** @file From the IR back to protobuf messages. Whatever is unchanged since it was read is passed on as the message it came from. */
import { create, isMessage } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type OperatorSetIdProto,
  OperatorSetIdProtoSchema,
  type SparseTensorProto,
  SparseTensorProtoSchema,
  type StringStringEntryProto,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from "onnx-buf";
import type { Attribute, Graph, Model, Node } from "../graph/model.ts";
import { attributeFromProto, normalDomain } from "./from-proto.ts";
import { edited, sameItems } from "./messages.ts";
import { tensorToProto } from "./tensor-to-proto.ts";
import { inputsToProto, valueInfoToProto } from "./values-to-proto.ts";

/** From this IR version on initializers need not be listed among the inputs. */
const separateInitializers = 4;

/** Lowest IR version that goes with an opset of the standard domain, for models built from nothing. */
const irVersions: readonly (readonly [opset: number, irVersion: number])[] = [
  [21, 10],
  [19, 9],
  [15, 8],
  [12, 7],
  [11, 6],
  [10, 5],
];

/** The message of a model; parts that are unchanged are shared with the model's origin. */
export function modelToProto(model: Model): ModelProto {
  const origin = isMessage(model.origin, ModelProtoSchema) ? model.origin : newModelProto(model);
  const initializersAreInputs = Number(origin.irVersion) < separateInitializers;
  return edited(ModelProtoSchema, origin, {
    opsetImport: opsetsToProto(model.opsets, origin.opsetImport),
    metadataProps: metadataToProto(model.metadata, origin.metadataProps),
    graph: graphToProto(model.graph, initializersAreInputs),
  });
}

function newModelProto(model: Model): ModelProto {
  const opset = model.opsets.get("") ?? 0;
  const irVersion = irVersions.find(([from]) => opset >= from)?.[1] ?? separateInitializers;
  return create(ModelProtoSchema, { irVersion: BigInt(irVersion), producerName: "shapley-pruner" });
}

function opsetsToProto(
  opsets: ReadonlyMap<string, number>,
  origin: readonly OperatorSetIdProto[],
): OperatorSetIdProto[] {
  const kept = origin.filter(({ domain }) => opsets.has(normalDomain(domain)));
  const known = new Set(kept.map(({ domain }) => normalDomain(domain)));
  const added = [...opsets].filter(([domain]) => !known.has(domain));
  return [
    ...kept.map((entry) => withVersion(entry, opsets.get(normalDomain(entry.domain))!)),
    ...added.map(([domain, version]) =>
      create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
    ),
  ];
}

function withVersion(entry: OperatorSetIdProto, version: number): OperatorSetIdProto {
  return edited(OperatorSetIdProtoSchema, entry, { version: BigInt(version) });
}

function metadataToProto(
  metadata: ReadonlyMap<string, string>,
  origin: readonly StringStringEntryProto[],
): StringStringEntryProto[] {
  const kept = origin.filter(({ key }) => metadata.has(key));
  const known = new Set(kept.map(({ key }) => key));
  const last = new Map(kept.map((entry) => [entry.key, entry])); // a repeated key means its last value
  return [
    ...kept.map((entry) =>
      last.get(entry.key) === entry
        ? edited(StringStringEntryProtoSchema, entry, { value: metadata.get(entry.key)! })
        : entry,
    ),
    ...[...metadata]
      .filter(([key]) => !known.has(key))
      .map(([key, value]) => create(StringStringEntryProtoSchema, { key, value })),
  ];
}

/** @param initializersAreInputs Old files list initializers among the inputs of the main graph; in subgraphs they never do. */
function graphToProto(graph: Graph, initializersAreInputs: boolean): GraphProto {
  const origin = isMessage(graph.origin, GraphProtoSchema) ? graph.origin : undefined;
  return edited(GraphProtoSchema, origin, {
    name: graph.name,
    node: graph.nodes.map((node) => nodeToProto(node)),
    initializer: initializersToProto(graph, origin),
    sparseInitializer: [...(graph.opaque?.values() ?? [])].flatMap((tensor) => sparseOf(tensor.origin) ?? []),
    input: inputsToProto(graph, origin, initializersAreInputs),
    output: graph.outputs.map(valueInfoToProto),
    valueInfo: [...graph.valueInfo.values()].map(valueInfoToProto),
  });
}

function sparseOf(origin: unknown): SparseTensorProto | undefined {
  return isMessage(origin, SparseTensorProtoSchema) ? origin : undefined;
}

/** Decoded and opaque initializers in the order of the file, then new ones. */
function initializersToProto(graph: Graph, origin: GraphProto | undefined): TensorProto[] {
  const protos = new Map<string, TensorProto>();
  for (const [name, tensor] of graph.initializers) protos.set(name, tensorToProto(name, tensor));
  for (const [name, tensor] of graph.opaque ?? [])
    if (isMessage(tensor.origin, TensorProtoSchema)) protos.set(name, tensor.origin);
  const ordered = (origin?.initializer ?? []).map(({ name }) => name).filter((name) => protos.has(name));
  return [...new Set([...ordered, ...protos.keys()])].map((name) => protos.get(name)!);
}

function nodeToProto(node: Node): NodeProto {
  const origin = isMessage(node.origin, NodeProtoSchema) ? node.origin : undefined;
  const domainKept = origin !== undefined && normalDomain(origin.domain) === node.domain;
  return edited(NodeProtoSchema, origin, {
    name: node.name,
    opType: node.opType,
    domain: domainKept ? origin.domain : node.domain,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: [...node.attributes].map(([name, value]) => attributeToProto(name, value)),
  });
}

const utf8 = new TextEncoder();

function attributeToProto(name: string, attribute: Attribute): AttributeProto {
  const origin = isMessage(attribute.origin, AttributeProtoSchema) ? attribute.origin : undefined;
  if (origin !== undefined && isUnchanged(attribute, origin))
    return edited(AttributeProtoSchema, origin, {
      name,
      ...(attribute.kind === "graph" ? { g: graphToProto(attribute.value, false) } : {}),
    });
  const proto = create(AttributeProtoSchema, { name });
  if (origin !== undefined && origin.docString !== "") proto.docString = origin.docString;
  if (origin?.$unknown !== undefined) proto.$unknown = origin.$unknown;
  setValue(proto, attribute);
  return proto;
}

/** Whether the message still says what the attribute says; graphs are compared part by part when they are written. */
function isUnchanged(attribute: Attribute, origin: AttributeProto): boolean {
  switch (attribute.kind) {
    case "int":
    case "float":
    case "string": {
      const before = attributeFromProto(origin, "");
      return before.kind === attribute.kind && Object.is(before.value, attribute.value);
    }
    case "ints":
    case "floats":
    case "strings": {
      const before = attributeFromProto(origin, "");
      return before.kind === attribute.kind && sameItems<unknown>(before.value, attribute.value);
    }
    case "tensor":
      return origin.t !== undefined && tensorToProto(origin.t.name, attribute.value) === origin.t;
    case "graph":
      return origin.g !== undefined;
    case "opaque":
      return true;
    default:
      return attribute satisfies never;
  }
}

function setValue(proto: AttributeProto, attribute: Attribute): void {
  switch (attribute.kind) {
    case "int":
      proto.type = AttributeType.INT;
      proto.i = toInt64(attribute.value);
      return;
    case "float":
      proto.type = AttributeType.FLOAT;
      proto.f = attribute.value;
      return;
    case "string":
      proto.type = AttributeType.STRING;
      proto.s = utf8.encode(attribute.value);
      return;
    case "ints":
      proto.type = AttributeType.INTS;
      proto.ints = attribute.value.map(toInt64);
      return;
    case "floats":
      proto.type = AttributeType.FLOATS;
      proto.floats = [...attribute.value];
      return;
    case "strings":
      proto.type = AttributeType.STRINGS;
      proto.strings = attribute.value.map((text) => utf8.encode(text));
      return;
    case "tensor":
      proto.type = AttributeType.TENSOR;
      proto.t = tensorToProto("", attribute.value);
      return;
    case "graph":
      proto.type = AttributeType.GRAPH;
      proto.g = graphToProto(attribute.value, false);
      return;
    case "opaque":
      throw new Error(`attribute "${proto.name}" is opaque and has lost the message it came from`); // our bug
    default:
      attribute satisfies never;
  }
}

/** Numbers beyond 64 bits, such as the "to the end" of Slice as a double, become the nearest end of the range. */
function toInt64(value: number): bigint {
  const exact = BigInt(Math.trunc(value));
  const max = 2n ** 63n - 1n;
  return exact > max ? max : exact < -max - 1n ? -max - 1n : exact;
}
