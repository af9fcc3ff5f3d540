/** @file Memory for the rows of calls, used again and again: the collector would be kept busy by new memory for each. */
import type { Rows } from "./scheme.ts";

/** Rows of one call, and the memory they lie in. */
export interface CallRows {
  readonly rows: Rows;
  readonly memory: Rows;
}

/** What a call consists of. */
export interface CallSize {
  /** Rows given as masks. */
  readonly rows: number;
  readonly walks: number;
  readonly walkRows: number;
  readonly gates: number;
}

export interface RowStore {
  /** Masks, examples and gates are zero, draws negative, no walk is written. */
  take(size: CallSize): CallRows;
  /** Once neither the run nor the game looks at them any more. */
  give(rows: CallRows): void;
}

export function rowStore(players: number): RowStore {
  const spare: Rows[] = [];
  return {
    take(size) {
      const kept = spare.pop();
      const memory = kept !== undefined && hasRoom(kept, size) ? kept : newRows(size, players);
      const rows = part(memory, size, players);
      clear(rows);
      return { memory, rows };
    },
    give({ memory }) {
      spare.push(memory);
    },
  };
}

function hasRoom({ examples, walks, gates }: Rows, size: CallSize): boolean {
  return (
    examples.length >= size.rows &&
    walks.examples.length >= size.walks &&
    walks.payoffs.length >= size.walkRows &&
    gates.examples.length >= size.gates
  );
}

function newRows({ rows, walks, walkRows, gates }: CallSize, players: number): Rows {
  return {
    masks: new Uint8Array(rows * players),
    examples: new Uint32Array(rows),
    payoffs: new Float64Array(rows),
    walks: {
      written: 0,
      orders: new Uint32Array(walks * players),
      from: new Uint32Array(walks),
      to: new Uint32Array(walks),
      examples: new Uint32Array(walks),
      payoffs: new Float64Array(walkRows),
    },
    gates: {
      at: new Float32Array(gates * players),
      examples: new Uint32Array(gates),
      draws: new Float32Array(gates),
      derivatives: new Float64Array(gates * players),
    },
  };
}

/** Walks are written whole, and payoffs and derivatives too. */
function clear({ masks, examples, gates }: Rows): void {
  for (const written of [masks, examples, gates.at, gates.examples]) written.fill(0);
  gates.draws.fill(-1);
}

function part({ masks, examples, payoffs, walks, gates }: Rows, size: CallSize, players: number): Rows {
  return {
    masks: masks.subarray(0, size.rows * players),
    examples: examples.subarray(0, size.rows),
    payoffs: payoffs.subarray(0, size.rows),
    walks: {
      written: 0,
      orders: walks.orders.subarray(0, size.walks * players),
      from: walks.from.subarray(0, size.walks),
      to: walks.to.subarray(0, size.walks),
      examples: walks.examples.subarray(0, size.walks),
      payoffs: walks.payoffs.subarray(0, size.walkRows),
    },
    gates: {
      at: gates.at.subarray(0, size.gates * players),
      examples: gates.examples.subarray(0, size.gates),
      draws: gates.draws.subarray(0, size.gates),
      derivatives: gates.derivatives.subarray(0, size.gates * players),
    },
  };
}
