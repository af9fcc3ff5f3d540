/** @file Entries in pieces. */
import { expect, test } from "vitest";
import { newArena } from "./arena.ts";
import { chunksIn, entryOf } from "./chunks.ts";

test("every entry has its own place, and no piece is too large to be sent", () => {
  const arena = newArena();
  const size = 2 ** 26; // elements: two entries fill a piece
  const chunks = chunksIn(Float32Array, 5, size, (bytes) => arena.take(bytes, 2 ** 40));
  expect(chunks.pieces.map(({ length }) => length / size)).toEqual([2, 2, 1]);
  for (const { byteOffset, byteLength } of chunks.pieces)
    expect(byteOffset + byteLength).toBeLessThan(2 ** 32);
  for (let entry = 0; entry < 5; entry++) entryOf(chunks, entry)[size - 1] = entry + 1;
  expect([0, 1, 2, 3, 4].map((entry) => entryOf(chunks, entry)[size - 1])).toEqual([1, 2, 3, 4, 5]);
  expect([0, 1, 2, 3, 4].map((entry) => entryOf(chunks, entry).length)).toEqual(new Array(5).fill(size));
});
