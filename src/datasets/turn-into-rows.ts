/** @file From arrays whose first axis varies fastest, as Fortran keeps them, to rows. */
import { sizeOf, stridesOf } from "../tensor/tensor.ts";

/** Rows turned together: each is written in order, and as many places of memory as this are kept at hand. */
const together = 64;

/**
 * Reorders elements from first axis fastest to row-major order.
 * @param from Shape [count, ...rest] with the first axis fastest; its bytes begin at a multiple of the width.
 * @param into As many bytes, aligned alike.
 * @param width Bytes of an element: 1, 2, 4 or 8.
 */
export function turnIntoRows(
  from: Uint8Array,
  into: Uint8Array,
  [count = 1, ...rest]: readonly number[],
  width: number,
): void {
  const [source, target] = [wordsOf(from, width), wordsOf(into, width)];
  const words = Math.ceil(width / 4); // what is wider than four bytes goes in pieces of four
  const positions = sizeOf(rest);
  const steps = stridesOf([...rest].reverse()).reverse(); // from position to position of an example, in examples
  for (let first = 0; first < count; first += together) {
    const end = Math.min(count, first + together);
    const position = new Array<number>(rest.length).fill(0);
    for (let at = 0, place = 0; at < positions; at++) {
      copyAcross(source, target, { first, end, column: place * count, position: at, positions, words });
      for (let axis = rest.length - 1; axis >= 0; axis--) {
        place += steps[axis]!;
        if (++position[axis]! < rest[axis]!) break;
        place -= steps[axis]! * rest[axis]!;
        position[axis] = 0;
      }
    }
  }
}

type Words = Uint8Array | Uint16Array | Uint32Array;

function wordsOf({ buffer, byteOffset, byteLength }: Uint8Array, width: number): Words {
  if (width === 1) return new Uint8Array(buffer, byteOffset, byteLength);
  if (width === 2) return new Uint16Array(buffer, byteOffset, byteLength / 2);
  return new Uint32Array(buffer, byteOffset, byteLength / 4);
}

interface Stretch {
  /** Rows [first, end). */
  readonly first: number;
  readonly end: number;
  /** Where the elements of all rows at this position begin. */
  readonly column: number;
  readonly position: number;
  readonly positions: number;
  readonly words: number;
}

/** One position of some rows. */
function copyAcross(source: Words, target: Words, stretch: Stretch): void {
  const { first, end, column, position, positions, words } = stretch;
  for (let row = first; row < end; row++) {
    const from = (column + row) * words;
    const to = (row * positions + position) * words;
    target[to] = source[from]!;
    if (words === 2) target[to + 1] = source[from + 1]!;
  }
}
