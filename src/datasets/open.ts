/** @file Opens a data set from a path: recognises the format by content and finds the labels. */
import { access, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PrunerError } from "../base/problem.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { openArrayFile } from "./array-file.ts";
import type { Dataset } from "./dataset.ts";
import type { ImageOptions } from "./decode-image.ts";
import { type DatasetOptions, datasetFromStored } from "./from-arrays.ts";
import { openImageFolder } from "./image-folder.ts";
import { mostInMemory, type OpenWork } from "./opening.ts";
import { elementBytes } from "./raw-array.ts";
import { loaded, type StoredArray } from "./stored-array.ts";

export interface OpenOptions extends DatasetOptions, ImageOptions, OpenWork {
  /**
   * File with the labels (.npy, .npz with one array, IDX); false uses none. Left out: the arrays "labels" or "y" of an .npz, or
   * the sibling file whose name says "labels" where this one says "images" (and "idx1" for "idx3").
   */
  readonly labels?: string | false | undefined;
}

/** Names under which an .npz may hold its labels, in order of preference. */
export const labelNames = ["labels", "y"] as const;

/**
 * Opens `.npy`, `.npz`, IDX (plain or gzipped) or a folder of images by class. The content decides, not the ending.
 * Examples of large sets stay on the disk and are read when a batch asks for them. Where they cannot be read in place, being
 * deflated, gzipped, in Fortran order or images, they are decoded once into a spool: a nameless temporary file that goes with
 * the process.
 * @throws {PrunerError} `file-not-found`, `data-format-unknown`, `spool-full`, and what the readers and `datasetFromArrays` throw.
 * @throws The signal's reason when it is aborted.
 * @example (await openDataset("digits-images.npy", { pixelScale: 255 })).batch([0, 1]); // { "": [2, 28, 28] }
 */
export async function openDataset(path: string, options: OpenOptions = {}): Promise<Dataset> {
  if (await isFolder(path)) return openImageFolder(path, options);
  const arrays = await openArrayFile(path, options);
  const found = await labelsFor(path, arrays, options);
  const inputs =
    found.from === undefined ? arrays : new Map([...arrays].filter(([name]) => name !== found.from));
  if (inputs.size === 0) throw new PrunerError("data-empty", { path });
  const stored = { inputs: Object.fromEntries(inputs), labels: found.labels, name: path };
  return datasetFromStored(stored, options, options);
}

export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false, // a missing file is reported by the read that follows
  );
}

interface FoundLabels {
  readonly labels: Tensor | undefined;
  /** Array of the data file that turned out to be the labels. */
  readonly from?: string;
}

async function labelsFor(
  path: string,
  arrays: ReadonlyMap<string, StoredArray>,
  options: OpenOptions,
): Promise<FoundLabels> {
  const { labels: wanted } = options;
  if (wanted === false) return { labels: undefined };
  if (wanted !== undefined) return { labels: await readLabels(wanted, options) };
  const from = labelNames.find((name) => arrays.has(name));
  if (from !== undefined) return { labels: inWhole(arrays.get(from)!, path), from };
  const sibling = await siblingLabels(path);
  return { labels: sibling === undefined ? undefined : await readLabels(sibling, options) };
}

async function readLabels(path: string, work: OpenWork): Promise<Tensor> {
  const arrays = await openArrayFile(path, work);
  const found =
    arrays.size === 1 ? [...arrays.values()][0] : labelNames.map((name) => arrays.get(name)).find(Boolean);
  if (found === undefined) {
    const detail = `holds ${arrays.size} arrays, none of them called ${labelNames.join(" or ")}`;
    throw new PrunerError("data-format-unknown", { path, detail });
  }
  return inWhole(found, path);
}

/** Labels are all in memory. */
function inWhole(array: StoredArray, path: string): Tensor {
  const sizeBytes = elementBytes(array);
  if (sizeBytes <= mostInMemory) return loaded(array);
  const hint = "Labels are all kept in memory: use a part of the examples, or a narrower type.";
  throw new PrunerError("data-too-large", { path, sizeBytes, limitBytes: mostInMemory, hint });
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
