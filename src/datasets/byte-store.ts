/** @file Where unpacked bytes go while they come: into memory or into a spool. */

import type { OpenWork } from "./opening.ts";
import { liesInRows, placedArray } from "./placed-array.ts";
import { type RawLayout, readElements } from "./raw-array.ts";
import { openSpool, type SpoolSettings } from "./spool.ts";
import { inMemory, type StoredArray } from "./stored-array.ts";

export interface ByteStore {
  /** @throws {PrunerError} `spool-full`, `spool-unwritable`. */
  write(bytes: Uint8Array): void;
  /** The array that the bytes are, once all are written. The store is at its end then. */
  array(layout: RawLayout): Promise<StoredArray>;
  /** Instead of `array`. */
  discard(): void;
}

/**
 * @param settings What it is for, and how many bytes will come.
 * @param onDisk Whether they go into a spool.
 * @throws {PrunerError} `spool-full`, `spool-unwritable`.
 */
export function byteStore(settings: SpoolSettings, onDisk: boolean, work: OpenWork): ByteStore {
  return onDisk ? onTheDisk({ ...settings, folder: work.spoolFolder }, work) : inTheMemory(settings);
}

function inTheMemory({ source, bytes }: SpoolSettings): ByteStore {
  const all = new Uint8Array(bytes);
  let at = 0;
  return {
    write(some) {
      all.set(some, at);
      at += some.length;
    },
    array: async (layout) => inMemory(readElements(all, { ...layout, offset: 0 }, source)),
    discard() {},
  };
}

function onTheDisk(settings: SpoolSettings, work: OpenWork): ByteStore {
  const spool = openSpool(settings);
  return {
    write: spool.write,
    async array(layout) {
      const file = spool.done();
      try {
        return await placedArray(file, { ...layout, offset: 0 }, true, work);
      } finally {
        if (!liesInRows(layout)) file.close(); // its rows are elsewhere
      }
    },
    discard: spool.discard,
  };
}
