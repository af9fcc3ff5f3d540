/** @file Sends the walks of a call to threads, batch by batch: orders travel, and threads make coalitions of them. */
import type { CallOptions, Walks } from "../games/game.ts";
import { rowsOfWalks } from "../games/walks.ts";
import { cutWalks, type Piece, rowsOfPiece, type WalkBatch } from "./cut-walks.ts";
import { onSheet, type Play, playBatch } from "./play-batch.ts";
import { type SheetWalks, walksIn } from "./sheets.ts";

/** Payoffs of the rows: walk after walk, and within a walk by size. */
export async function playWalks(play: Play, walks: Walks, call: CallOptions = {}): Promise<Float64Array> {
  const payoffs = new Float64Array(rowsOfWalks(walks));
  await Promise.all(
    cutWalks(walks, play.cutting).map((batch) => playPieces(play, walks, batch, payoffs, call)),
  );
  return payoffs;
}

async function playPieces(
  play: Play,
  walks: Walks,
  { kind, pieces, runs }: WalkBatch,
  payoffs: Float64Array,
  { signal }: CallOptions,
): Promise<void> {
  const { tail, players, sheets } = play;
  const rows = pieces.reduce((sum, piece) => sum + rowsOfPiece(piece), 0);
  const size = { players, rows, walks: pieces.length };
  play.onBatch(kind, rows);
  await onSheet(sheets, async ({ sheet, pinned }, onDone) => {
    const own = walksIn(sheet, size);
    writePieces(walks, pieces, own, players);
    await playBatch(
      play,
      {
        ...own,
        kind,
        jobFor: (effects) => ({ kind: "walks", tail, effects, sheet: pinned, size, runs }),
      },
      { signal, onDone },
    );
    spread(own.payoffs, pieces, payoffs);
  });
}

/** Takes the payoffs of pieces back to where their rows come from. */
function spread(from: Float64Array, pieces: readonly Piece[], into: Float64Array): void {
  const [first, last] = [pieces[0]!, pieces.at(-1)!];
  const isGapless = last.row + rowsOfPiece(last) - first.row === from.length; // as nearly always: pieces are in order
  if (isGapless) {
    into.set(from, first.row);
    return;
  }
  let at = 0;
  for (const piece of pieces) {
    into.set(from.subarray(at, at + rowsOfPiece(piece)), piece.row);
    at += rowsOfPiece(piece);
  }
}

function writePieces(walks: Walks, pieces: readonly Piece[], into: SheetWalks, players: number): void {
  pieces.forEach(({ walk, from, to }, k) => {
    into.orders.set(walks.orders.subarray(walk * players, (walk + 1) * players), k * players);
    into.origins[k] = walk;
    into.from[k] = from;
    into.to[k] = to;
    into.examples[k] = walks.examples[walk]!;
  });
}
