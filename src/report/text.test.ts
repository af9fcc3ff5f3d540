/** @file Tables as people see them. */
import { expect, test } from "vitest";
import { duration, percent, short, whole } from "./format.ts";
import { scoresText } from "./text.ts";

const group = { id: "c1", channels: 4, rows: 12_000, stoppedBy: "budget" };

test("scores: the least useful channels with their errors, and how many are tied with the lowest", () => {
  const text = scoresText([
    { ...group, values: [0.5, 0.012345, 0.02, 0.9], standardErrors: [0.1, 0.01, 0.01, 0.1] },
  ]);
  const [, line] = text.split("\n");
  expect(line).toMatch(
    /^c1 +4 +1: 0\.012 ±0\.01, 2: 0\.02 ±0\.01, 0: 0\.5 ±0\.1, 3: 0\.9 ±0\.1 +0\.9 +2 +12,000$/,
  );
  expect(text).toMatch(/tied: .*--budget/);
});

test("scores without errors say nothing of ties", () => {
  const text = scoresText([{ ...group, values: [3, 1, 2, 4], standardErrors: [null, null, null, null] }], 2);
  expect(text.split("\n")[1]).toMatch(/^c1 +4 +1: 1, 2: 2, \.\.\. +4 +- +12,000$/);
  expect(text).not.toMatch(/tied:/);
});

test("numbers as people read them", () => {
  expect([whole(498_750), percent(0.9936), short(0), short(1.5e-7), duration(59.7), duration(119.6)]).toEqual(
    ["498,750", "99.36%", "0", "1.50e-7", "1 min 0 s", "2 min 0 s"],
  );
});
