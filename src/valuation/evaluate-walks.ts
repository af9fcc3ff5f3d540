/** @file The worker's side of walks: coalitions along orders, as sums of effects or as masks. */
import type { Session } from "../engine/engine.ts";
import { writePrefixes } from "../games/coalitions.ts";
import { rowsOfWalks } from "../games/walks.ts";
import { addedAlongOrders } from "./added-rows.ts";
import { type BatchRoom, gather, maskFeeds } from "./batch-room.ts";
import { ensureEffects } from "./channel-effects.ts";
import type { Desk } from "./desk.ts";
import { writePayoffs } from "./evaluate-rows.ts";
import type { EffectsSetup, SharedModel, TailSetup } from "./jobs.ts";
import type { SheetWalks } from "./sheets.ts";

/** The walks of one job. */
export interface WalksAtHand {
  readonly tail: TailSetup;
  /** Set where effects are added. */
  readonly adding: { readonly effects: EffectsSetup; readonly desk: Desk } | undefined;
  readonly walks: SheetWalks;
  /** Walks of each run. */
  readonly runs: readonly number[];
}

/** Run after run, leaving payoffs on the sheet. */
export async function evaluateWalks(
  open: (model: SharedModel) => Promise<Session>,
  room: BatchRoom,
  { tail, adding, walks, runs }: WalksAtHand,
): Promise<void> {
  if (adding !== undefined) {
    const { effects, desk } = adding;
    const places = new Map(Array.from(walks.slabs, (slab, walk) => [slab, walks.entries[walk]!]));
    await ensureEffects(tail, effects, desk, places, () => open(effects.front.model));
  }
  const reads = adding?.effects.rest.reads;
  const cached = reads === undefined ? tail.cached : tail.cached.filter(({ name }) => reads.includes(name));
  const session = await open(adding?.effects.rest.model ?? tail.model);
  let [walk, row] = [0, 0];
  for (const count of runs) {
    const end = walk + count;
    const rows = placesAlong(walks, walk, end, room);
    const added =
      adding === undefined
        ? maskFeeds(tail, masksAlong(walks, walk, end, room), rows.examples.length, room)
        : addedAlongOrders(adding.desk, adding.effects, walks, walk, end);
    const output = (await session.run({ ...gather(cached, rows.entries, room), ...added }))[tail.output]!;
    const payoffs = walks.payoffs.subarray(row, row + rows.examples.length);
    writePayoffs(tail, output, rows.examples, payoffs);
    [walk, row] = [end, row + rows.examples.length];
  }
}

/** The coalitions of the walks [first, end) as masks, shape [rows, players]. */
function masksAlong(walks: SheetWalks, first: number, end: number, room: BatchRoom): Uint8Array {
  const { orders, from, to, examples } = walks;
  const players = orders.length / examples.length;
  const rows = rowsOfWalks({ from: from.subarray(first, end), to: to.subarray(first, end) });
  const masks = new Uint8Array(room.coalitions(rows * players), 0, rows * players);
  let row = 0;
  for (let walk = first; walk < end; walk++) {
    masks.fill(0, row * players, (row + 1) * players);
    const order = orders.subarray(walk * players, (walk + 1) * players);
    writePrefixes(order, from[walk]!, to[walk]!, masks, row);
    row += to[walk]! - from[walk]! + 1;
  }
  return masks;
}

/** Example and entry of every row of the walks [first, end). */
function placesAlong(
  { from, to, examples, entries }: SheetWalks,
  first: number,
  end: number,
  room: BatchRoom,
): Record<"examples" | "entries", Uint32Array> {
  const rows = rowsOfWalks({ from: from.subarray(first, end), to: to.subarray(first, end) });
  const buffer = room.rows(8 * rows);
  const along = {
    examples: new Uint32Array(buffer, 0, rows),
    entries: new Uint32Array(buffer, 4 * rows, rows),
  };
  let row = 0;
  for (let walk = first; walk < end; walk++) {
    const next = row + to[walk]! - from[walk]! + 1;
    along.examples.fill(examples[walk]!, row, next);
    along.entries.fill(entries[walk]!, row, next);
    row = next;
  }
  return along;
}
