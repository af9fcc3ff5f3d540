/** @file Halves as bit patterns: what is infinite, and what has become so. */
import { describe, expect, test } from "vitest";
import { fromNumbers, toNumbers } from "../tensor/tensor.ts";
import { holdsInfinities, overflowAt } from "./halves.ts";

describe("holdsInfinities", () => {
  const every = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
  const numbers = toNumbers({ dtype: "float16", shape: [65_536], data: every });

  test("tells every bit pattern, wherever it stands", () => {
    for (const length of [1, 2, 3, 4, 5])
      for (const place of new Set([0, 1, length - 1].filter((at) => at < length)))
        for (const offset of [0, 1, 2, 3]) {
          const halves = new Uint16Array(offset + length).subarray(offset);
          const wrong = every.filter((bits) => {
            halves[place] = bits;
            return holdsInfinities(halves) === Number.isFinite(numbers[bits]);
          });
          expect([...wrong], `${length} halves, place ${place}, offset ${offset}`).toEqual([]);
        }
  });

  test("is not misled by what stands beside", () => {
    const finite = every.filter((bits) => Number.isFinite(numbers[bits]));
    expect(holdsInfinities(finite)).toBe(false);
    expect(holdsInfinities(new Uint16Array(0))).toBe(false);
  });
});

test("overflowAt tells what has become infinite from what was", () => {
  const numbers = [Number.POSITIVE_INFINITY, Number.NaN, 65_504, 65_519, -65_520, 1e30];
  const { data } = fromNumbers("float16", [numbers.length], numbers);
  expect(overflowAt(data as Uint16Array, numbers)).toBe(4);
  expect(overflowAt(data.slice(0, 4) as Uint16Array, numbers.slice(0, 4))).toBeUndefined();
});
