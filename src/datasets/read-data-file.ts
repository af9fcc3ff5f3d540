/** @file Reads whole files, those included that are too large for one system call. */
import { type FileHandle, open, stat } from "node:fs/promises";
import { readBytes } from "../base/atomic-file.ts";
import { PrunerError } from "../base/problem.ts";

/** What one read may ask for; the system's limit is 2 GiB. */
const pieceBytes = 2 ** 30;

/** What one typed array may hold. */
const maxBytes = 2 ** 32;

/**
 * The content of a file of up to 4 GiB.
 * @throws {PrunerError} `file-not-found`, `file-unreadable`, `data-too-large`, `data-file-corrupt` for a file that shrinks
 *   while it is read.
 */
export async function readDataFile(path: string): Promise<Uint8Array> {
  const sizeBytes = await stat(path).then(
    ({ size }) => size,
    () => 0, // the read that follows says what is wrong
  );
  if (sizeBytes <= pieceBytes) return readBytes(path);
  if (sizeBytes > maxBytes) {
    const hint =
      "Split the file, or store pixels as bytes (uint8) and let --pixel-scale, --mean and --std convert them.";
    throw new PrunerError("data-too-large", { path, sizeBytes, limitBytes: maxBytes, hint });
  }
  return readInPieces(path, sizeBytes, pieceBytes);
}

/** @param piece Bytes asked for at a time. */
export async function readInPieces(path: string, sizeBytes: number, piece: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(sizeBytes);
  const file = await opened(path);
  try {
    for (let at = 0; at < sizeBytes; ) {
      const { bytesRead } = await file.read(bytes, at, Math.min(piece, sizeBytes - at), at);
      if (bytesRead === 0) {
        throw new PrunerError("data-file-corrupt", { path, detail: `ends at byte ${at} of ${sizeBytes}` });
      }
      at += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (cause) {
    const detail = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PrunerError("file-unreadable", { path, detail }, { cause });
  }
}
