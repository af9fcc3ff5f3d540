/** @file Tensors back to protobuf: the message they came from while they are unchanged, raw_data otherwise. */
import { create, isMessage } from "@bufbuild/protobuf";
import { type TensorProto, TensorProtoSchema } from "onnx-buf";
import type { StoredTensor } from "../graph/model.ts";
import { sizeOf } from "../tensor/tensor.ts";
import { codeOf, dtypeOf } from "./element-types.ts";
import { sameItems } from "./messages.ts";
import { renamed, shapeOf, type TensorOrigin } from "./tensor-data.ts";

/** The message of a tensor: the one it was read from while its elements are the same, else raw_data. */
export function tensorToProto(name: string, tensor: StoredTensor): TensorProto {
  const origin = tensorOrigin(tensor);
  if (origin !== undefined && holdsTheSame(origin, tensor)) return renamed(origin.proto, name);
  const { data } = tensor.load();
  if (data.length !== sizeOf(tensor.shape))
    throw new Error(`tensor "${name}" loads ${data.length} elements for shape [${tensor.shape.join(", ")}]`); // our bug
  const proto = create(TensorProtoSchema, {
    dims: tensor.shape.map(BigInt),
    dataType: codeOf(tensor.dtype),
    rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  });
  if (name !== "") proto.name = name;
  if (origin === undefined) return proto;
  if (origin.proto.docString !== "") proto.docString = origin.proto.docString;
  if (origin.proto.$unknown !== undefined) proto.$unknown = origin.proto.$unknown;
  proto.metadataProps = origin.proto.metadataProps;
  return proto;
}

function holdsTheSame({ load, proto }: TensorOrigin, tensor: StoredTensor): boolean {
  const sameType = dtypeOf(proto.dataType) === tensor.dtype && sameItems(shapeOf(proto), tensor.shape);
  return sameType && load === tensor.load;
}

function tensorOrigin({ origin }: StoredTensor): TensorOrigin | undefined {
  const candidate = origin as Partial<TensorOrigin> | undefined;
  return isMessage(candidate?.proto, TensorProtoSchema) ? (candidate as TensorOrigin) : undefined;
}
