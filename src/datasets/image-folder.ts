/** @file Reads a folder with one sub-folder of image files per class: all pixels in memory, or in a spool. */
import { mapInOrder } from "../base/map-in-order.ts";
import { range } from "../math/random.ts";
import { sizeOf } from "../tensor/tensor.ts";
import { byteStore } from "./byte-store.ts";
import { type Dataset, unnamed } from "./dataset.ts";
import { checkImageSize, checkSize, decode, type ImageOptions, loadSharp } from "./decode-image.ts";
import { type DatasetOptions, datasetFromStored } from "./from-arrays.ts";
import { listImages } from "./list-images.ts";
import { isLarge, type OpenWork } from "./opening.ts";
import { limited } from "./split.ts";
import type { StoredArray } from "./stored-array.ts";

/** Images decoded at the same time. */
const concurrency = 8;

/**
 * Reads `root/class/file`. Pixels stay bytes, [height, width, channels], and are recorded as layout "nhwc". Every chosen
 * file is decoded once, however often its example is visited; with a limit the others are not looked at. Rotation notes (EXIF) are ignored, as training pipelines do.
 * @throws {PrunerError} `data-empty`, `invalid-option`, `image-library-missing`, `data-file-corrupt`, `image-size-differs`, `spool-full`,
 *   `spool-unwritable`.
 */
export async function openImageFolder(
  root: string,
  options: DatasetOptions & ImageOptions & OpenWork = {},
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
  return datasetFromStored(
    {
      inputs: { [unnamed]: pixels },
      labels: { dtype: "int32", shape: [values.length], data: values },
      classNames,
      name: root,
    },
    { ...options, layout: "nhwc", limit: undefined, labelsAs: "classes", ignoreLabel: undefined },
    options,
  );
}

/** @returns Pixels of all files, shape [files.length, height, width, channels]. */
async function decodeAll(
  root: string,
  files: readonly string[],
  options: ImageOptions & OpenWork,
): Promise<StoredArray> {
  const sharp = await loadSharp(root);
  const first = await decode(sharp, files[0]!, options);
  const bytes = sizeOf(first.shape) * files.length;
  const hint = "Fewer images (--limit) or smaller ones (--image-size) take less.";
  const store = byteStore({ source: root, bytes, hint }, isLarge(bytes, options), options);
  try {
    store.write(first.data);
    const rest = files.slice(1);
    let done = 0;
    for await (const image of mapInOrder(rest, (file) => decode(sharp, file, options), concurrency)) {
      options.signal?.throwIfAborted();
      checkSize(rest[done]!, image, first);
      store.write(image.data);
      done++;
      options.onProgress?.({ label: "decoding images", done: done + 1, total: files.length, unit: "images" });
    }
  } catch (error) {
    store.discard();
    throw error;
  }
  const shape = [files.length, ...first.shape];
  return store.array({ dtype: "uint8", shape, bigEndian: false, fortran: false });
}
