/** @file A nameless temporary file for what does not fit into memory: written once, then read, and gone with the process. */
import { randomUUID } from "node:crypto";
import { closeSync, openSync, rmSync, statfsSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PrunerError } from "../base/problem.ts";
import { type HeldFile, holdFile } from "./held-file.ts";

export interface SpoolSettings {
  /** The data it is for, named in messages. */
  readonly source: string;
  /** All that will be written. */
  readonly bytes: number;
  /** What else may help when there is no room, a sentence. */
  readonly hint?: string | undefined;
  readonly folder?: string | undefined;
}

export interface Spool {
  /** @throws {PrunerError} `spool-full`, `spool-unwritable`. */
  write(bytes: Uint8Array): void;
  /** What was written, to be read. It goes with the last who holds it. */
  done(): HeldFile;
  /** Instead of `done`. */
  discard(): void;
}

/**
 * Opens a spool in a folder that has room for it.
 * @throws {PrunerError} `spool-full` when there is no room, `spool-unwritable` when the folder takes no files.
 */
export function openSpool(settings: SpoolSettings): Spool {
  const folder = settings.folder ?? spoolFolder();
  const free = freeBytes(folder);
  if (free < settings.bytes) throw full(settings, folder, free);
  const path = join(folder, `shapley-pruner-${randomUUID()}.spool`);
  const descriptor = guarded(settings, folder, 0, () => openSync(path, "wx+", 0o600));
  const afterwards = hide(path);
  let written = 0;
  return {
    write(bytes) {
      for (let done = 0; done < bytes.length; ) {
        const count = guarded(settings, folder, written, () => writeSync(descriptor, bytes, done));
        done += count;
        written += count;
      }
    },
    done: () => holdFile(`${settings.source} (unpacked in ${folder})`, descriptor, afterwards),
    discard() {
      closeSync(descriptor);
      afterwards?.();
    },
  };
}

/** Spools that the system would not unlink while they are open. */
const named = new Set<string>();

/**
 * Takes the name of an open file away, so that it goes with the process whatever ends it.
 * @returns What is left to do after closing it, where the system keeps names of open files.
 */
function hide(path: string): (() => void) | undefined {
  try {
    unlinkSync(path);
    return undefined;
  } catch {
    if (named.size === 0) process.once("exit", () => named.forEach(remove));
    named.add(path);
    return () => {
      named.delete(path);
      remove(path);
    };
  }
}

function remove(path: string): void {
  rmSync(path, { force: true });
}

/** Types of file systems on Linux that keep files in memory: tmpfs and ramfs. */
const inMemory = new Set([0x01021994, 0x858458f6]);

/** Where spools go: not into memory, if nobody asked for it, since they are there to spare it. */
function spoolFolder(): string {
  const usual = tmpdir();
  const isNamed = ["TMPDIR", "TMP", "TEMP"].some((name) => process.env[name]);
  if (isNamed || process.platform !== "linux") return usual;
  const other = "/var/tmp";
  return isInMemory(usual) === true && isInMemory(other) === false ? other : usual;
}

function isInMemory(folder: string): boolean | undefined {
  try {
    return inMemory.has(statfsSync(folder).type >>> 0);
  } catch {
    return undefined;
  }
}

/** Infinity where the system does not tell; writing will show it. */
function freeBytes(folder: string): number {
  try {
    const { blocks, bavail, bsize } = statfsSync(folder);
    return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function guarded<T>(settings: SpoolSettings, folder: string, written: number, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT") throw full(settings, folder, written, cause);
    const data = { path: settings.source, folder, detail: code ?? String(cause) };
    throw new PrunerError("spool-unwritable", data, { cause });
  }
}

/** @param room Bytes that fit. */
function full({ source, bytes, hint }: SpoolSettings, folder: string, room: number, cause?: unknown) {
  const data = { path: source, folder, neededBytes: bytes, roomBytes: room, hint: hint ?? "" };
  return new PrunerError("spool-full", data, { cause });
}
