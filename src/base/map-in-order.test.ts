import { expect, test } from "vitest";
import { mapInOrder } from "./map-in-order.ts";

async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

test("results come in item order, whatever finishes first, with no more than so many under way", async () => {
  let running = 0;
  let most = 0;
  const work = async (item: number) => {
    most = Math.max(most, ++running);
    for (let turn = 0; turn < 10 - item; turn++) await Promise.resolve(); // later items are done sooner
    running--;
    return 2 * item;
  };
  expect(await listOf(mapInOrder([0, 1, 2, 3, 4, 5, 6], work, 3))).toEqual([0, 2, 4, 6, 8, 10, 12]);
  expect(most).toBe(3);
  expect(await listOf(mapInOrder([], work, 3))).toEqual([]);
});

test("an error appears at the place of its item; leaving early starts nothing more", async () => {
  const started: number[] = [];
  const work = async (item: number) => {
    started.push(item);
    if (item === 1) throw new Error("one");
    return item;
  };
  const seen: number[] = [];
  const all = async () => {
    for await (const item of mapInOrder([0, 1, 2, 3, 4, 5], work, 2)) seen.push(item);
  };
  await expect(all()).rejects.toThrow("one");
  expect(seen).toEqual([0]);
  expect(started).toEqual([0, 1, 2]);
});
