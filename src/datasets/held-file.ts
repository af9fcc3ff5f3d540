/** @file A file that stays open as long as something reads from it. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { PrunerError } from "../base/problem.ts";

export interface HeldFile {
  /** Named in messages. */
  readonly name: string;
  /** Bytes, when it was opened. */
  readonly size: number;
  readonly descriptor: number;
  /**
   * Fills memory with the bytes from a position on.
   * @throws {PrunerError} `data-file-corrupt` when the file ends before, `file-unreadable`.
   */
  read(into: Uint8Array, position: number): void;
  /** So many bytes from a position on (default 0), or as many as the file has. */
  head(bytes: number, position?: number): Uint8Array;
  /** For those who know that nothing reads from it any more; otherwise the collector finds out. */
  close(): void;
}

/** Closes files that nobody holds any more. */
const forgotten = new FinalizationRegistry<() => void>((close) => close());

/**
 * Opens a file to read. One that is replaced afterwards goes on being read as it was.
 * @throws {PrunerError} `file-not-found`, `file-unreadable`.
 */
export function openToRead(path: string): HeldFile {
  const descriptor = guarded(path, () => openSync(path, "r"));
  return holdFile(path, descriptor);
}

/**
 * Takes over an open file.
 * @param afterwards What is left to do once it is closed. It must not refer to what is returned.
 */
export function holdFile(name: string, descriptor: number, afterwards?: () => void): HeldFile {
  const close = once(() => {
    closeSync(descriptor);
    afterwards?.();
  });
  try {
    const { size } = guarded(name, () => fstatSync(descriptor));
    const read = (into: Uint8Array, position: number) => readFully(descriptor, name, into, position);
    const file: HeldFile = {
      name,
      size,
      descriptor,
      read,
      head(bytes, position = 0) {
        const into = new Uint8Array(Math.max(0, Math.min(bytes, size - position)));
        read(into, position);
        return into;
      },
      close() {
        forgotten.unregister(file);
        close();
      },
    };
    forgotten.register(file, close, file);
    return file;
  } catch (error) {
    close();
    throw error;
  }
}

function once(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) work();
    isDone = true;
  };
}

/** Bytes asked for at a time; the system's limit is 2 GiB. */
const mostAtOnce = 2 ** 30;

function readFully(descriptor: number, name: string, into: Uint8Array, position: number): void {
  for (let done = 0; done < into.length; ) {
    const some = Math.min(into.length - done, mostAtOnce);
    const count = guarded(name, () => readSync(descriptor, into, done, some, position + done));
    if (count === 0)
      throw new PrunerError("data-file-corrupt", { path: name, detail: `ends at byte ${position + done}` });
    done += count;
  }
}

function guarded<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new PrunerError("file-not-found", { path }, { cause });
    throw new PrunerError("file-unreadable", { path, detail: code ?? String(cause) }, { cause });
  }
}

/** Bytes that are read together where a file is read from end to end. */
const pieceBytes = 2 ** 18;

/** The bytes [start, end) of a file, piece by piece. A piece is overwritten by none of those that follow. */
export function* filePieces(file: HeldFile, start: number, end: number): Generator<Buffer> {
  for (let at = start; at < end; at += pieceBytes) {
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, end - at));
    file.read(piece, at);
    yield piece;
  }
}
