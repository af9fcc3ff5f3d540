import { expect, test } from "vitest";
import { addDims, multiplyDims, windowedDim } from "./dims.ts";
import { evaluateDim } from "./evaluate-dim.ts";

const sizes = new Map([
  ["T", 7],
  ["empty:P", 0],
  ["x.1", 4],
]);
const sizeOf = (name: string) => sizes.get(name);

test.each([
  [5, 5],
  ["T", 7],
  [multiplyDims(4, "T"), 28],
  [addDims("empty:P", "T"), 7],
  [multiplyDims(addDims("T", "x.1"), "T"), 77],
  [windowedDim("T", 2, 3, 2, false), 4],
  [windowedDim("T", 0, 2, 2, true), 4],
  [addDims("T", -2), 5],
])("%s is %i", (dim, size) => {
  expect(evaluateDim(dim, sizeOf)).toBe(size);
});

test.each([undefined, "M", "(T[0:5:1])", "(T+", "T/2"])("%s is not known", (dim) => {
  expect(evaluateDim(dim, sizeOf)).toBeUndefined();
});
