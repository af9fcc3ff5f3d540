/** @file The jobs of one game and what they mention, so that its memory can be given back when the last of them is over. */
import type { Pinned } from "../workers/protocol.ts";
import type { Pool } from "../workers/thread-pool.ts";

export interface TrackedPool<Job, Result> extends Pool<Job, Result> {
  /** Takes no further jobs, and waits until no thread works on those there were. The threads go on for others. */
  close(): Promise<void>;
}

export function trackedPool<Job, Result>(pool: Pool<Job, Result>): TrackedPool<Job, Result> {
  const pins = new Set<Pinned<unknown>>();
  let underWay = 0;
  let isClosed = false;
  let ended: (() => void) | undefined;
  return {
    workers: pool.workers,
    run(job, options = {}) {
      if (isClosed) {
        options.onDone?.();
        return Promise.reject(new Error("The game is over"));
      }
      underWay++;
      const onDone = () => {
        options.onDone?.();
        underWay--;
        if (underWay === 0) ended?.();
      };
      return pool.run(job, { ...options, onDone });
    },
    pin(value) {
      const pinned = pool.pin(value);
      pins.add(pinned);
      return pinned;
    },
    unpin(pinned) {
      pins.delete(pinned);
      pool.unpin(pinned);
    },
    async close() {
      isClosed = true;
      if (underWay > 0) await new Promise<void>((resolve) => (ended = resolve));
      for (const pinned of pins) pool.unpin(pinned);
      pins.clear();
    },
  };
}
