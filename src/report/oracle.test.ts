/** @file Lists of channels as people read them. */
import { expect, test } from "vitest";
import { ranges } from "./oracle.ts";

test.each([
  [[], "none"],
  [[3], "3"],
  [[3, 4], "3 4"],
  [[0, 1, 2, 5, 7, 8, 9, 10], "0-2 5 7-10"],
])("%j reads %s", (numbers, text) => expect(ranges(numbers)).toBe(text));
