import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { evaluateDim } from "../../test/helpers/evaluate-dim.ts";
import {
  addDims,
  concreteShape,
  divideDims,
  factorsOf,
  multiplyDims,
  productOf,
  symbol,
  windowedDim,
} from "./dims.ts";
import type { Dim } from "./model.ts";

const values = { A: 6, B: 10, C: 35 };
const numberFor = (dim: Dim) => evaluateDim(dim, values);
const letters = fc.constantFrom("A", "B", "C");
const monomials = fc
  .record({ factor: fc.integer({ min: 1, max: 12 }), atoms: fc.array(letters, { maxLength: 3 }) })
  .map(({ factor, atoms }) => productOf([factor, ...atoms]));
const { dim: dims } = fc.letrec<{ dim: Dim }>((tie) => ({
  dim: fc.oneof(
    { maxDepth: 3 },
    monomials,
    fc.tuple(tie("dim"), fc.integer({ min: -2, max: 9 })).map(([dim, more]) => addDims(dim, more)),
    fc.tuple(tie("dim"), tie("dim")).map(([a, b]) => multiplyDims(a, b)),
    fc
      .tuple(tie("dim"), fc.integer({ min: 1, max: 3 }), fc.boolean())
      .map(([dim, stride, ceil]) => windowedDim(dim, 2, 3, stride, ceil)),
  ),
}));

describe("arithmetic agrees with numbers put in for the symbols", () => {
  test("products and sums", () => {
    fc.assert(
      fc.property(dims, dims, (a, b) => {
        expect(numberFor(multiplyDims(a, b))).toBe(numberFor(a)! * numberFor(b)!);
        expect(numberFor(addDims(a, b))).toBe(numberFor(a)! + numberFor(b)!);
      }),
    );
  });

  test("a quotient, where there is one, times the divisor gives the dividend", () => {
    fc.assert(
      fc.property(dims, dims, (a, b) => {
        const quotient = divideDims(a, b);
        if (quotient !== undefined) expect(numberFor(multiplyDims(quotient, b))).toBe(numberFor(a));
        if (b !== 0) expect(divideDims(multiplyDims(a, b), b)).toEqual(multiplyDims(a, 1));
      }),
    );
  });

  test("windows", () => {
    fc.assert(
      fc.property(
        dims,
        fc.nat(4),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        (size, pad, window, stride, ceil) => {
          const round = ceil ? Math.ceil : Math.floor;
          const wanted = round((numberFor(size)! + pad - window) / stride) + 1;
          expect(numberFor(windowedDim(size, pad, window, stride, ceil))).toBe(wanted);
        },
      ),
    );
  });

  test("taking apart", () => {
    fc.assert(
      fc.property(dims, (dim) => {
        const { factor, atoms } = factorsOf(dim!);
        expect(atoms.reduce((product, atom) => product * numberFor(atom)!, factor)).toBe(numberFor(dim));
      }),
    );
  });
});

describe("sizes that are not numbers", () => {
  test("products do not depend on the order of their factors", () => {
    expect(multiplyDims(multiplyDims("N", 4), "M")).toBe(
      multiplyDims("M", multiplyDims(2, multiplyDims("N", 2))),
    );
  });

  test("an unknown size makes every result unknown", () => {
    for (const operation of [multiplyDims, addDims, divideDims]) {
      expect(operation(undefined, 3)).toBeUndefined();
      expect(operation("N", undefined)).toBeUndefined();
    }
    expect(windowedDim(undefined, 0, 3, 1, false)).toBeUndefined();
  });

  test("a quotient is refused unless it is exact for every size", () => {
    expect(divideDims("3*N", 2)).toBeUndefined();
    expect(divideDims("N", "M")).toBeUndefined();
    expect(divideDims(4, 0)).toBeUndefined();
    expect(divideDims("6*N*M", "2*N")).toBe("3*M");
  });

  test("names that look like products are bracketed, plain names are not", () => {
    expect(symbol("batch_size")).toBe("batch_size");
    expect(symbol("2*N")).toBe("(2*N)");
    expect(divideDims(symbol("2*N"), 2)).toBeUndefined();
  });

  test("a shape is concrete when every size is a number", () => {
    expect(concreteShape([2, 3])).toEqual([2, 3]);
    expect(concreteShape(["N", 3])).toBeUndefined();
    expect(concreteShape([undefined])).toBeUndefined();
    expect(concreteShape(undefined)).toBeUndefined();
  });
});
