/** @file Payoffs against their formulas written out plainly, and what they refuse. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isProblem, type ProblemCode } from "../base/problem.ts";
import type { OutputIs, Row } from "./metric.ts";
import { metrics, type PayoffKind, payoff } from "./payoff.ts";

const kinds = Object.keys(metrics) as PayoffKind[];

function codeOf(run: () => unknown): ProblemCode | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (isProblem(error)) return error.code;
    throw error;
  }
}

const score = (
  kind: PayoffKind,
  outputs: number[],
  width: number,
  targets: Row["targets"],
  rows = 1,
  outputIs: OutputIs = "logits",
) => [...payoff(kind, { outputIs }).rows(Float64Array.from(outputs), width, targets, new Float64Array(rows))];

const softmax = (logits: readonly number[]): number[] => {
  const weights = logits.map(Math.exp);
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
};

const logits = fc.array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 2, maxLength: 6 });

describe("known values", () => {
  test("cross-entropy of equal logits is log of the number of classes", () => {
    expect(score("cross-entropy", [3, 3, 3, 3], 4, Int32Array.of(2))[0]).toBeCloseTo(-Math.log(4), 12);
  });

  test("accuracy gives ties to the first class", () => {
    expect(score("accuracy", [1, 1, 0, 0, 2, 2], 3, Int32Array.of(0, 2), 2)).toEqual([1, 0]);
  });

  test("margin is the lead over the best other class", () => {
    expect(score("margin", [1, 5, 2, 1, 5, 2], 3, Int32Array.of(1, 0), 2)).toEqual([3, -4]);
  });

  test("agreement of (1/2, 1/2) with a (1/4, 3/4) network is minus log(4/3)/2", () => {
    const masked = [Math.log(1), Math.log(3)];
    expect(score("agreement", masked, 2, Float32Array.of(0, 0))[0]).toBeCloseTo(-Math.log(4 / 3) / 2, 12);
  });

  test("squared error is a mean over outputs, below zero", () => {
    expect(score("squared-error", [1, 2, 3, 4], 2, Float32Array.of(1, 4, 0, 4), 2)).toEqual([-2, -4.5]);
  });
});

describe("for all logits", () => {
  test("cross-entropy is the logarithm of the softmax", () => {
    fc.assert(
      fc.property(logits, fc.nat(), (row, pick) => {
        const label = pick % row.length;
        const expected = Math.log(softmax(row)[label]!);
        expect(score("cross-entropy", row, row.length, Int32Array.of(label))[0]).toBeCloseTo(expected, 9);
      }),
    );
  });

  test("agreement is at most zero, and zero against itself", () => {
    fc.assert(
      fc.property(logits, fc.double({ min: -3, max: 3, noNaN: true }), (row, shift) => {
        const reference = Float32Array.from(row);
        expect(score("agreement", [...reference], row.length, reference)[0]).toBeCloseTo(0, 12);
        const moved = [...reference].map((value, k) => value + (k === 0 ? shift : 0));
        expect(score("agreement", moved, row.length, reference)[0]).toBeLessThanOrEqual(1e-12);
      }),
    );
  });

  test.each(["cross-entropy", "accuracy", "margin", "agreement"] as const)(
    "%s is the same from logits, probabilities and log-probabilities",
    (kind) => {
      fc.assert(
        fc.property(logits, fc.nat(), (row, pick) => {
          if (new Set(softmax(row)).size < new Set(row).size) return; // rounding made a tie
          const forms: Record<OutputIs, (x: number[]) => number[]> = {
            logits: (x) => x,
            probabilities: softmax,
            "log-probabilities": (x) => softmax(x).map(Math.log),
          };
          const [a, b, c] = (Object.keys(forms) as OutputIs[]).map((form) => {
            const reference = Float64Array.from(forms[form]([...row].reverse()));
            const targets = kind === "agreement" ? reference : Int32Array.of(pick % row.length);
            return score(kind, forms[form](row), row.length, targets, 1, form)[0]!;
          });
          expect(b).toBeCloseTo(a!, 5);
          expect(c).toBeCloseTo(a!, 5);
        }),
      );
    },
  );

  test("cross-entropy does not overflow", () => {
    expect(score("cross-entropy", [3e38, 0], 2, Int32Array.of(0))).toEqual([0]);
    expect(score("cross-entropy", [-3e4, 3e4], 2, Int32Array.of(0))).toEqual([-6e4]);
  });

  test("a probability rounded to zero keeps a finite logarithm", () => {
    const [lost] = score("cross-entropy", [0, 1], 2, Int32Array.of(0), 1, "probabilities");
    expect(lost).toBeCloseTo(-103.28, 2);
    expect(
      score("cross-entropy", [Number.NEGATIVE_INFINITY, 0], 2, Int32Array.of(0), 1, "log-probabilities")[0],
    ).toBe(lost);
  });
});

describe("one prediction per pixel", () => {
  // shape [1, 2 classes, 3 pixels]: class 0 is 4, 0, 1 and class 1 is 1, 2, 1
  const outputs = [4, 0, 1, 1, 2, 1];

  test("payoffs are means over pixels, classes on axis 1", () => {
    expect(score("accuracy", outputs, 2, Int32Array.of(0, 0, 0))[0]).toBeCloseTo(2 / 3, 12);
    expect(score("margin", outputs, 2, Int32Array.of(0, 0, 0))[0]).toBeCloseTo((3 - 2 + 0) / 3, 12);
    const expected = (Math.log(softmax([4, 1])[0]!) + Math.log(softmax([0, 2])[0]!) + Math.log(0.5)) / 3;
    expect(score("cross-entropy", outputs, 2, Int32Array.of(0, 0, 0))[0]).toBeCloseTo(expected, 12);
    expect(score("agreement", outputs, 2, Float32Array.from(outputs))[0]).toBeCloseTo(0, 12);
  });

  test("pixels without a label do not count", () => {
    expect(score("margin", outputs, 2, Int32Array.of(0, -1, 0))[0]).toBeCloseTo(1.5, 12);
    expect(score("accuracy", outputs, 2, Int32Array.of(-1, -1, -1))).toEqual([0]);
  });
});

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

describe("a single output for two classes", () => {
  const both = { logits: (x: number) => [0, x], probabilities: (x: number) => [1 - sigmoid(x), sigmoid(x)] };
  const examples = [
    [1.5, -0.5, 1],
    [-2, 1, 1],
    [0.25, 3, 0],
  ] as const;

  test.each(["cross-entropy", "accuracy", "margin", "agreement"] as const)(
    "%s equals that of two outputs",
    (kind) => {
      for (const outputIs of ["logits", "probabilities"] as const) {
        const of = both[outputIs];
        for (const [x, reference, label] of examples) {
          const [one, two] = [1, 0].map((from) => {
            const original = Float64Array.from(of(reference).slice(from));
            const targets = kind === "agreement" ? original : Int32Array.of(label);
            return score(kind, of(x).slice(from), 2 - from, targets, 1, outputIs)[0]!;
          });
          expect(one).toBeCloseTo(two!, 12);
        }
      }
    },
  );

  test("pixel by pixel, and from log-probabilities", () => {
    const [value] = score("cross-entropy", [-1, 2], 1, Int32Array.of(0, 1));
    expect(value).toBeCloseTo((Math.log(sigmoid(1)) + Math.log(sigmoid(2))) / 2, 12);
    const logs = [-1, 2].map((x) => Math.log(sigmoid(x)));
    expect(score("cross-entropy", logs, 1, Int32Array.of(0, 1), 1, "log-probabilities")[0]).toBeCloseTo(
      value!,
      12,
    );
  });

  test("a third class is refused", () => {
    expect(codeOf(() => score("accuracy", [0.5], 1, Int32Array.of(2)))).toBe("targets-mismatch");
  });
});

test.each(kinds)("%s: rows may share examples", (kind) => {
  const outputs = Float32Array.of(1, 2, 3, 0, 5, 1);
  const needsClasses = metrics[kind].needs === "classes";
  const targets = needsClasses ? Int32Array.of(0, 1) : Float32Array.of(1, 0, 0, 1);
  const examples = Uint32Array.of(1, 1, 0);
  const out = payoff(kind).rows(outputs, 2, targets, new Float64Array(3), examples);
  examples.forEach((example, row) => {
    const one = needsClasses
      ? targets.slice(example, example + 1)
      : targets.slice(2 * example, 2 * example + 2);
    const alone = payoff(kind).rows(outputs.slice(2 * row, 2 * row + 2), 2, one, new Float64Array(1));
    expect(out[row]).toBe(alone[0]);
  });
});

describe("refuses", () => {
  test.each(kinds)("%s of NaN, naming the row", (kind) => {
    const targets = metrics[kind].needs === "classes" ? Int32Array.of(0, 0) : Float32Array.of(0, 0, 0, 0);
    const outputs = Float32Array.of(0, 0, 0, Number.NaN);
    const run = () => payoff(kind).rows(outputs, 2, targets, new Float64Array(2));
    expect(codeOf(run)).toBe("output-not-finite");
    expect(run).toThrow("row 1");
  });

  const out = (): Float64Array => new Float64Array(2);
  const outputs = Float32Array.of(0, 1, 2, 3);
  test.each([
    ["labels beyond the classes", () => payoff("accuracy").rows(outputs, 2, Int32Array.of(0, 2), out())],
    ["numbers for classes", () => payoff("cross-entropy").rows(outputs, 2, Float32Array.of(0, 1), out())],
    ["classes for numbers", () => payoff("agreement").rows(outputs, 2, Int32Array.of(0, 1, 0, 1), out())],
    ["too few targets", () => payoff("margin").rows(outputs, 2, Int32Array.of(0), out())],
    [
      "examples beyond the targets",
      () => payoff("margin").rows(outputs, 2, Int32Array.of(0, 1), out(), Uint32Array.of(0, 2)),
    ],
    [
      "targets of another size",
      () => payoff("squared-error").rows(outputs, 2, Float32Array.of(0, 1, 2), out()),
    ],
  ])("%s", (_name, run) => {
    expect(codeOf(run)).toBe("targets-mismatch");
  });

  test("outputs that are not rows of the width are our mistake", () => {
    expect(() => payoff("margin").rows(outputs, 3, Int32Array.of(0, 1), out())).toThrow(RangeError);
  });
});
