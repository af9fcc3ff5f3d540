/** @file How many rows are left to plan with, under a budget in rows, in seconds, or both. */
import type { Budget } from "./estimator.ts";

export interface Purse {
  /** Rows that may still be asked for; under a budget in seconds as many as the pace so far promises. */
  rowsLeft(): number;
  spend(rows: number): void;
  /** Goes on where another run left off. */
  resume(spent: number): void;
  /** Rows spent, those of a resumed run included. */
  readonly spent: number;
}

/** Rows to begin with when nothing is known of the pace. */
const firstRows = 2048;

/**
 * The clock of a budget in seconds starts with the first question, and the pace is that of the rows since then, so a
 * resumed run plans anew. Only then does a plan depend on the machine.
 */
export function purseOf({ rows = Number.POSITIVE_INFINITY, seconds }: Budget): Purse {
  let spentBefore = 0;
  let spent = 0;
  let started: number | undefined;
  const promised = (): number => {
    if (seconds === undefined) return Number.POSITIVE_INFINITY;
    started ??= performance.now();
    const passed = (performance.now() - started) / 1000;
    const since = spent - spentBefore;
    return since === 0 ? firstRows : Math.floor((since / passed) * Math.max(0, seconds - passed));
  };
  return {
    rowsLeft: () => Math.min(rows - spent, promised()),
    spend(more) {
      spent += more;
    },
    resume(before) {
      spentBefore = before;
      spent = before;
    },
    get spent() {
      return spent;
    },
  };
}
