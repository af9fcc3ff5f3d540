/** @file Rows side by side, in memory that is used again only when it was given back. */
import { expect, test } from "vitest";
import { rowSlots } from "./row-slots.ts";

const masks = Uint8Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1); // [4, 3]
const examples = Uint32Array.of(7, 8, 9, 10);

test("ranges of a call come side by side", () => {
  const sent = rowSlots(3, 5).fill(masks, examples, [
    { start: 3, end: 4 },
    { start: 0, end: 2 },
  ]);
  expect([...sent.masks]).toEqual([1, 1, 1, 1, 0, 0, 0, 1, 0]);
  expect([...sent.examples]).toEqual([10, 7, 8]);
});

test("memory is used again once it is given back, and not before", () => {
  const slots = rowSlots(3, 5);
  const first = slots.fill(masks, examples, [{ start: 0, end: 4 }]);
  const second = slots.fill(masks, examples, [{ start: 1, end: 2 }]);
  expect(second.masks.buffer).not.toBe(first.masks.buffer);
  expect([...first.masks]).toEqual([...masks]);
  slots.free(first);
  const third = slots.fill(masks, examples, [{ start: 2, end: 3 }]);
  expect(third.masks.buffer).toBe(first.masks.buffer);
  expect([...third.masks, ...third.examples]).toEqual([0, 0, 1, 9]);
});
