import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isProblem } from "../base/problem.ts";
import { amountOf, parseCounts, parseShare, parseSteps, parseTarget } from "./target.ts";

const refuses = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return isProblem(error, "invalid-option");
  }
  return false;
};

describe("parseTarget", () => {
  test.each([
    ["50%", { ratio: 0.5 }],
    ["0.5", { ratio: 0.5 }],
    [".5", { ratio: 0.5 }],
    ["1", { ratio: 1 }],
    ["100 %", { ratio: 1 }],
    ["0.5%", { ratio: 0.005 }],
    ["62M", { absolute: 62e6 }],
    ["1.2e6", { absolute: 1.2e6 }],
    ["250k", { absolute: 250e3 }],
    ["250K", { absolute: 250e3 }],
    ["0.5G", { absolute: 5e8 }],
    ["498750", { absolute: 498750 }],
  ])("%s", (text, expected) => {
    expect(parseTarget("target-macs", text)).toEqual(expected);
  });

  test.each(["", "0", "0%", "101%", "-5", "half", "5x", "1e999", "NaN", "Infinity", "5 0", "%", "0M"])(
    "refuses %j",
    (text) => {
      expect(refuses(() => parseTarget("target-macs", text))).toBe(true);
    },
  );

  test("reads no text as anything but a share in (0, 1] or a positive amount", () => {
    const texts = fc.stringMatching(/^[0-9.e+%kMG -]{0,8}$/);
    fc.assert(
      fc.property(texts, (text) => {
        if (refuses(() => parseTarget("target-macs", text))) return;
        const amount = amountOf(parseTarget("target-macs", text), 1e6);
        expect(amount).toBeGreaterThan(0);
        expect(amount).toBeLessThan(Number.POSITIVE_INFINITY);
      }),
    );
  });
});

test("parseShare reads ratios and percentages, and refuses the rest", () => {
  expect([parseShare("keep", "75%"), parseShare("keep", "0.25"), parseShare("keep", "1")]).toEqual([
    0.75, 0.25, 1,
  ]);
  for (const text of ["0", "1.5", "-0.5", "x", "", "75M"])
    expect(refuses(() => parseShare("keep", text))).toBe(true);
});

test("parseCounts reads lists; commas in braces belong to the pattern, the last = to the count", () => {
  expect([...parseCounts("keep-channels", "c1=8, c3=20")]).toEqual([
    ["c1", 8],
    ["c3", 20],
  ]);
  expect([...parseCounts("keep-channels", "{c1,c3}=8,layer2.*=16,a=b=0")]).toEqual([
    ["{c1,c3}", 8],
    ["layer2.*", 16],
    ["a=b", 0],
  ]);
  for (const text of ["", "c1", "c1=", "=8", "c1=8,", "c1=-8", "c1=1.5", "c1=8,c1=9"])
    expect(refuses(() => parseCounts("keep-channels", text))).toBe(true);
});

test("parseSteps reads a number or all", () => {
  expect([parseSteps("steps", "5"), parseSteps("steps", "all")]).toEqual([5, "all"]);
  for (const text of ["0", "-1", "1.5", "", "every"])
    expect(refuses(() => parseSteps("steps", text))).toBe(true);
});
