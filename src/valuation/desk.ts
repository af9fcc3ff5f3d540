/** @file A thread's memory for the effects on the example at hand and for the sums made from them. */
import { type Adder, adderOver } from "./adder.ts";
import { entryOf } from "./chunks.ts";
import { type EffectsSetup, firstChannelRow } from "./jobs.ts";

/** Places are bytes in the adder's memory. */
export interface Desk {
  /** Id of the model it serves. */
  readonly id: number;
  readonly adder: Adder;
  readonly rowBytes: number;
  /** Shape [players + 3, width], at the start of the memory: laid out as `EffectsSetup.data` for one example, … */
  readonly effects: Int32Array;
  /** … this one; undefined where they are nobody's. */
  example: number | undefined;
  /** Shape [players + 1, width]: values without any channel and with each alone, before they are rounded. */
  readonly parts: Float32Array;
  /** The sum of the row at hand, and rows for whatever else. */
  readonly sum: number;
  readonly spare: readonly [number, number, number];
  /** Where the batch of each value begins. */
  readonly batches: readonly number[];
}

/** A thread has one desk, since desks are large: that of the game it serves. */
export function deskFor(known: Desk | undefined, setup: EffectsSetup): Desk {
  const { id } = setup.rest.model;
  return known?.id === id ? known : newDesk(id, setup);
}

function newDesk(id: number, { players, width, values, rowsPerRun }: EffectsSetup): Desk {
  let next = 0;
  const place = (bytes: number): number => {
    const at = next;
    next = Math.ceil((at + bytes) / 64) * 64;
    return at;
  };
  const rowBytes = 4 * width;
  const effects = place(rowBytes * (firstChannelRow + players));
  const parts = place(rowBytes * (1 + players));
  const sum = place(rowBytes);
  const spare = [place(rowBytes), place(rowBytes), place(rowBytes)] as const;
  const batches = values.map(({ size }) => place(4 * size * rowsPerRun + 16)); // the last row is written in whole lanes
  const adder = adderOver(next);
  const { buffer } = adder;
  return {
    id,
    adder,
    rowBytes,
    effects: new Int32Array(buffer, effects, width * (firstChannelRow + players)),
    example: undefined,
    parts: new Float32Array(buffer, parts, width * (1 + players)),
    sum,
    spare,
    batches,
  };
}

/** Brings the effects on an example to the desk. @param slab Where they are. */
export function bringEffects(desk: Desk, { data }: EffectsSetup, slab: number, example: number): void {
  if (desk.example === example) return;
  desk.effects.set(entryOf(data, slab));
  desk.example = example;
}

interface FloatRow {
  readonly at: number;
  readonly floats: Float32Array;
}

/** Rows for rounding effects; nothing writes to the last one. */
export function deskRows({
  adder,
  rowBytes,
  spare,
}: Desk): Readonly<Record<"bound" | "factor" | "zero", FloatRow>> {
  const row = (at: number): FloatRow => ({ at, floats: new Float32Array(adder.buffer, at, rowBytes / 4) });
  return { bound: row(spare[0]), factor: row(spare[1]), zero: row(spare[2]) };
}
