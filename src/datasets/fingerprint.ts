/** @file A short name for content: equal data and options, equal name. */
import { createHash } from "node:crypto";
import type { TypedArray } from "../tensor/dtype.ts";

/**
 * SHA-256 (hex) over a list of texts, JSON values and typed arrays. Every part is preceded by its kind and length,
 * so that no two different lists run together.
 */
export function fingerprintOf(parts: readonly (TypedArray | string | object | undefined)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    if (ArrayBuffer.isView(part)) {
      hash.update(`${part.constructor.name}:${part.byteLength};`);
      hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    } else {
      const text = JSON.stringify(part) ?? "nothing";
      hash.update(`json:${text.length};${text}`);
    }
  }
  return hash.digest("hex");
}
