/** @file Numbers beside axes: as they are where there is room, with exponents where there is none. */
import { expect, test } from "vitest";
import { numberAxis } from "./number-axis.ts";

test("usual numbers are left to the axis", () => {
  for (const values of [[0, 1], [-2.4, 0.002], [0], [], [99_999]]) expect(numberAxis(values)).toEqual({});
});

test("small and large ones get exponents", () => {
  const { tickFormat } = numberAxis([-0.000019, -0.000013]);
  expect([-0.000015, 0, 0.00001].map((value) => tickFormat!(value))).toEqual(["-1.5e-5", "0", "1e-5"]);
  expect(numberAxis([0, 2e6]).tickFormat!(500_000)).toBe("5e+5");
});
