/**
 * @file Coalition values on disk, in an LMDB database: a folder that several runs may share.
 *
 * Tables are told apart by everything that decides their numbers (model, data, payoff, group, ...), hashed into the
 * key, so that values of different games never meet. A record is one chunk with a checksum. LMDB writes pages to new
 * places and switches over at the end, so a process killed at any moment leaves the last committed state.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { access, constants, mkdir, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { RootDatabase } from "lmdb";
import { PrunerError } from "../base/problem.ts";
import type { ChunkStore } from "./fill-table.ts";

/** Everything that decides the values of a table, as plain JSON. */
export type TableIdentity = Readonly<Record<string, string | number | boolean | null>>;

export interface CoalitionStore {
  readonly path: string;
  /** The chunks of one table. */
  table(identity: TableIdentity): ChunkStore;
  /** Waits for what is being written. */
  close(): Promise<void>;
}

type Key = [table: string, chunk: number];

/** Version of the records; part of every key. */
const format = 1;
const headerBytes = 8; // checksum of the values, then their number

/**
 * Opens a store, or begins one.
 * @param path Folder; made when it is missing, inside one that is there.
 * @throws {PrunerError} `store-unusable` for a place that cannot hold one, `store-corrupt` for a damaged store.
 */
export async function openStore(path: string): Promise<CoalitionStore> {
  await makeFolder(path);
  await checkStore(path);
  const { open } = await import("lmdb");
  const database = opening(path, () => open<Buffer, Key>(path, { encoding: "binary", noSubdir: false }));
  return {
    path,
    table: (identity) =>
      chunksOf(database, path, createHash("sha256").update(textOf(identity)).digest("hex")),
    close: () => database.close(),
  };
}

/** Names in a fixed order, so that equal identities give equal keys. */
function textOf(identity: TableIdentity): string {
  return JSON.stringify([format, Object.entries(identity).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function chunksOf(database: RootDatabase<Buffer, Key>, path: string, table: string): ChunkStore {
  return {
    read(chunk) {
      const record = opening(path, () => database.get([table, chunk]));
      return record === undefined ? undefined : decode(record, path);
    },
    async write(chunk, values) {
      try {
        await database.put([table, chunk], encode(values));
      } catch (cause) {
        throw new PrunerError("store-unusable", { path, detail: messageOf(cause) }, { cause });
      }
    },
  };
}

function encode(values: Float64Array): Buffer {
  const record = Buffer.alloc(headerBytes + values.length * 8);
  values.forEach((value, k) => {
    record.writeDoubleLE(value, headerBytes + 8 * k);
  });
  record.writeUInt32LE(crc32(record.subarray(headerBytes)), 0);
  record.writeUInt32LE(values.length, 4);
  return record;
}

function decode(record: Buffer, path: string): Float64Array {
  const count = record.length < headerBytes ? -1 : record.readUInt32LE(4);
  if (
    record.length !== headerBytes + 8 * count ||
    crc32(record.subarray(headerBytes)) !== record.readUInt32LE(0)
  )
    throw new PrunerError("store-corrupt", { path, detail: "a record does not match its checksum" });
  return Float64Array.from({ length: count }, (_, k) => record.readDoubleLE(headerBytes + 8 * k));
}

/** @throws {PrunerError} `store-unusable`. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== "EEXIST") throw cause;
    });
    await access(path, constants.W_OK);
    if ((await stat(path)).isDirectory()) return;
  } catch (cause) {
    const detail = (cause as NodeJS.ErrnoException).code ?? messageOf(cause);
    throw new PrunerError("store-unusable", { path, detail }, { cause });
  }
  throw new PrunerError("store-unusable", { path, detail: "it is a file" });
}

function opening<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new PrunerError("store-corrupt", { path, detail: messageOf(cause) }, { cause });
  }
}

/** What the process that looks first runs: every record read and held against its checksum. */
const checker = `
const [library, path, header] = process.argv.slice(1);
const { open } = require(library);
const { crc32 } = require("node:zlib");
try {
  const database = open(path, { encoding: "binary", noSubdir: false, readOnly: true });
  for (const { value } of database.getRange()) {
    if (value.length < header || crc32(value.subarray(Number(header))) !== value.readUInt32LE(0))
      throw new Error("a record does not match its checksum");
  }
  process.exit(0);
} catch (error) {
  process.stdout.write(String(error.message));
  process.exitCode = 3;
}`;

/**
 * A damaged page of a memory-mapped file can bring a process down inside native code. A process of its own therefore
 * reads a store that is there already, before this one opens it.
 */
async function checkStore(path: string): Promise<void> {
  const found = await stat(join(path, "data.mdb")).catch(() => undefined);
  if (found === undefined || found.size === 0) return; // nothing there, or a process was killed in its first moment
  const library = createRequire(import.meta.url).resolve("lmdb");
  const refusal = await new Promise<string | undefined>((resolve) => {
    execFile(
      process.execPath,
      ["-e", checker, library, path, String(headerBytes)],
      { env: { ...process.env, NODE_OPTIONS: "" } },
      (error, stdout) => {
        const signal = (error as { readonly signal?: string } | null)?.signal;
        if (error === null) resolve(undefined);
        else resolve(stdout || `reading it ends with ${signal ?? `exit code ${error.code}`}`);
      },
    );
  });
  if (refusal !== undefined) throw new PrunerError("store-corrupt", { path, detail: refusal });
}

function messageOf(cause: unknown): string {
  return (cause as Error).message;
}
