/** @file The worker's side of rows that are given as masks. */
import type { Session } from "../engine/engine.ts";
import { payoff } from "../metrics/index.ts";
import { type Tensor, toNumbers } from "../tensor/tensor.ts";
import { addedAtMasks } from "./added-rows.ts";
import { type BatchRoom, gather, maskFeeds } from "./batch-room.ts";
import { ensureEffects } from "./channel-effects.ts";
import type { Desk } from "./desk.ts";
import type { EffectsSetup, SharedModel, TailSetup } from "./jobs.ts";
import type { SheetRows } from "./sheets.ts";

/** Runs the whole tail for every row. */
export async function evaluateRows(
  session: Session,
  room: BatchRoom,
  tail: TailSetup,
  { masks, examples, entries, payoffs }: SheetRows,
): Promise<void> {
  const rows = examples.length;
  const feeds = { ...gather(tail.cached, entries, room), ...maskFeeds(tail, masks, rows, room) };
  writePayoffs(tail, (await session.run(feeds))[tail.output]!, examples, payoffs);
}

interface Added {
  readonly tail: TailSetup;
  readonly effects: EffectsSetup;
  readonly rows: SheetRows;
}

/** Adds effects up, and runs what follows. */
export async function evaluateAdded(
  open: (model: SharedModel) => Promise<Session>,
  desk: Desk,
  room: BatchRoom,
  { tail, effects, rows }: Added,
): Promise<void> {
  const { examples, entries, slabs, payoffs } = rows;
  const places = new Map(Array.from(slabs, (slab, row) => [slab, entries[row]!]));
  await ensureEffects(tail, effects, desk, places, () => open(effects.front.model));
  const others = tail.cached.filter(({ name }) => effects.rest.reads.includes(name));
  const feeds = { ...gather(others, entries, room), ...addedAtMasks(desk, effects, rows) };
  const session = await open(effects.rest.model);
  writePayoffs(tail, (await session.run(feeds))[tail.output]!, examples, payoffs);
}

/** Payoffs of the rows that an output is about. */
export function writePayoffs(
  tail: TailSetup,
  output: Tensor,
  examples: Uint32Array,
  payoffs: Float64Array,
): void {
  const { rows } = payoff(tail.payoff, { outputIs: tail.outputIs });
  rows(realNumbers(output), output.shape[1] ?? 1, tail.targets, payoffs, examples);
}

function realNumbers(output: Tensor): Float32Array | Float64Array {
  const { data } = output;
  return data instanceof Float32Array || data instanceof Float64Array ? data : toNumbers(output);
}
