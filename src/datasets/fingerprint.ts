/** @file A short name for content: equal data and options, equal name. */
import { createHash } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { arrayTypes, type TypedArray } from "../tensor/dtype.ts";
import { bytesOf } from "./raw-array.ts";
import { isStored, piecesOf, rowBytes, type StoredArray } from "./stored-array.ts";

export type FingerprintPart = TypedArray | StoredArray | string | object | undefined;

/**
 * SHA-256 (hex) over a list of texts, JSON values, typed arrays and stored arrays, which are read piece by piece and count
 * as the typed array of their elements. Every part is preceded by its kind and length,
 * so that no two different lists run together.
 */
export function fingerprintOf(parts: readonly FingerprintPart[]): string {
  const work = fingerprinting(parts);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** Bytes between two breaths. */
const stretchBytes = 2 ** 26;

/**
 * The same, with breaths in which others have their turn and an interruption is heard.
 * @param onBytes Told how many bytes of stored arrays have been read.
 * @throws The signal's reason when it is aborted.
 */
export async function fingerprintInTurns(
  parts: readonly FingerprintPart[],
  onBytes: (done: number) => void,
  signal: AbortSignal | undefined,
): Promise<string> {
  const work = fingerprinting(parts);
  let breath = stretchBytes;
  for (let done = 0; ; ) {
    const step = work.next();
    if (step.done === true) return step.value;
    done += step.value;
    if (done < breath) continue;
    breath = done + stretchBytes;
    onBytes(done);
    await turn();
    signal?.throwIfAborted();
  }
}

/** Yields the bytes of every piece of a stored array, and ends with the fingerprint. */
function* fingerprinting(parts: readonly FingerprintPart[]): Generator<number, string> {
  const hash = createHash("sha256");
  for (const part of parts) {
    if (ArrayBuffer.isView(part)) {
      hash.update(`${part.constructor.name}:${part.byteLength};`);
      hash.update(bytesOf(part));
    } else if (typeof part === "object" && isStored(part)) {
      const length = rowBytes(part) * (part.shape[0] ?? 1);
      hash.update(`${arrayTypes[part.dtype].name}:${length};`);
      for (const { data } of piecesOf(part)) {
        hash.update(bytesOf(data));
        yield data.byteLength;
      }
    } else {
      const text = JSON.stringify(part) ?? "nothing";
      hash.update(`json:${text.length};${text}`);
    }
  }
  return hash.digest("hex");
}
