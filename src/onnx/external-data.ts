/** @file Weights kept in files beside the model: where they may lie, and how a range of one is read. */
import { closeSync, fstatSync, openSync, readSync, realpathSync, type Stats, statSync } from "node:fs";
import { isAbsolute, join, normalize, relative, resolve, sep, win32 } from "node:path";
import type { TensorProto } from "onnx-buf";
import { PrunerError } from "../base/problem.ts";

/** A data file as it was when the model was read. */
export interface DataFile {
  readonly location: string;
  /** Absent when the model came as bytes, without a folder. */
  readonly path: string | undefined;
  /** Absent when there was no such file. */
  readonly stamp: string | undefined;
}

/** Some bytes of a data file. */
export interface DataRange {
  readonly tensor: string;
  readonly file: DataFile;
  readonly offset: number;
  readonly length: number;
}

/** Finds the data file a tensor names, looking at each file once per model. */
export type DataFiles = (tensor: string, location: string) => DataFile;

/**
 * Data files below the folder of a model.
 * @param linkedFolder Where the model file really lies when its path is a link, as in download caches; data files that
 * are links into that folder are as trustworthy as the model itself.
 * @throws {PrunerError} `external-data-refused` (from the returned function) when a location leaves that folder.
 */
export function dataFilesIn(folder: string | undefined, linkedFolder?: string): DataFiles {
  const known = new Map<string, DataFile>();
  return (tensor, location) => {
    let file = known.get(location);
    if (file === undefined) {
      file = lookUp(tensor, location, folder, linkedFolder);
      known.set(location, file);
    }
    return file;
  };
}

function lookUp(
  tensor: string,
  location: string,
  folder: string | undefined,
  linkedFolder: string | undefined,
): DataFile {
  const refuse = (reason: string): PrunerError =>
    new PrunerError("external-data-refused", { tensor, location, reason });
  if (location === "" || location.includes("\0")) throw refuse("it names no file");
  if (isAbsolute(location) || win32.isAbsolute(location)) throw refuse("it is an absolute path");
  const inside = normalize(location.replaceAll("\\", "/"));
  if (inside === ".." || inside.startsWith(`..${sep}`)) throw refuse("it leaves the folder of the model");
  if (folder === undefined) return { location, path: undefined, stamp: undefined };
  const path = join(resolve(folder), inside);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return { location, path, stamp: undefined };
  if (!stats.isFile()) throw refuse("it is not a regular file");
  const real = realpathSync(path);
  if (!isWithin(real, folder) && (linkedFolder === undefined || !isWithin(real, linkedFolder)))
    throw refuse("a link leads out of the folder of the model");
  return { location, path, stamp: stampOf(stats) };
}

function isWithin(realPath: string, folder: string): boolean {
  const way = relative(realpathSync(folder), realPath);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function stampOf(stats: Stats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeMs}`;
}

/**
 * The range a tensor with external data points at.
 * @param expectedBytes What dims and element type ask for; undefined when the element type has no fixed size.
 * @throws {PrunerError} `external-data-refused`, or `tensor-invalid` when offset or length make no sense.
 */
export function rangeOf(proto: TensorProto, files: DataFiles, expectedBytes: number | undefined): DataRange {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  const file = files(proto.name, entries.get("location") ?? "");
  const offset = byteCount(proto.name, "offset", entries.get("offset")) ?? 0;
  const length = byteCount(proto.name, "length", entries.get("length")) ?? expectedBytes;
  if (length === undefined || (expectedBytes !== undefined && length !== expectedBytes)) {
    const detail = `its external data have length ${length ?? "unknown"}, its shape asks for ${expectedBytes ?? "an unknown number of"} bytes`;
    throw new PrunerError("tensor-invalid", { tensor: proto.name, detail });
  }
  return { tensor: proto.name, file, offset, length };
}

function byteCount(tensor: string, key: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(count)) return count;
  throw new PrunerError("tensor-invalid", { tensor, detail: `its external data have ${key} "${text}"` });
}

/** One read call takes less than 2 GiB. */
const pieceBytes = 2 ** 30;

/**
 * Reads the range, and nothing else of the file.
 * @throws {PrunerError} `external-data-missing`, `external-data-too-short` or `external-data-changed`.
 */
export function readRange(range: DataRange): Uint8Array<ArrayBuffer> {
  const { file, offset, length, tensor } = range;
  if (file.path === undefined) {
    const detail = "the model was read from bytes, without its folder";
    throw new PrunerError("external-data-missing", { tensor, location: file.location, detail });
  }
  const descriptor = openData(tensor, file.location, file.path);
  try {
    const stats = fstatSync(descriptor);
    if (file.stamp !== undefined && stampOf(stats) !== file.stamp)
      throw new PrunerError("external-data-changed", { tensor, path: file.path });
    if (stats.size < offset + length) throw tooShort(range, stats.size);
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const read = readSync(descriptor, bytes, done, Math.min(length - done, pieceBytes), offset + done);
      if (read === 0) throw tooShort(range, offset + done);
      done += read;
    }
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}

function openData(tensor: string, location: string, path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    const detail = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PrunerError("external-data-missing", { tensor, location, detail }, { cause });
  }
}

function tooShort({ tensor, file, offset, length }: DataRange, found: number): PrunerError {
  return new PrunerError("external-data-too-short", {
    tensor,
    path: file.path ?? file.location,
    needed: offset + length,
    found,
  });
}
