/**
 * @file Cuts the axes of two shapes that hold the same elements, in the same order, into the pieces they share: [N, 32]
 * and [4*N, 8] are both N, 4, 8. A position on an axis is then a number whose digits are the positions on its pieces.
 */
import { divideDims, multiplyDims } from "../../graph/dims.ts";
import type { Dim } from "../../graph/model.ts";

/** A factor of an axis; the first piece of an axis counts slowest. */
export interface Piece {
  /** Index of the axis. */
  readonly of: number;
  readonly size: Dim;
}

/** Consecutive pieces of one shape that hold the same elements as consecutive pieces of the other; mostly one each. */
export interface Cell {
  readonly from: readonly Piece[];
  readonly to: readonly Piece[];
}

/**
 * The finest cells of both shapes, in order. Axes that no size tells apart end up together in one cell; axes of size 1
 * that have no partner in a cell with an empty side.
 */
export function commonPieces(from: readonly Dim[], to: readonly Dim[]): Cell[] {
  const left = from.map((size, of): Piece => ({ of, size }));
  const right = to.map((size, of): Piece => ({ of, size }));
  const front = align(left, right);
  left.reverse();
  right.reverse();
  const back = align(left, right).map((cell) => ({
    from: cell.from.toReversed(),
    to: cell.to.toReversed(),
  }));
  const middle = left.length + right.length === 0 ? [] : [{ from: left.reverse(), to: right.reverse() }];
  return [...front, ...middle, ...back.reverse()];
}

/** Takes cells from the front of both lists for as long as sizes tell where they end. */
function align(left: Piece[], right: Piece[]): Cell[] {
  const cells: Cell[] = [];
  for (;;) {
    const cell = loneOne(left, right) ?? sharedPiece(left, right) ?? tangle(left, right);
    if (cell === undefined) return cells;
    cells.push(cell);
  }
}

function loneOne(left: Piece[], right: Piece[]): Cell | undefined {
  const [leftIsOne, rightIsOne] = [left[0]?.size === 1, right[0]?.size === 1];
  if (leftIsOne === rightIsOne) return undefined;
  return leftIsOne ? { from: [left.shift()!], to: [] } : { from: [], to: [right.shift()!] };
}

/** The smaller of two pieces, where it divides the other; what is left of the other stays in its list. */
function sharedPiece(left: Piece[], right: Piece[]): Cell | undefined {
  const [l, r] = [left[0], right[0]];
  if (l === undefined || r === undefined || l.size === undefined || r.size === undefined) return undefined;
  if (l.size === r.size) return { from: [left.shift()!], to: [right.shift()!] };
  const moreRight = divideDims(r.size, l.size);
  if (moreRight !== undefined) {
    right[0] = { of: r.of, size: moreRight };
    return { from: [left.shift()!], to: [{ of: r.of, size: l.size }] };
  }
  const moreLeft = divideDims(l.size, r.size);
  if (moreLeft === undefined) return undefined;
  left[0] = { of: l.of, size: moreLeft };
  return { from: [{ of: l.of, size: r.size }], to: [right.shift()!] };
}

/** The fewest pieces of both lists that hold equally many elements. */
function tangle(left: Piece[], right: Piece[]): Cell | undefined {
  let [l, r]: Dim[] = [left[0]?.size, right[0]?.size];
  let [taken, matched] = [1, 1];
  while (l === undefined || r === undefined || l !== r) {
    if (l === undefined || r === undefined) return undefined;
    if (taken < left.length && (isShorter(l, r) || matched >= right.length))
      l = multiplyDims(l, left[taken++]!.size);
    else if (matched < right.length) r = multiplyDims(r, right[matched++]!.size);
    else return undefined;
  }
  return { from: left.splice(0, taken), to: right.splice(0, matched) };
}

function isShorter(left: Dim, right: Dim): boolean {
  if (typeof left === "number" && typeof right === "number") return left < right;
  if (divideDims(right, left) !== undefined) return true;
  return divideDims(left, right) === undefined;
}
