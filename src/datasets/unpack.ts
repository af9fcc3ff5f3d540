/** @file Unpacks a compressed array as a stream, into memory or into a spool. */
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { PrunerError } from "../base/problem.ts";
import { headBytes } from "./array-header.ts";
import { type ByteStore, byteStore } from "./byte-store.ts";
import { type OpenWork, tellMebibytes } from "./opening.ts";
import { checkLength, elementBytes, type PlacedLayout } from "./raw-array.ts";
import type { StoredArray } from "./stored-array.ts";

export interface Packed {
  /** Named in messages. */
  readonly name: string;
  /** A gzip stream. */
  readonly bytes: Iterable<Uint8Array>;
  /** How many bytes that stream has. */
  readonly size: number;
  readonly layoutOf: (head: Uint8Array, path: string) => PlacedLayout;
  /** Bytes that may come out of it, header included. */
  readonly most: (layout: PlacedLayout) => number;
  /** Whether elements of so many bytes go into a spool. */
  readonly onDisk: (bytes: number) => boolean;
}

const pieceBytes = 2 ** 18;

/**
 * Unpacks an array file out of a gzip stream. Nothing is taken in memory or on the disk before the header has said how much,
 * and no more is unpacked than that, so that a hostile file of a few kilobytes can fill neither.
 * @throws {PrunerError} `data-file-corrupt`, `spool-full`, `spool-unwritable`, and what `layoutOf` throws.
 */
export async function unpackArray(packed: Packed, work: OpenWork): Promise<StoredArray> {
  const unpacked = unpacking(packed, work);
  const gunzip = createGunzip({ chunkSize: pieceBytes });
  pipeline(Readable.from(packed.bytes, { objectMode: false }), gunzip, () => {}); // the loop hears of errors
  try {
    for await (const piece of gunzip) {
      work.signal?.throwIfAborted();
      unpacked.take(piece as Buffer);
    }
    unpacked.finish();
  } catch (cause) {
    unpacked.discard();
    throw unpackFailure(packed.name, cause);
  }
  return unpacked.array();
}

/** What zlib finds wrong with a stream, as a coded error; other errors as they are. */
export function unpackFailure(name: string, cause: unknown): unknown {
  const { code, message } = cause as NodeJS.ErrnoException;
  const isOfZlib = code !== undefined && /^(Z|ERR_TRAILING)_/.test(code);
  return isOfZlib ? corrupt(name, `cannot be unpacked (${message})`, cause) : cause;
}

/** Pieces as they come: collected until the header is whole, and handed on from there. */
function unpacking(packed: Packed, work: OpenWork) {
  const { name } = packed;
  let waiting: Uint8Array[] = [];
  let came = 0;
  let begun: Begun | undefined;
  const begin = () => {
    const head = Buffer.concat(waiting);
    waiting = [];
    begun = beginning(packed, head, work);
    begun.take(head.subarray(Math.min(begun.layout.offset, head.length)));
    return begun;
  };
  return {
    take(piece: Uint8Array) {
      came += piece.length;
      if (begun === undefined) {
        waiting.push(piece);
        if (came >= headBytes) begin();
      } else begun.take(piece);
      if (begun !== undefined && came > begun.most)
        throw corrupt(name, `unpacks to more than the ${begun.most} bytes it promises`);
    },
    finish() {
      const { layout, most } = begun ?? begin();
      if (came > most) throw corrupt(name, `unpacks to more than the ${most} bytes it promises`);
      checkLength(layout, came - layout.offset, name);
    },
    array: () => begun!.array(),
    discard: () => begun?.discard(),
  };
}

interface Begun {
  readonly layout: PlacedLayout;
  readonly most: number;
  take(elements: Uint8Array): void;
  array(): Promise<StoredArray>;
  discard(): void;
}

/** Deflate packs at most 1032 to 1. */
export function mostUnpacked(packedBytes: number): number {
  return 1040 * packedBytes + 4096;
}

function beginning(packed: Packed, head: Uint8Array, work: OpenWork): Begun {
  const { name, size, layoutOf, onDisk } = packed;
  const layout = layoutOf(head, name);
  const needed = elementBytes(layout);
  const most = packed.most(layout);
  if (!(layout.offset + needed <= Math.min(most, mostUnpacked(size))))
    throw corrupt(name, `promises [${layout.shape.join(", ")}] elements, more than it can hold`);
  const large = onDisk(needed);
  const store: ByteStore = byteStore({ source: name, bytes: needed }, large, work);
  let taken = 0;
  return {
    layout,
    most,
    take(elements) {
      const wanted = elements.subarray(0, needed - taken); // bytes behind the last element are ignored, as numpy does
      store.write(wanted);
      taken += wanted.length;
      if (large) tellMebibytes(work, "unpacking examples", taken, needed);
    },
    array: () => store.array(layout),
    discard: store.discard,
  };
}

function corrupt(path: string, detail: string, cause?: unknown): PrunerError {
  return new PrunerError("data-file-corrupt", { path, detail }, { cause });
}
