/** @file Opens a data set from a path: recognises the format by content and finds the labels. */
import { access, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PrunerError } from "../base/problem.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Dataset } from "./dataset.ts";
import { fileRows } from "./file-rows.ts";
import { type DatasetOptions, datasetFromStored } from "./from-arrays.ts";
import { isGzip, isIdx, readIdx } from "./idx.ts";
import { type ImageOptions, openImageFolder } from "./image-folder.ts";
import { isNpy, readNpy } from "./npy.ts";
import { isZip, readNpz } from "./npz.ts";
import { readDataFile } from "./read-data-file.ts";
import { inMemory, loaded, type StoredArray } from "./stored-array.ts";

export interface OpenOptions extends DatasetOptions, ImageOptions {
  /**
   * File with the labels (.npy, .npz with one array, IDX); false uses none. Left out: the arrays "labels" or "y" of an .npz, or
   * the sibling file whose name says "labels" where this one says "images" (and "idx1" for "idx3").
   */
  readonly labels?: string | false | undefined;
  /** Uncompressed .npy and IDX files larger than so many bytes stay in the file. Default 256 MiB. */
  readonly streamAbove?: number | undefined;
}

const defaultStreamAbove = 2 ** 28;

/** Names under which an .npz may hold its labels, in order of preference. */
export const labelNames = ["labels", "y"] as const;

/**
 * Opens `.npy`, `.npz`, IDX (plain or gzipped) or a folder of images by class. The content decides, not the ending.
 * Examples of large uncompressed files are read when a batch asks for them.
 * @throws {PrunerError} `file-not-found`, `data-format-unknown`, and what the readers and `datasetFromArrays` throw.
 * @example (await openDataset("digits-images.npy", { pixelScale: 255 })).batch([0, 1]); // { "": [2, 28, 28] }
 */
export async function openDataset(path: string, options: OpenOptions = {}): Promise<Dataset> {
  if (await isFolder(path)) return openImageFolder(path, options);
  const arrays = await readArrays(path, options.streamAbove);
  const found = await labelsFor(path, arrays, options.labels);
  const inputs =
    found.from === undefined ? arrays : new Map([...arrays].filter(([name]) => name !== found.from));
  if (inputs.size === 0) throw new PrunerError("data-empty", { path });
  return datasetFromStored({ inputs: Object.fromEntries(inputs), labels: found.labels, name: path }, options);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false, // a missing file is reported by the read that follows
  );
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0, // as above
  );
}

/** Every array of a file; a file with a single array gives it without a name. */
async function readArrays(
  path: string,
  streamAbove = defaultStreamAbove,
): Promise<ReadonlyMap<string, StoredArray>> {
  const inFile = (await sizeOf(path)) > streamAbove ? fileRows(path) : undefined;
  if (inFile !== undefined) return new Map([["", inFile]]);
  const arrays = arraysIn(await readDataFile(path), path);
  return new Map([...arrays].map(([name, array]) => [name, inMemory(array)]));
}

function arraysIn(bytes: Uint8Array, path: string): ReadonlyMap<string, Tensor> {
  if (isZip(bytes)) return readNpz(bytes, path);
  if (isNpy(bytes)) return new Map([["", readNpy(bytes, path)]]);
  if (isGzip(bytes) || isIdx(bytes)) return new Map([["", readIdx(bytes, path)]]);
  if (bytes.length === 0) throw new PrunerError("data-format-unknown", { path, detail: "is empty" });
  throw new PrunerError("data-format-unknown", { path, detail: "is in no format that can be read" });
}

interface FoundLabels {
  readonly labels: Tensor | undefined;
  /** Array of the data file that turned out to be the labels. */
  readonly from?: string;
}

async function labelsFor(
  path: string,
  arrays: ReadonlyMap<string, StoredArray>,
  wanted: OpenOptions["labels"],
): Promise<FoundLabels> {
  if (wanted === false) return { labels: undefined };
  if (wanted !== undefined) return { labels: await readLabels(wanted) };
  const from = labelNames.find((name) => arrays.has(name));
  if (from !== undefined) return { labels: loaded(arrays.get(from)!), from };
  const sibling = await siblingLabels(path);
  return { labels: sibling === undefined ? undefined : await readLabels(sibling) };
}

async function readLabels(path: string): Promise<Tensor> {
  const arrays = await readArrays(path);
  const found =
    arrays.size === 1 ? [...arrays.values()][0] : labelNames.map((name) => arrays.get(name)).find(Boolean);
  if (found === undefined) {
    const detail = `holds ${arrays.size} arrays, none of them called ${labelNames.join(" or ")}`;
    throw new PrunerError("data-format-unknown", { path, detail });
  }
  return loaded(found);
}

async function siblingLabels(path: string): Promise<string | undefined> {
  const file = basename(path);
  if (!file.includes("images")) return undefined;
  const sibling = join(dirname(path), file.replace("images", "labels").replace("idx3", "idx1"));
  return access(sibling).then(
    () => sibling,
    () => undefined,
  );
}
