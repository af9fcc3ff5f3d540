/**
 * @file Shared memory for what games keep, given back when a game is over and used again by the next. Nobody else would
 * free it in time: the collectors of the threads that have seen shared memory do not count it as theirs.
 */

export interface Region {
  readonly buffer: SharedArrayBuffer;
  /** In bytes, a multiple of 64. */
  readonly offset: number;
  readonly bytes: number;
}

export interface Arena {
  /**
   * So many bytes, with whatever was in them before.
   * @param reserve Bytes that may be wanted in all, of which a block holds 1 GiB. Memory that is reserved and not written
   *   to takes no room.
   */
  take(bytes: number, reserve?: number): Region;
  /** Nobody may use the region any more, in any thread. */
  give(region: Region): void;
}

interface Gap {
  offset: number;
  bytes: number;
}

interface Block {
  readonly buffer: SharedArrayBuffer;
  /** Ascending, with something in use between any two. */
  readonly gaps: Gap[];
}

/** No offset in a block may need more than 32 bits (see `chunks.ts`). */
const blockBytes = 2 ** 30;

export function newArena(): Arena {
  let blocks: Block[] = [];
  return {
    take(wanted, reserve = 0) {
      const bytes = aligned(wanted);
      for (const block of blocks) {
        const region = takeFrom(block, bytes);
        if (region !== undefined) return region;
      }
      blocks = blocks.filter(({ buffer, gaps }) => gaps[0]?.bytes !== buffer.byteLength); // empty and too small
      const buffer = new SharedArrayBuffer(Math.max(bytes, aligned(Math.min(reserve, blockBytes))));
      const block: Block = { buffer, gaps: [{ offset: 0, bytes: buffer.byteLength }] };
      blocks.push(block);
      return takeFrom(block, bytes)!;
    },
    give({ buffer, offset, bytes }) {
      const block = blocks.find((one) => one.buffer === buffer);
      if (block !== undefined) addGap(block.gaps, { offset, bytes });
    },
  };
}

function takeFrom({ buffer, gaps }: Block, bytes: number): Region | undefined {
  const k = gaps.findIndex((gap) => gap.bytes >= bytes);
  if (k < 0) return undefined;
  const gap = gaps[k]!;
  const region = { buffer, offset: gap.offset, bytes };
  gap.offset += bytes;
  gap.bytes -= bytes;
  if (gap.bytes === 0) gaps.splice(k, 1);
  return region;
}

/** Puts a gap in its place and joins it with those it touches. */
function addGap(gaps: Gap[], gap: Gap): void {
  if (gap.bytes === 0) return;
  const found = gaps.findIndex(({ offset }) => offset > gap.offset);
  const k = found < 0 ? gaps.length : found;
  gaps.splice(k, 0, gap);
  for (const left of [k, k - 1]) {
    const [a, b] = [gaps[left], gaps[left + 1]];
    if (a === undefined || b === undefined || a.offset + a.bytes !== b.offset) continue;
    a.bytes += b.bytes;
    gaps.splice(left + 1, 1);
  }
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}
