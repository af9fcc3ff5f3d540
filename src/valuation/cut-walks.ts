/** @file Cuts the walks of a call into batches, by nothing but the walks themselves and sizes of the network. */
import type { Walks } from "../games/game.ts";
import type { Cutting } from "./cut-rows.ts";

/** A part of a walk: coalitions of the first `from` to `to` players of its order. */
export interface Piece {
  readonly walk: number;
  readonly from: number;
  readonly to: number;
  /** Place of its first row among those of all walks. */
  readonly row: number;
}

/** What one job plays. */
export interface WalkBatch {
  readonly kind: "rows" | "added";
  readonly pieces: readonly Piece[];
  /** Pieces of each run of the network. */
  readonly runs: readonly number[];
}

/** What a run may hold, and a job. */
interface Most {
  readonly rows: number;
  readonly examples: number;
  readonly runs: number;
  readonly pieces: number;
}

/** Batches in which every row appears once; a walk is split, evenly, only where it is larger than a run. */
export function cutWalks(walks: Walks, { rows, added, walksPerJob: pieces }: Cutting): WalkBatch[] {
  const { long, short } = sorted(walks, added?.fewestWalked ?? Number.POSITIVE_INFINITY);
  return [
    ...(added === undefined ? [] : batched("added", long, walks.examples, { ...added, pieces })),
    ...batched("rows", short, walks.examples, { rows, examples: rows, runs: 1, pieces }),
  ];
}

/** Walks of stretches with at least so many rows on one example, and others. */
function sorted(
  { examples, from, to }: Walks,
  fewest: number,
): { readonly long: Piece[]; readonly short: Piece[] } {
  const long: Piece[] = [];
  const short: Piece[] = [];
  let row = 0;
  for (let walk = 0; walk < examples.length; ) {
    let [end, rows] = [walk, 0];
    for (; end < examples.length && examples[end] === examples[walk]; end++)
      rows += to[end]! - from[end]! + 1;
    const list = rows >= fewest ? long : short;
    for (; walk < end; walk++) {
      list.push({ walk, from: from[walk]!, to: to[walk]!, row });
      row += to[walk]! - from[walk]! + 1;
    }
  }
  return { long, short };
}

export function rowsOfPiece({ from, to }: Piece): number {
  return to - from + 1;
}

function split(piece: Piece, most: number): readonly Piece[] {
  const rows = rowsOfPiece(piece);
  if (rows <= most) return [piece];
  const parts = Math.ceil(rows / most);
  return Array.from({ length: parts }, (_, k) => {
    const [start, end] = [Math.floor((k * rows) / parts), Math.floor(((k + 1) * rows) / parts)];
    return { ...piece, from: piece.from + start, to: piece.from + end - 1, row: piece.row + start };
  });
}

/** Pieces one after the other, as many to a run as fit into it, and as many runs to a job. */
function batched(
  kind: WalkBatch["kind"],
  whole: readonly Piece[],
  examples: Uint32Array,
  most: Most,
): WalkBatch[] {
  const batches: { kind: WalkBatch["kind"]; pieces: Piece[]; runs: number[] }[] = [];
  let [rows, different, example] = [0, 0, -1];
  for (const piece of whole.flatMap((walk) => split(walk, most.rows))) {
    const own = examples[piece.walk]!;
    const isNew = own !== example ? 1 : 0;
    let job = batches.at(-1);
    const fits = rows + rowsOfPiece(piece) <= most.rows && different + isNew <= most.examples;
    if (job === undefined || job.pieces.length === most.pieces || (!fits && job.runs.length === most.runs)) {
      job = { kind, pieces: [], runs: [] };
      batches.push(job);
    }
    if (!fits || job.runs.length === 0) {
      job.runs.push(0);
      [rows, different] = [0, 0];
    }
    job.runs[job.runs.length - 1]!++;
    job.pieces.push(piece);
    rows += rowsOfPiece(piece);
    different += isNew || different === 0 ? 1 : 0;
    example = own;
  }
  return batches;
}
