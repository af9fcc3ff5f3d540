/** @file What activations and effects get of a ceiling. */
import { expect, test } from "vitest";
import { type Demand, leastMemory, shareMemory } from "./share-memory.ts";

/** A late block of a ResNet: effects of an example take 32 times what its activations take, a job reads those of 9 at most. */
const late: Demand = { examples: 3000, entryBytes: 32, entriesPerJob: 256, slabBytes: 1024, slabsPerJob: 9 };
const all = late.examples * late.entryBytes;

test("activations come first: all of them where one job's effects fit beside them", () => {
  const least = all + 9 * late.slabBytes;
  expect(shareMemory(late, least)).toEqual({ entries: 3000, slabs: 9 });
  expect(shareMemory(late, all + 3000 * late.slabBytes)).toEqual({ entries: 3000, slabs: 3000 });
});

test.each([0.25, 0.5, 0.9])(
  "a ceiling of %f of all activations leaves them three quarters of it",
  (share) => {
    const { entries, slabs } = shareMemory(late, share * all);
    expect(slabs).toBeGreaterThanOrEqual(late.slabsPerJob);
    expect(entries / late.examples).toBeGreaterThan(0.6 * share);
    expect(entries * late.entryBytes + slabs * late.slabBytes).toBeLessThanOrEqual(share * all);
  },
);

test("halves keep about twice as many", () => {
  const [single, half] = [late, { ...late, entryBytes: 16 }].map(
    (demand) => shareMemory(demand, 0.25 * all).entries,
  );
  expect(half! / single!).toBeCloseTo(2, 1);
});

test("the least memory holds what one job reads", () => {
  const { entries, slabs } = shareMemory(late, leastMemory(late));
  expect(entries).toBeGreaterThanOrEqual(late.entriesPerJob);
  expect(slabs).toBe(late.slabsPerJob);
});
