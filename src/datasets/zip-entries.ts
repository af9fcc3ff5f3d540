/** @file The directory of a zip file: which entries it has, where their bytes are, and whether that can be true. */
import type { Entry, ZipFile } from "yauzl";
import { PrunerError } from "../base/problem.ts";
import type { HeldFile } from "./held-file.ts";
import { mostUnpacked } from "./unpack.ts";

export interface ZipEntry {
  readonly name: string;
  /** Deflated, or as it is. */
  readonly isPacked: boolean;
  /** Where its bytes begin in the file, and where they end. */
  readonly start: number;
  readonly end: number;
  /** Bytes when unpacked. */
  readonly size: number;
  readonly crc32: number;
}

/**
 * The entries of a zip file, ZIP64 included, in the order of its directory. Where several have a name, the last of them counts.
 * @throws {PrunerError} `data-file-corrupt` for a directory that is damaged, or that no honest program writes: entries that share
 *   bytes, lie outside the file, or unpack to more than deflate can pack.
 */
export async function zipEntries(file: HeldFile): Promise<ZipEntry[]> {
  const { fromFdPromise, getFileNameLowLevel } = await import("yauzl"); // with the first zip, not with the program
  const entries = new Map<string, ZipEntry>();
  const places: Place[] = [];
  await guarded(file, async () => {
    const zip = await fromFdPromise(file.descriptor, { autoClose: false, decodeStrings: false });
    for await (const entry of zip.eachEntry()) {
      const { generalPurposeBitFlag: flags, fileNameRaw, extraFields } = entry;
      const name = getFileNameLowLevel(flags, fileNameRaw, extraFields, true);
      const place = await placeOf(zip, entry, name);
      places.push(place);
      entries.set(name, checked(file, place, entry));
    }
  });
  places.sort((a, b) => a.first - b.first);
  const shared = places.find((place, k) => k > 0 && place.first < places[k - 1]!.end);
  if (shared !== undefined) throw corrupt(file, `entry "${shared.name}" lies on bytes of another`);
  return [...entries.values()];
}

interface Place {
  readonly name: string;
  /** Where its own header begins. */
  readonly first: number;
  readonly start: number;
  readonly end: number;
}

/** The header in front of an entry has the last word on where its bytes begin. */
async function placeOf(zip: ZipFile, entry: Entry, name: string): Promise<Place> {
  const { fileDataStart: start } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
  return { name, first: entry.relativeOffsetOfLocalHeader, start, end: start + entry.compressedSize };
}

const methods = { stored: 0, deflated: 8 } as const;

function checked(file: HeldFile, { name, start, end }: Place, entry: Entry): ZipEntry {
  const { compressionMethod: method, compressedSize, uncompressedSize: size, crc32 } = entry;
  const isPacked = method !== methods.stored;
  const impossible = isPacked ? size > mostUnpacked(compressedSize) : size !== compressedSize;
  if (impossible) throw corrupt(file, `entry "${name}" has impossible sizes`);
  if (entry.isEncrypted()) throw corrupt(file, `entry "${name}" is encrypted`);
  if (isPacked && method !== methods.deflated)
    throw corrupt(file, `entry "${name}" is packed by method ${method}; deflate alone can be unpacked`);
  return { name, isPacked, start, end, size, crc32 };
}

async function guarded<T>(file: HeldFile, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof PrunerError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "EIO")
      throw new PrunerError("file-unreadable", { path: file.name, detail: code }, { cause });
    throw corrupt(file, `cannot be unpacked (${message})`, cause);
  }
}

function corrupt({ name }: HeldFile, detail: string, cause?: unknown): PrunerError {
  return new PrunerError("data-file-corrupt", { path: name, detail }, { cause });
}
