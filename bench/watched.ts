/** @file The tail of a network game, as it goes to the threads. */
import type { TailSetup } from "../src/valuation/jobs.ts";
import type { Runner } from "../src/valuation/runner.ts";

/** Notes the tail that goes to the threads. */
export function watched(runner: Runner, seen: { tail?: TailSetup }): Runner {
  const pool: Runner["pool"] = {
    ...runner.pool,
    run(job, options) {
      if (job.kind === "rows" || job.kind === "walks") seen.tail = job.tail;
      return runner.pool.run(job, options);
    },
  };
  return { ...runner, pool };
}
