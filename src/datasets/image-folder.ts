/** @file Reads a folder with one sub-folder of image files per class; classes are numbered in the order of their names. */
import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { PrunerError } from "../base/problem.ts";
import { range } from "../math/random.ts";
import type { Dataset } from "./dataset.ts";
import { type DatasetOptions, datasetFromArrays } from "./from-arrays.ts";
import { limited } from "./split.ts";

export interface ImageOptions {
  /** Resizes every image to this size in pixels. Left out: all must have the same size already. */
  readonly imageSize?: { readonly width: number; readonly height: number } | undefined;
  /** "cover" (default) keeps proportions and cuts what sticks out around the centre; "fill" stretches. */
  readonly imageFit?: "cover" | "fill" | undefined;
  /** 3 (default) for colour, 1 for grey. */
  readonly imageChannels?: 1 | 3 | undefined;
}

const endings = new Set([".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif"]);

/** Images decoded at the same time. */
const concurrency = 8;

/** Images must fit one array; beyond this a set is better prepared as arrays of the model's size. */
const maxBytes = 2 ** 32;

/**
 * Reads `root/class/file`. Pixels stay bytes in memory, [height, width, channels], and are recorded as layout "nhwc".
 * With a limit only the chosen files are decoded. Rotation notes (EXIF) are ignored, as training pipelines do.
 * @throws {PrunerError} `data-empty`, `data-too-large`, `invalid-option`, `image-library-missing`, `data-file-corrupt`, `image-size-differs`.
 */
export async function openImageFolder(
  root: string,
  options: DatasetOptions & ImageOptions = {},
): Promise<Dataset> {
  checkImageSize(options.imageSize);
  const { classNames, files, labels } = await listImages(root);
  const kept = limited(
    { rows: range(files.length), labels: { kind: "classes", values: labels, shape: [] } },
    options,
  );
  const chosen = kept ?? range(files.length);
  const pixels = await decodeAll(
    root,
    Array.from(chosen, (at) => files[at]!),
    options,
  );
  const values = Int32Array.from(chosen, (at) => labels[at]!);
  return datasetFromArrays(
    {
      inputs: pixels,
      labels: { dtype: "int32", shape: [values.length], data: values },
      classNames,
      name: root,
    },
    { ...options, layout: "nhwc", limit: undefined, labelsAs: "classes", ignoreLabel: undefined },
  );
}

function checkImageSize(size: ImageOptions["imageSize"]): void {
  if (size === undefined || [size.width, size.height].every((side) => Number.isInteger(side) && side >= 1))
    return;
  const got = `${size.width}x${size.height}`;
  throw new PrunerError("invalid-option", {
    option: "image-size",
    got,
    expected: "two whole numbers from 1",
  });
}

interface Listing {
  readonly classNames: readonly string[];
  /** Paths by class, then by name. */
  readonly files: readonly string[];
  readonly labels: Int32Array;
}

async function listImages(root: string): Promise<Listing> {
  const classNames = await listFolders(root);
  const files: string[] = [];
  const labels: number[] = [];
  for (const [label, className] of classNames.entries()) {
    const names = (await list(join(root, className))).filter((name) =>
      endings.has(extname(name).toLowerCase()),
    );
    for (const name of names.sort()) {
      files.push(join(root, className, name));
      labels.push(label);
    }
  }
  if (files.length === 0) throw new PrunerError("data-empty", { path: root });
  return { classNames, files, labels: Int32Array.from(labels) };
}

/** Class folders, links to folders included, by code unit: numbers must not depend on the machine's language. */
async function listFolders(root: string): Promise<string[]> {
  const names = (await list(root)).filter((name) => !name.startsWith("."));
  const entries = await Promise.all(names.map((name) => stat(join(root, name)).catch(() => undefined))); // a dead link
  return names.filter((_, k) => entries[k]?.isDirectory()).sort();
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    const detail = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PrunerError("file-unreadable", { path: folder, detail }, { cause });
  }
}

type Sharp = typeof import("sharp")["default"];

async function loadSharp(path: string): Promise<Sharp> {
  try {
    return (await import("sharp")).default;
  } catch (cause) {
    throw new PrunerError("image-library-missing", { path }, { cause });
  }
}

interface Image {
  readonly data: Uint8Array;
  readonly shape: readonly [height: number, width: number, channels: number];
}

async function decodeAll(root: string, files: readonly string[], options: ImageOptions) {
  const sharp = await loadSharp(root);
  const first = await decode(sharp, files[0]!, options);
  const size = first.data.length;
  if (size * files.length > maxBytes) {
    throw new PrunerError("data-too-large", {
      path: root,
      sizeBytes: size * files.length,
      limitBytes: maxBytes,
      hint: "Use fewer images (--limit) or smaller ones (--image-size).",
    });
  }
  const data = new Uint8Array(size * files.length);
  for (let start = 0; start < files.length; start += concurrency) {
    const some = files.slice(start, start + concurrency);
    const images = await Promise.all(some.map((file) => decode(sharp, file, options)));
    images.forEach((image, k) => {
      checkSize(some[k]!, image, first);
      data.set(image.data, (start + k) * size);
    });
  }
  return { dtype: "uint8" as const, shape: [files.length, ...first.shape], data };
}

async function decode(sharp: Sharp, path: string, options: ImageOptions): Promise<Image> {
  const { imageSize, imageFit = "cover", imageChannels = 3 } = options;
  try {
    const image = sharp(path)
      .removeAlpha()
      .toColourspace(imageChannels === 1 ? "b-w" : "srgb");
    const sized =
      imageSize === undefined ? image : image.resize(imageSize.width, imageSize.height, { fit: imageFit });
    const { data, info } = await sized.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    return { data, shape: [info.height, info.width, info.channels] };
  } catch (cause) {
    const detail = `cannot be decoded as an image (${cause instanceof Error ? cause.message : String(cause)})`;
    throw new PrunerError("data-file-corrupt", { path, detail }, { cause });
  }
}

function checkSize(path: string, image: Image, first: Image): void {
  const [got, expected] = [image, first].map(
    ({ shape: [height, width, channels] }) => `${width}x${height}x${channels}`,
  );
  if (got !== expected) throw new PrunerError("image-size-differs", { path, got: got!, expected: expected! });
}
