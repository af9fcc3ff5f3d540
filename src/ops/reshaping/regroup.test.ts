import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { productOf } from "../../graph/dims.ts";
import type { Dim } from "../../graph/model.ts";
import { sizeOf, stridesOf } from "../../tensor/tensor.ts";
import type { LabelBlock } from "../operator.ts";
import { commonPieces } from "./common-pieces.ts";
import { regroup } from "./regroup.ts";

/** Label of every element of a value: labels depend on the position along the axes of the block. */
function spread(shape: readonly number[], block: LabelBlock): number[] {
  const strides = stridesOf(shape);
  return Array.from({ length: sizeOf(shape) }, (_, element) => {
    let at = 0;
    for (const axis of block.axes)
      at = at * shape[axis]! + (Math.floor(element / strides[axis]!) % shape[axis]!);
    return block.labels[at]!;
  });
}

/** Two shapes of equal size and a block of random labels over one axis or two neighbours of the first. */
const cases = fc
  .array(fc.constantFrom(1, 2, 2, 3, 4), { minLength: 1, maxLength: 6 })
  .chain((factors) => {
    const grouping = fc.array(fc.boolean(), { minLength: factors.length, maxLength: factors.length });
    const seeds = fc.array(fc.nat(3), { minLength: 64, maxLength: 64 });
    return fc.tuple(fc.constant(factors), grouping, grouping, fc.nat(), fc.boolean(), seeds, fc.boolean());
  })
  .map(([factors, first, second, pick, wide, seeds, distinct]) => {
    const before = merged(factors, first);
    const axis = pick % before.length;
    const axes = wide && axis + 1 < before.length ? [axis, axis + 1] : [axis];
    const length = axes.reduce((product, k) => product * before[k]!, 1);
    const labels = Int32Array.from({ length }, (_, k) => (distinct ? k : seeds[k % seeds.length]!));
    return { before, after: merged(factors, second), block: { axes, labels } };
  });

/** Joins each size to the one before it where told so. */
function merged(factors: readonly number[], joins: readonly boolean[]): number[] {
  const shape: number[] = [];
  factors.forEach((factor, k) => {
    if (joins[k] === true && shape.length > 0) shape[shape.length - 1]! *= factor;
    else shape.push(factor);
  });
  return shape;
}

describe("regroup", () => {
  test("every element keeps its label", () => {
    let placed = 0;
    fc.assert(
      fc.property(cases, ({ before, after, block }) => {
        const { blocks, lost } = regroup(before, after, [block]);
        if (new Set(block.labels).size <= 1) return;
        if (blocks.length === 0) return expect(lost.map((one) => one.block)).toEqual([block]);
        placed++;
        expect(lost).toEqual([]);
        expect(blocks).toHaveLength(1);
        expect(spread(after, blocks[0]!)).toEqual(spread(before, block));
      }),
      { numRuns: 500 },
    );
    expect(placed).toBeGreaterThan(200);
  });

  test("a channel that becomes 49 columns is 49 equal labels", () => {
    const { blocks } = regroup(["N", 2, 7, 7], ["N", 98], [{ axes: [1], labels: Int32Array.of(5, 9) }]);
    const wanted = Int32Array.from({ length: 98 }, (_, k) => (k < 49 ? 5 : 9));
    expect(blocks).toEqual([{ axes: [1], labels: wanted }]);
  });

  test("labels merged with an open size stay on their axis, with what surrounds them", () => {
    const labels = Int32Array.of(3, 5);
    expect(regroup(["N", 2, "T"], ["2*N", "T"], [{ axes: [1], labels }]).blocks).toEqual([
      { axes: [0], labels, within: [{ outer: "N", inner: 1 }] },
    ]);
    const inner = { axes: [0], labels, within: [{ outer: 1, inner: "N" }] };
    expect(regroup([2, "N"], ["2*N"], [{ axes: [0], labels }]).blocks).toEqual([inner]);
    expect(regroup(["2*N", 7], [2, "N", 7], [inner]).blocks).toEqual([{ axes: [0], labels }]);
    const pairs = Int32Array.of(0, 1, 2, 3, 4, 5);
    const [heads] = regroup([7, "N", 6], [7, "2*N", 3], [{ axes: [2], labels: pairs }]).blocks;
    expect(heads).toEqual({ axes: [1, 2], labels: pairs, within: [{ outer: "N", inner: 1 }, undefined] });
    expect(regroup([7, "2*N", 3], ["7*N", 6], [heads!]).blocks).toEqual([{ axes: [1], labels: pairs }]);
  });

  test("channels merged with a symbolic axis or with other channels are lost, with the reason", () => {
    const labels = Int32Array.of(0, 1);
    const why = (before: Dim[], after: Dim[], blocks: LabelBlock[]) =>
      regroup(before, after, blocks).lost.map((one) => one.why);
    expect(why(["N", 2], [2, "N"], [{ axes: [1], labels }])).toEqual([
      "the reshape merges it with a symbolic axis",
    ]);
    expect(why([2, "N", 2], ["4*N"], [{ axes: [0, 2], labels: Int32Array.of(0, 1, 2, 3) }])).toEqual([
      "the reshape puts a symbolic axis between its channels",
    ]);
    expect(
      why(
        [2, 2],
        [4],
        [
          { axes: [0], labels },
          { axes: [1], labels },
        ],
      ),
    ).toEqual(["the reshape merges it with another axis of channels"]);
    expect(why(["N", 2, 3], [undefined, 3], [{ axes: [1], labels }])).toEqual([
      "the reshape has symbolic sizes",
    ]);
  });
});

describe("blocks that want the same place", () => {
  const [outer, inner] = [
    { axes: [0], labels: Int32Array.of(0, 1) },
    { axes: [1], labels: Int32Array.of(2, 3, 4) },
  ] as const;

  test("the first of equals has it", () => {
    const { blocks, lost } = regroup([2, 3], [6], [outer, inner]);
    expect(blocks).toEqual([{ axes: [0], labels: Int32Array.of(0, 0, 0, 1, 1, 1) }]);
    expect(lost.map(({ block }) => block)).toEqual([inner]);
  });

  test("the one with the largest claim has it", () => {
    const { blocks, lost } = regroup([2, 3], [6], [outer, inner], (labels) => labels.length);
    expect(blocks).toEqual([{ axes: [0], labels: Int32Array.of(2, 3, 4, 2, 3, 4) }]);
    expect(lost.map(({ block }) => block)).toEqual([outer]);
  });

  test("a single channel makes room, and is not lost", () => {
    const single = { axes: [1], labels: Int32Array.of(7, 7, 7) };
    const { blocks, lost } = regroup([2, 3], [6], [outer, single]);
    expect(blocks).toEqual([{ axes: [0], labels: Int32Array.of(0, 0, 0, 1, 1, 1) }]);
    expect(lost).toEqual([]);
  });

  test("labels that come again leave room for those beside them", () => {
    const tokens = { axes: [0], labels: Int32Array.of(5, 6) };
    const heads = { axes: [1], labels: Int32Array.of(0, 1, 2, 0, 1, 2) };
    const { blocks, lost } = regroup([2, 6, 4], [4, 12], [tokens, heads]);
    expect(lost).toEqual([]);
    expect(blocks).toEqual([
      { axes: [0], labels: Int32Array.of(5, 5, 6, 6) },
      { axes: [1], labels: Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2) },
    ]);
  });
});

describe("commonPieces", () => {
  test("cells hold equally many elements and cover every axis, in order", () => {
    fc.assert(
      fc.property(cases, ({ before, after }) => {
        const cells = commonPieces(before, after);
        for (const { from, to } of cells)
          expect(productOf(from.map(({ size }) => size))).toBe(productOf(to.map(({ size }) => size)));
        for (const [side, shape] of [["from", before] as const, ["to", after] as const]) {
          const pieces = cells.flatMap((cell) => cell[side]);
          expect(pieces.map(({ of }) => of)).toEqual(pieces.map(({ of }) => of).toSorted((a, b) => a - b));
          const products = shape.map((_, axis) =>
            productOf(pieces.filter(({ of }) => of === axis).map(({ size }) => size)),
          );
          expect(products).toEqual(shape);
        }
      }),
    );
  });

  const inShort = (before: Dim[], after: Dim[]) =>
    commonPieces(before, after).map(({ from, to }) =>
      [from, to].map((side) => side.map(({ of, size }) => `${of}:${size}`).join(" ")).join(" = "),
    );

  test("symbolic sizes are matched by their factors", () => {
    expect(inShort(["N", "T", 12], ["N", "T", 3, 4])).toEqual([
      "0:N = 0:N",
      "1:T = 1:T",
      "2:3 = 2:3",
      "2:4 = 3:4",
    ]);
    expect(inShort(["N", 4, "T"], ["4*N", "T"])).toEqual(["0:N = 0:N", "1:4 = 0:4", "2:T = 1:T"]);
    expect(inShort([7, "N", 12], [7, "3*N", 4])).toEqual([
      "0:7 = 0:7",
      "1:N = 1:N",
      "2:3 = 1:3",
      "2:4 = 2:4",
    ]);
  });

  test("a size that is not known stays alone between those that are", () => {
    expect(inShort(["N", undefined, 12], ["N", undefined, 3, 4])).toEqual([
      "0:N = 0:N",
      "1:undefined = 1:undefined",
      "2:3 = 2:3",
      "2:4 = 3:4",
    ]);
    expect(inShort([undefined, 4], ["N", 4])).toEqual(["0:undefined = 0:N", "1:4 = 1:4"]);
    expect(inShort([6, 4], [4, 6])).toEqual(["0:6 1:4 = 0:4 1:6"]);
  });
});
