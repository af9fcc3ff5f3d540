/** @file Memory that games give back, and jobs that have to be over before. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { JobOptions, Pool } from "../workers/thread-pool.ts";
import { newArena, type Region } from "./arena.ts";
import { trackedPool } from "./tracked-pool.ts";

test("regions in use never overlap, and what is given back is used again", () => {
  const steps = fc.array(fc.record({ bytes: fc.nat(500), giveAt: fc.nat(20) }), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (wanted) => {
      const arena = newArena();
      const open: Region[] = [];
      const buffers = new Set<SharedArrayBuffer>();
      for (const { bytes, giveAt } of wanted) {
        const region = arena.take(bytes, 2000);
        expect(region.offset % 64).toBe(0);
        expect(region.bytes).toBeGreaterThanOrEqual(bytes);
        expect(region.offset + region.bytes).toBeLessThanOrEqual(region.buffer.byteLength);
        for (const other of open)
          if (other.buffer === region.buffer && other.bytes > 0 && region.bytes > 0)
            expect(
              other.offset + other.bytes <= region.offset || region.offset + region.bytes <= other.offset,
            ).toBe(true);
        open.push(region);
        buffers.add(region.buffer);
        if (giveAt < open.length) arena.give(open.splice(giveAt, 1)[0]!);
      }
      for (const region of open) arena.give(region);
      const all = arena.take(1900, 2000);
      if (wanted.length > 0) expect(buffers.has(all.buffer)).toBe(true); // gaps have grown together again
    }),
  );
});

test("a larger game than there was room for gets new memory, and the old block goes", () => {
  const arena = newArena();
  const first = arena.take(100);
  arena.give(first);
  const second = arena.take(1000);
  expect(second.buffer).not.toBe(first.buffer);
  arena.give(second);
  expect(arena.take(50).buffer).toBe(second.buffer);
});

test("closing waits for the last job, takes no more, and then lets go of what jobs mention", async () => {
  const done: (() => void)[] = [];
  const letGo: number[] = [];
  const pool: Pool<string, string> = {
    workers: 1,
    run: (job, { onDone }: JobOptions = {}) => {
      done.push(onDone!);
      return Promise.resolve(job);
    },
    pin: () => ({ pin: 7 }),
    unpin: ({ pin }) => letGo.push(pin),
    close: () => Promise.resolve(),
  };
  const tracked = trackedPool(pool);
  tracked.pin("setup");
  expect(await Promise.all([tracked.run("a"), tracked.run("b")])).toEqual(["a", "b"]);
  let isClosed = false;
  const closing = tracked.close().then(() => {
    isClosed = true;
  });
  await expect(tracked.run("c")).rejects.toThrow("over");
  done[0]!();
  await Promise.resolve();
  expect(isClosed).toBe(false);
  expect(letGo).toEqual([]);
  done[1]!();
  await closing;
  expect(done).toHaveLength(2);
  expect(letGo).toEqual([7]);
});
