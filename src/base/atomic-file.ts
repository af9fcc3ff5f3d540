/** @file Files appear whole or not at all. */
import { readFile } from "node:fs/promises";
import { PrunerError } from "./problem.ts";

/**
 * Writes a file through a temporary sibling and a rename, so that readers never see half of it.
 * @throws {PrunerError} `file-unwritable` when the folder is missing, read-only or full.
 */
export async function writeAtomically(path: string, content: Uint8Array | string): Promise<void> {
  const { default: writeFileAtomic } = await import("write-file-atomic"); // with the first file, not with the program
  try {
    const data =
      typeof content === "string"
        ? content
        : Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    await writeFileAtomic(path, data);
  } catch (cause) {
    throw new PrunerError("file-unwritable", { path, detail: detailOf(cause) }, { cause });
  }
}

/**
 * Reads a whole file.
 * @throws {PrunerError} `file-not-found` or `file-unreadable`.
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT")
      throw new PrunerError("file-not-found", { path }, { cause });
    throw new PrunerError("file-unreadable", { path, detail: detailOf(cause) }, { cause });
  }
}

function detailOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? String(cause);
}
