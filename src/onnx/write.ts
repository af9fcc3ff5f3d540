/** @file Writes the IR as ONNX: to bytes, or to a file with large weights in a second file beside it. */
import { basename } from "node:path";
import type { ModelProto } from "onnx-buf";
import { PrunerError } from "../base/problem.ts";
import type { Model } from "../graph/model.ts";
import { tensorsOf } from "./messages.ts";
import {
  bytesOf,
  encodePieces,
  largePayload,
  maxModelBytes,
  type Piece,
  type PlaceOutside,
} from "./pieces.ts";
import { externalRangeOf } from "./tensor-data.ts";
import { modelToProto } from "./to-proto.ts";
import { writeWholeFiles } from "./whole-files.ts";

export interface WriteOptions {
  /**
   * Whether large weights go to `<file name>.data` beside the model. When left out they do if the model had external
   * data when it was read, or does not fit into one file.
   */
  readonly externalData?: boolean | undefined;
}

/** Offsets in a data file: tensors of a page's worth and more start on a page, so that runtimes can map them. */
const pageBytes = 4096;

/**
 * The bytes of a model file, all weights included. A model that was read and not changed gives the bytes it came from
 * when these were in canonical field order.
 * @throws {PrunerError} `model-too-large` from 2 GiB on, and the `external-data-...` codes of weights that are read for it.
 */
export function encodeModel(model: Model): Uint8Array<ArrayBuffer> {
  const { pieces, sizeBytes } = encodePieces(modelToProto(model), () => undefined);
  if (sizeBytes > maxModelBytes) throw new PrunerError("model-too-large", { sizeBytes });
  const bytes = new Uint8Array(sizeBytes);
  let offset = 0;
  for (const part of bytesOf(pieces)) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/**
 * Writes a model file, and its data file if it has one. Both appear whole or not at all, the data first. Weights are
 * streamed: memory use does not grow with the size of the model.
 * @throws {PrunerError} `file-unwritable`, `model-too-large` (when `externalData` is false) and the
 * `external-data-...` codes of weights that are read for it.
 */
export async function writeModelFile(model: Model, path: string, options: WriteOptions = {}): Promise<void> {
  const proto = modelToProto(model);
  if (!(options.externalData ?? needsDataFile(proto))) {
    const { pieces, sizeBytes } = encodePieces(proto, () => undefined);
    if (sizeBytes > maxModelBytes) throw new PrunerError("model-too-large", { sizeBytes });
    return await writeWholeFiles([{ path, content: bytesOf(pieces) }]);
  }
  const data = dataFileLayout(`${basename(path)}.data`);
  const { pieces } = encodePieces(proto, data.place);
  await writeWholeFiles([
    ...(data.pieces.length > 0 ? [{ path: `${path}.data`, content: bytesOf(data.pieces) }] : []),
    { path, content: bytesOf(pieces) },
  ]);
}

function needsDataFile(proto: ModelProto): boolean {
  let largeBytes = 0;
  for (const tensor of tensorsOf(proto)) {
    if (externalRangeOf(tensor) !== undefined) return true;
    largeBytes += largePayload(tensor)?.length ?? 0;
  }
  return largeBytes > maxModelBytes - 2 ** 24; // leaves room for everything that is not a large weight
}

interface DataFileLayout {
  readonly pieces: readonly Piece[];
  readonly place: PlaceOutside;
}

/** Puts payloads one behind the other, each at the start of a page. */
function dataFileLayout(location: string): DataFileLayout {
  const pieces: Piece[] = [];
  let end = 0;
  return {
    pieces,
    place: (payload) => {
      const offset = Math.ceil(end / pageBytes) * pageBytes;
      if (offset > end) pieces.push(new Uint8Array(offset - end));
      pieces.push(payload);
      end = offset + payload.length;
      return { location, offset };
    },
  };
}
