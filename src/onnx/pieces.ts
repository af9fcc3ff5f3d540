/**
 * @file Encodes a model as a list of pieces, with large weights left where they are.
 *
 * The protobuf library copies a payload once for every message around it. Here a message that holds large tensors is cut
 * at its fields: small fields go through the library together, and for the large ones only the tag and the length are
 * written, followed by the bytes themselves.
 */
import { create, type DescField, type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  type ModelProto,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from "onnx-buf";
import { PrunerError } from "../base/problem.ts";
import { type DataRange, readRange } from "./external-data.ts";
import { canHold, childrenOf } from "./messages.ts";
import { externalRangeOf, isExternal } from "./tensor-data.ts";

/** Bytes at hand, or a range of a data file that is read when its turn comes. */
export type Piece = Uint8Array<ArrayBuffer> | DataRange;

export interface Encoded {
  readonly pieces: readonly Piece[];
  readonly sizeBytes: number;
}

/** Says where a tensor goes in a data file; undefined keeps it inside the model. */
export type PlaceOutside = (bytes: Piece) => Place | undefined;

export interface Place {
  readonly location: string;
  readonly offset: number;
}

/** Protobuf readers take files of less than 2 GiB. */
export const maxModelBytes = 2 ** 31 - 1;

/** Smaller payloads are cheaper to copy than to list. */
const largeBytes = 4096;

/** Ranges are read in steps of this many bytes. */
const stepBytes = 64 * 2 ** 20;

/** The bytes of pieces, in steps that fit into memory. */
export function* bytesOf(pieces: Iterable<Piece>): Generator<Uint8Array> {
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) {
      yield piece;
      continue;
    }
    for (let done = 0; done < piece.length; done += stepBytes)
      yield readRange({
        ...piece,
        offset: piece.offset + done,
        length: Math.min(stepBytes, piece.length - done),
      });
  }
}

/** The payload of a tensor that is worth keeping apart: external bytes, or much raw_data. */
export function largePayload(proto: TensorProto): Piece | undefined {
  return externalRangeOf(proto) ?? (proto.rawData.length >= largeBytes ? proto.rawData : undefined);
}

/** @param place Called for every initializer with a large payload, in the order of the file. */
export function encodePieces(model: ModelProto, place: PlaceOutside): Encoded {
  const cut = new Set<Message>();
  markCuts(ModelProtoSchema, model, cut);
  return encodeMessage(ModelProtoSchema, model, { cut, place });
}

/** Collects the messages that hold a large payload, at any depth. */
function markCuts(schema: DescMessage, message: Message, cut: Set<Message>): boolean {
  let holds = false;
  if (schema.typeName === TensorProtoSchema.typeName)
    holds = largePayload(message as TensorProto) !== undefined;
  else if (canHold(schema, TensorProtoSchema)) {
    for (const child of childrenOf(schema, message))
      for (const item of child.items) if (markCuts(child.schema, item, cut)) holds = true;
  }
  if (holds) cut.add(message);
  return holds;
}

interface Encoding {
  readonly cut: ReadonlySet<Message>;
  readonly place: PlaceOutside;
}

function encodeMessage(schema: DescMessage, message: Message, encoding: Encoding): Encoded {
  if (!encoding.cut.has(message)) return whole(toBinary(schema, message));
  const fields = message as unknown as Record<string, unknown>;
  const list = pieceList(schema);
  for (const field of inWireOrder(schema)) {
    const value = fields[field.localName];
    if (!Object.hasOwn(fields, field.localName)) continue;
    const items = (Array.isArray(value) ? value : [value]) as Message[];
    if (field.message === undefined || !items.some((item) => encoding.cut.has(item)))
      list.keep(field.localName, value);
    else for (const item of items) list.nest(field.number, encodeItem(field, item, encoding));
  }
  return list.finish(message.$unknown);
}

function encodeItem(field: DescField, item: Message, encoding: Encoding): Encoded {
  if (field.message!.typeName === TensorProtoSchema.typeName)
    return encodeTensor(item as TensorProto, field.name === "initializer" ? encoding.place : () => undefined);
  return encodeMessage(field.message!, item, encoding);
}

function encodeTensor(proto: TensorProto, place: PlaceOutside): Encoded {
  const payload = largePayload(proto);
  if (payload === undefined) return whole(toBinary(TensorProtoSchema, proto));
  const outside = place(payload);
  if (outside !== undefined) return whole(toBinary(TensorProtoSchema, movedOutside(proto, payload, outside)));
  const fields = (isExternal(proto) ? withoutData(proto) : proto) as unknown as Record<string, unknown>;
  const list = pieceList(TensorProtoSchema);
  for (const { localName, number } of inWireOrder(TensorProtoSchema)) {
    if (localName === "rawData") list.nest(number, { pieces: [payload], sizeBytes: payload.length });
    else if (Object.hasOwn(fields, localName)) list.keep(localName, fields[localName]);
  }
  return list.finish(proto.$unknown);
}

/** The tensor without its elements, wherever they were. */
function withoutData(proto: TensorProto): TensorProto {
  const { rawData: _raw, externalData: _entries, dataLocation: _location, ...rest } = proto;
  return Object.assign(create(TensorProtoSchema), rest);
}

function movedOutside(proto: TensorProto, payload: Piece, { location, offset }: Place): TensorProto {
  const entries = Object.entries({ location, offset, length: payload.length });
  const externalData = entries.map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value: String(value) }),
  );
  const dataLocation = TensorProto_DataLocation.EXTERNAL;
  return Object.assign(withoutData(proto), { externalData, dataLocation });
}

function whole(bytes: Uint8Array<ArrayBuffer>): Encoded {
  return { pieces: [bytes], sizeBytes: bytes.length };
}

const sortedFields = new WeakMap<DescMessage, readonly DescField[]>();

function inWireOrder(schema: DescMessage): readonly DescField[] {
  const fields = sortedFields.get(schema) ?? schema.fields.toSorted((a, b) => a.number - b.number);
  sortedFields.set(schema, fields);
  return fields;
}

interface PieceList {
  /** Adds a field that the library encodes. */
  readonly keep: (localName: string, value: unknown) => void;
  /** Adds a field whose content is already encoded. */
  readonly nest: (fieldNumber: number, content: Encoded) => void;
  readonly finish: (unknown: Message["$unknown"]) => Encoded;
}

function pieceList(schema: DescMessage): PieceList {
  const pieces: Piece[] = [];
  let sizeBytes = 0;
  let kept: Record<string, unknown> = {};
  const add = (piece: Piece): void => {
    pieces.push(piece);
    sizeBytes += piece.length;
  };
  const flush = (): void => {
    if (Object.keys(kept).length > 0) add(toBinary(schema, Object.assign(create(schema), kept)));
    kept = {};
  };
  return {
    keep: (localName, value) => {
      kept[localName] = value;
    },
    nest: (fieldNumber, content) => {
      flush();
      add(headerOf(fieldNumber, content.sizeBytes));
      for (const piece of content.pieces) pieces.push(piece);
      sizeBytes += content.sizeBytes;
    },
    finish: (unknown) => {
      if (unknown !== undefined) kept = { ...kept, $unknown: unknown };
      flush();
      return { pieces, sizeBytes };
    },
  };
}

/** Tag and length of a field. @throws {PrunerError} `model-too-large` when no reader could take it. */
function headerOf(fieldNumber: number, sizeBytes: number): Uint8Array<ArrayBuffer> {
  if (sizeBytes > maxModelBytes) throw new PrunerError("model-too-large", { sizeBytes });
  return new BinaryWriter().tag(fieldNumber, WireType.LengthDelimited).uint32(sizeBytes).finish();
}
