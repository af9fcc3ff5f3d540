/** @file Memory for the rows of calls, used again and again: the collector would be kept busy by new memory for each. */
import type { Rows } from "./scheme.ts";

/** Rows of one call, and the memory they lie in. */
export interface CallRows {
  readonly rows: Rows;
  readonly memory: Rows;
}

export interface RowStore {
  /** Masks, examples and gates are zero, draws negative. */
  take(rows: number, gates: number): CallRows;
  /** Once neither the run nor the game looks at them any more. */
  give(rows: CallRows): void;
}

export function rowStore(players: number): RowStore {
  const spare: Rows[] = [];
  return {
    take(rows, gates) {
      const kept = spare.pop();
      const fits = kept !== undefined && kept.examples.length >= rows && kept.gates.examples.length >= gates;
      const memory = fits ? cleared(kept) : newRows(rows, gates, players);
      return { memory, rows: part(memory, rows, gates, players) };
    },
    give({ memory }) {
      spare.push(memory);
    },
  };
}

function newRows(rows: number, gates: number, players: number): Rows {
  return {
    masks: new Uint8Array(rows * players),
    examples: new Uint32Array(rows),
    payoffs: new Float64Array(rows),
    gates: {
      at: new Float32Array(gates * players),
      examples: new Uint32Array(gates),
      draws: new Float32Array(gates).fill(-1),
      derivatives: new Float64Array(gates * players),
    },
  };
}

function cleared(memory: Rows): Rows {
  const { masks, examples, gates } = memory;
  for (const written of [masks, examples, gates.at, gates.examples]) written.fill(0);
  gates.draws.fill(-1);
  return memory;
}

function part({ masks, examples, payoffs, gates }: Rows, rows: number, count: number, players: number): Rows {
  return {
    masks: masks.subarray(0, rows * players),
    examples: examples.subarray(0, rows),
    payoffs: payoffs.subarray(0, rows),
    gates: {
      at: gates.at.subarray(0, count * players),
      examples: gates.examples.subarray(0, count),
      draws: gates.draws.subarray(0, count),
      derivatives: gates.derivatives.subarray(0, count * players),
    },
  };
}
