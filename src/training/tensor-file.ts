/** @file Named arrays and facts in one file, in the safetensors layout, sealed by a checksum. */
import { createHash } from "node:crypto";
import { readBytes } from "../base/atomic-file.ts";
import { PrunerError } from "../base/problem.ts";
import { writeWholeFiles } from "../onnx/whole-files.ts";

/** Arrays the file can hold, by the name safetensors has for their elements. */
const arrayTypes = { F64: Float64Array, F32: Float32Array, I32: Int32Array, U8: Uint8Array } as const;

type Kind = keyof typeof arrayTypes;
export type StoredArray = Float64Array | Float32Array | Int32Array | Uint8Array;

export interface TensorFile {
  /** Anything JSON can say. */
  readonly facts: unknown;
  /** Names are free, apart from "sha256", "__metadata__" and whole numbers (which JavaScript would reorder). */
  readonly arrays: ReadonlyMap<string, StoredArray>;
}

interface Entry {
  readonly dtype: Kind;
  readonly shape: readonly [number];
  readonly data_offsets: readonly [number, number];
}

const seal = "sha256";
const sealBytes = 32;

/**
 * Writes the file whole or not at all: 8 bytes with the length of the header, the header (JSON padded with blanks to a
 * multiple of 8), then the arrays as they lie in memory (little-endian wherever onnxruntime runs), widest elements first so
 * that each begins at a multiple of its element size. The last array is the SHA-256 of everything before it.
 * The arrays must not change until the promise resolves.
 * @param format Says what the file is and in which version, such as "shapley-pruner checkpoint 1".
 * @throws {PrunerError} `file-unwritable`.
 * @throws {RangeError} for facts with numbers that are not finite, which JSON would turn into null: a defect of ours.
 * @see https://huggingface.co/docs/safetensors for the layout, which other programs read too.
 */
export async function writeTensorFile(path: string, format: string, file: TensorFile): Promise<void> {
  const arrays = [...file.arrays].sort(([, a], [, b]) => b.BYTES_PER_ELEMENT - a.BYTES_PER_ELEMENT);
  const content = [headerOf(format, file.facts, arrays), ...arrays.map(([, array]) => bytesOf(array))];
  await writeWholeFiles([{ path, content: sealed(content) }]);
}

/**
 * Reads a file back after checking every byte of it.
 * @throws {PrunerError} `file-not-found`, `file-unreadable`, `checkpoint-damaged` when bytes are missing or changed,
 *   `checkpoint-version` when the format is another one.
 */
export async function readTensorFile(path: string, format: string): Promise<TensorFile> {
  const bytes = await readBytes(path);
  checkSeal(bytes, path);
  const start = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(Buffer.from(bytes.subarray(8, start)).toString());
  const {
    __metadata__: metadata,
    [seal]: _,
    ...entries
  } = header as Record<string, Entry> & {
    readonly __metadata__: { readonly format: string; readonly facts: string };
  };
  if (metadata.format !== format)
    throw new PrunerError("checkpoint-version", { path, found: metadata.format, expected: format });
  const arrays = Object.entries(entries).map(
    ([name, entry]) => [name, arrayAt(bytes, start, entry)] as const,
  );
  return { facts: JSON.parse(metadata.facts), arrays: new Map(arrays) };
}

function headerOf(
  format: string,
  facts: unknown,
  arrays: readonly (readonly [string, StoredArray])[],
): Buffer {
  let end = 0;
  const placed = (dtype: Kind, elements: number, size: number): Entry => {
    const from = end;
    end += size;
    return { dtype, shape: [elements], data_offsets: [from, end] };
  };
  const entries = arrays.map(([name, array]) => [
    name,
    placed(kindOf(array), array.length, array.byteLength),
  ]);
  const metadata = { format, facts: JSON.stringify(facts, finiteOnly) };
  const last = placed("U8", sealBytes, sealBytes);
  const header = { __metadata__: metadata, ...Object.fromEntries(entries), [seal]: last };
  const text = Buffer.from(JSON.stringify(header));
  const bytes = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, " ");
  bytes.writeBigUInt64LE(BigInt(bytes.length - 8));
  text.copy(bytes, 8);
  return bytes;
}

function finiteOnly(key: string, value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value))
    throw new RangeError(`"${key}" is ${value}, which JSON cannot say`);
  return value;
}

function* sealed(content: readonly Uint8Array[]): Generator<Uint8Array> {
  const hash = createHash("sha256");
  for (const bytes of content) {
    hash.update(bytes);
    yield bytes;
  }
  yield hash.digest();
}

function checkSeal(bytes: Uint8Array, path: string): void {
  const body = bytes.subarray(0, Math.max(0, bytes.length - sealBytes));
  const sum = createHash("sha256").update(body).digest();
  if (sum.equals(bytes.subarray(body.length))) return;
  const detail = `the checksum over its ${bytes.length} bytes differs`;
  throw new PrunerError("checkpoint-damaged", { path, detail });
}

function kindOf(array: StoredArray): Kind {
  const found = Object.entries(arrayTypes).find(([, type]) => array instanceof type);
  if (found === undefined) throw new Error(`no element type for ${array.constructor.name}`);
  return found[0] as Kind;
}

function bytesOf({ buffer, byteOffset, byteLength }: StoredArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A copy, since an array needs an aligned start and the file's bytes need not have one. */
function arrayAt(bytes: Uint8Array, start: number, { dtype, data_offsets: [from, to] }: Entry): StoredArray {
  const copy = Uint8Array.prototype.slice.call(bytes, start + from, start + to); // Buffer's own slice shares memory
  return new arrayTypes[dtype](copy.buffer);
}
