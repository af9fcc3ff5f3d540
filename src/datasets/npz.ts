/** @file Reads .npz, numpy's zip of .npy files: one named array each. */
import { unzipSync } from "fflate";
import { PrunerError } from "../base/problem.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { readNpy } from "./npy.ts";

export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);
}

/**
 * Decodes every array of an .npz file, stored or deflated, in the order of the file.
 * @returns Arrays by name, without the ".npy" ending.
 * @throws {PrunerError} `data-file-corrupt`, or `data-dtype-unsupported`.
 */
export function readNpz(bytes: Uint8Array, path: string): Map<string, Tensor> {
  const arrays = new Map<string, Tensor>();
  for (const [entry, content] of Object.entries(unpack(bytes, path))) {
    const name = entry.slice(0, -".npy".length);
    arrays.set(name, readNpy(content, `${path} (array "${name}")`));
  }
  return arrays;
}

function unpack(bytes: Uint8Array, path: string): Record<string, Uint8Array> {
  try {
    return unzipSync(bytes, {
      filter: ({ name, size, originalSize }) => {
        // Sizes come from the file: check that deflate (1032 to 1 at most) can deliver them before memory is taken.
        if (size > bytes.length || originalSize > 1040 * size + 4096) {
          throw new PrunerError("data-file-corrupt", {
            path,
            detail: `entry "${name}" has impossible sizes`,
          });
        }
        return name.endsWith(".npy");
      },
    });
  } catch (cause) {
    if (cause instanceof PrunerError) throw cause;
    const detail = `cannot be unpacked (${cause instanceof Error ? cause.message : String(cause)})`;
    throw new PrunerError("data-file-corrupt", { path, detail }, { cause });
  }
}
