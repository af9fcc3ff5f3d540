/** @file Writes several large files so that all of them appear whole, or none does. */
import { unlinkSync } from "node:fs";
import { chmod, type FileHandle, open, realpath, rename, stat, unlink } from "node:fs/promises";
import { threadId } from "node:worker_threads";
import { isProblem, PrunerError } from "../base/problem.ts";

export interface WholeFile {
  readonly path: string;
  readonly content: Iterable<Uint8Array>;
}

/** Temporary files that a sudden end of the process would leave behind. */
const unfinished = new Set<string>();
let count = 0;

/**
 * Streams every file into a temporary sibling and flushes it to the disk; when all of them are complete they take their
 * names, in the given order. Errors thrown by a content pass through.
 * @throws {PrunerError} `file-unwritable` when a folder is missing, read-only or full; nothing is left behind then.
 */
export async function writeWholeFiles(files: readonly WholeFile[]): Promise<void> {
  const written: Renaming[] = [];
  try {
    for (const file of files) {
      const to = await realpath(file.path).catch(() => file.path); // a link stays, its target changes
      const from = `${to}.${process.pid}-${threadId}-${++count}.tmp`;
      written.push({ from, to });
      await reporting(file.path, () => writeTemporary(from, to, file.content));
    }
    await takeNames(written);
  } finally {
    for (const { from } of written) {
      await unlink(from).catch(() => undefined); // already renamed, or never made
      unfinished.delete(from);
    }
  }
}

interface Renaming {
  readonly from: string;
  readonly to: string;
}

/** Renames in order; when one fails, the earlier ones are undone and the files they replaced come back. */
async function takeNames(renamings: readonly Renaming[]): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  const replaced: string[] = [];
  try {
    for (const [index, { from, to }] of renamings.entries()) {
      if (index < renamings.length - 1) {
        const aside = `${from}.old`;
        const existed = await moveIfThere(to, aside);
        undo.unshift(() => (existed ? rename(aside, to) : unlink(to)));
        if (existed) replaced.push(aside);
      }
      await reporting(to, () => rename(from, to));
    }
  } catch (error) {
    for (const step of undo) await step().catch(() => undefined); // the first error is the one to report
    throw error;
  }
  for (const aside of replaced) await unlink(aside);
}

async function moveIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

async function reporting(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (isProblem(cause)) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    throw new PrunerError("file-unwritable", { path, detail: code }, { cause });
  }
}

async function writeTemporary(from: string, to: string, content: Iterable<Uint8Array>): Promise<void> {
  if (unfinished.size === 0) {
    process.off("exit", removeUnfinished);
    process.on("exit", removeUnfinished);
  }
  unfinished.add(from);
  const handle = await open(from, "wx");
  try {
    for (const bytes of gathered(content)) await writeAll(handle, bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  const before = await stat(to).catch(() => undefined);
  if (before !== undefined) await chmod(from, before.mode & 0o7777);
}

/** One call may write less than it was given, above all on a disk that is nearly full. */
async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, Math.min(bytes.length - done, 2 ** 30));
    done += bytesWritten;
  }
}

const gatherBytes = 2 ** 20;

/** Joins small pieces, so that a model of many small tensors does not take many calls. */
function* gathered(content: Iterable<Uint8Array>): Generator<Uint8Array> {
  let small: Uint8Array[] = [];
  let size = 0;
  for (const bytes of content) {
    if (size + bytes.length > gatherBytes && size > 0) {
      yield Buffer.concat(small, size);
      small = [];
      size = 0;
    }
    if (bytes.length >= gatherBytes) yield bytes;
    else {
      small.push(bytes);
      size += bytes.length;
    }
  }
  if (size > 0) yield Buffer.concat(small, size);
}

function removeUnfinished(): void {
  for (const path of unfinished) {
    try {
      unlinkSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}
