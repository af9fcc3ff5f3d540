/** @file Recognises the header of an array, whichever format it has. */
import { PrunerError } from "../base/problem.ts";
import { idxLayout, isIdx } from "./idx.ts";
import { isNpy, npyLayout } from "./npy.ts";
import type { PlacedLayout } from "./raw-array.ts";

/** Enough for the header of any array. */
export const headBytes = 2 ** 16 + 16;

/**
 * What the header says, and where it ends.
 * @param head The first `headBytes`, or all there are.
 * @throws {PrunerError} `data-format-unknown` for what is no array, and what the readers of the formats throw.
 */
export function arrayLayout(head: Uint8Array, path: string): PlacedLayout {
  if (isNpy(head)) return npyLayout(head, path);
  if (isIdx(head)) return idxLayout(head, path);
  const detail = head.length === 0 ? "is empty" : "is in no format that can be read";
  throw new PrunerError("data-format-unknown", { path, detail });
}
