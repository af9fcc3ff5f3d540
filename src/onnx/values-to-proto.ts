/** @file Value infos back to protobuf, and the list of graph inputs, where old files keep initializers too. */
import { create, isMessage } from "@bufbuild/protobuf";
import {
  type GraphProto,
  type TensorShapeProto_Dimension,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  type TypeProto,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import type { Dim, Graph, StoredTensor, ValueInfo } from "../graph/model.ts";
import { codeOf, dtypeOf } from "./element-types.ts";
import { valueInfoFromProto } from "./from-proto.ts";
import { edited, sameItems } from "./messages.ts";

/**
 * The real inputs in their order. Initializers that the file lists among the inputs keep their places there when the
 * real inputs are still the same, and stand behind them otherwise.
 */
export function inputsToProto(
  graph: Graph,
  origin: GraphProto | undefined,
  initializersAreInputs: boolean,
): ValueInfoProto[] {
  const real = new Map(graph.inputs.map((info) => [info.name, valueInfoToProto(info)]));
  const listed = new Map<string, ValueInfoProto>();
  for (const info of origin?.input ?? []) {
    const tensor = graph.initializers.get(info.name);
    if (tensor !== undefined)
      listed.set(info.name, valueInfoToProto({ name: info.name, ...typeOf(tensor), origin: info }));
    else if (graph.opaque?.has(info.name) === true) listed.set(info.name, info);
  }
  if (initializersAreInputs) {
    for (const [name, tensor] of graph.initializers)
      if (!listed.has(name)) listed.set(name, valueInfoToProto({ name, ...typeOf(tensor) }));
  }
  const names = (origin?.input ?? []).map(({ name }) => name);
  const inPlace = names.filter((name) => real.has(name) || listed.has(name));
  const realInPlace = inPlace.filter((name) => real.has(name));
  const unchanged = [...real.keys()].every((name, index) => name === realInPlace[index]);
  const order = new Set(unchanged ? [...inPlace, ...listed.keys()] : [...real.keys(), ...listed.keys()]);
  return [...order].map((name) => real.get(name) ?? listed.get(name)!);
}

function typeOf({ dtype, shape }: StoredTensor): Pick<ValueInfo, "dtype" | "shape"> {
  return { dtype, shape };
}

export function valueInfoToProto(info: ValueInfo): ValueInfoProto {
  const origin = isMessage(info.origin, ValueInfoProtoSchema) ? info.origin : undefined;
  if (origin !== undefined && saysTheSame(valueInfoFromProto(origin), info))
    return edited(ValueInfoProtoSchema, origin, { name: info.name });
  if (info.dtype === undefined && info.shape === undefined)
    return edited(ValueInfoProtoSchema, origin, { name: info.name });
  const before = origin?.type?.value;
  const elemType = info.dtype !== undefined ? codeOf(info.dtype) : opaqueElemType(before);
  const value = create(TypeProto_TensorSchema, {
    ...(elemType === undefined ? {} : { elemType }),
    ...(info.shape === undefined
      ? {}
      : { shape: create(TensorShapeProtoSchema, { dim: info.shape.map(dimToProto) }) }),
  });
  const type = edited(TypeProtoSchema, origin?.type, { value: { case: "tensorType", value } });
  return edited(ValueInfoProtoSchema, origin, { name: info.name, type });
}

/** An element type the IR has no name for stays when the shape alone changes. */
function opaqueElemType(before: TypeProto["value"] | undefined): number | undefined {
  if (before?.case !== "tensorType" || dtypeOf(before.value.elemType) !== undefined) return undefined;
  return before.value.elemType;
}

function saysTheSame(a: ValueInfo, b: ValueInfo): boolean {
  if (a.dtype !== b.dtype || (a.shape === undefined) !== (b.shape === undefined)) return false;
  return a.shape === undefined || b.shape === undefined || sameItems(a.shape, b.shape);
}

function dimToProto(dim: Dim): TensorShapeProto_Dimension {
  if (dim === undefined) return create(TensorShapeProto_DimensionSchema);
  return create(TensorShapeProto_DimensionSchema, {
    value:
      typeof dim === "number" ? { case: "dimValue", value: BigInt(dim) } : { case: "dimParam", value: dim },
  });
}
