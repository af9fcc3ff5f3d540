/**
 * @file Finished pieces of long work in a folder, so that a run that was killed goes on.
 *
 * A piece is found by everything that decides it, and written whole or not at all. Pieces of other settings may lie in
 * the same folder; pieces of another model, other data or another runtime may not.
 */
import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { readBytes, writeAtomically } from "../base/atomic-file.ts";
import { isProblem, PrunerError } from "../base/problem.ts";

/** What decides a piece, as plain JSON. */
export type PieceKey = Readonly<Record<string, unknown>>;

export interface PieceStore {
  /**
   * The piece with this key: what the folder holds, or else what `work` gives, which is kept. Values are plain JSON;
   * fresh ones come back as they would from the folder.
   * @throws {PrunerError} `pieces-corrupt` for a damaged file, `file-unwritable`, and what `work` throws.
   */
  piece<T>(key: PieceKey, work: () => Promise<T>): Promise<T>;
  /** The piece with this key, undefined where the folder does not hold it. @throws {PrunerError} `pieces-corrupt`. */
  held<T>(key: PieceKey): Promise<T | undefined>;
  /** @throws {PrunerError} `file-unwritable`. */
  keep(key: PieceKey, value: unknown): Promise<void>;
}

/** Says whose pieces a folder holds. */
export const ownerFile = "owner.json";

/**
 * Opens a folder of pieces, or begins one; without a path nothing is kept.
 * @param owner What all pieces have in common.
 * @throws {PrunerError} `pieces-foreign` for a folder of another owner, `pieces-corrupt`, `file-unwritable`.
 */
export async function openPieces(path: string | undefined, owner: PieceKey): Promise<PieceStore> {
  if (path === undefined)
    return {
      piece: async (_, work) => plain(await work()),
      held: async () => undefined,
      keep: async () => {},
    };
  await makeFolder(path);
  const known = await read<PieceKey>(path, ownerFile);
  if (known === undefined) await write(path, ownerFile, owner);
  else {
    const fields = [...new Set([...Object.keys(owner), ...Object.keys(known)])];
    const different = fields.filter((name) => JSON.stringify(known[name]) !== JSON.stringify(owner[name]));
    if (different.length > 0)
      throw new PrunerError("pieces-foreign", {
        path,
        detail: `another ${different.join(", another ")}`,
      });
  }
  const nameOf = (key: PieceKey): string => `${hashOf(JSON.stringify(key))}.json`;
  return {
    async piece<T>(key: PieceKey, work: () => Promise<T>) {
      const found = await read<T>(path, nameOf(key));
      if (found !== undefined) return found;
      const value = plain(await work());
      await write(path, nameOf(key), value);
      return value;
    },
    held: (key) => read(path, nameOf(key)),
    keep: (key, value) => write(path, nameOf(key), value),
  };
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "EEXIST") return; // a file in its place is told when it is read
    throw new PrunerError("file-unwritable", { path, detail: cause.code ?? String(cause) }, { cause });
  });
}

/** A document is what was written, with a checksum over it. */
interface Sealed {
  readonly checksum: string;
  readonly value: unknown;
}

/** Undefined where there is no such file. */
async function read<T>(folder: string, name: string): Promise<T | undefined> {
  const path = join(folder, name);
  let bytes: Uint8Array;
  try {
    bytes = await readBytes(path);
  } catch (error) {
    if (isProblem(error, "file-not-found")) return undefined;
    throw error;
  }
  const sealed = parsed(new TextDecoder().decode(bytes));
  if (sealed?.checksum !== hashOf(JSON.stringify(sealed?.value) ?? ""))
    throw new PrunerError("pieces-corrupt", { path, folder });
  return sealed.value as T;
}

function parsed(text: string): Partial<Sealed> | undefined {
  try {
    return (JSON.parse(text) ?? undefined) as Partial<Sealed> | undefined;
  } catch {
    return undefined;
  }
}

function write(folder: string, name: string, value: unknown): Promise<void> {
  const sealed: Sealed = { checksum: hashOf(JSON.stringify(value)), value };
  return writeAtomically(join(folder, name), JSON.stringify(sealed));
}

function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 40);
}
