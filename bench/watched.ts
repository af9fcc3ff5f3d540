/** @file The tail of a network game, as it goes to the threads. */
import type { TailSetup } from "../src/valuation/jobs.ts";
import type { Runner } from "../src/valuation/runner.ts";

/** Notes the tail that threads are told of. */
export function watched(runner: Runner, seen: { tail?: TailSetup }): Runner {
  const pool: Runner["pool"] = {
    ...runner.pool,
    pin(value) {
      if (isTail(value)) seen.tail = value;
      return runner.pool.pin(value);
    },
  };
  return { ...runner, pool };
}

function isTail(value: unknown): value is TailSetup {
  return typeof value === "object" && value !== null && "masks" in value && "cached" in value;
}
