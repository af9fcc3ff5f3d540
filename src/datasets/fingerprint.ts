/** @file A short name for content: equal data and options, equal name. */
import { createHash } from "node:crypto";
import { arrayTypes, type TypedArray } from "../tensor/dtype.ts";
import { bytesOf } from "./raw-array.ts";
import { isStored, piecesOf, rowBytes, type StoredArray } from "./stored-array.ts";

/**
 * SHA-256 (hex) over a list of texts, JSON values, typed arrays and stored arrays, which are read piece by piece and count
 * as the typed array of their elements. Every part is preceded by its kind and length,
 * so that no two different lists run together.
 */
export function fingerprintOf(
  parts: readonly (TypedArray | StoredArray | string | object | undefined)[],
): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    if (ArrayBuffer.isView(part)) {
      hash.update(`${part.constructor.name}:${part.byteLength};`);
      hash.update(bytesOf(part));
    } else if (typeof part === "object" && isStored(part)) {
      const length = rowBytes(part) * (part.shape[0] ?? 1);
      hash.update(`${arrayTypes[part.dtype].name}:${length};`);
      for (const { data } of piecesOf(part)) hash.update(bytesOf(data));
    } else {
      const text = JSON.stringify(part) ?? "nothing";
      hash.update(`json:${text.length};${text}`);
    }
  }
  return hash.digest("hex");
}
