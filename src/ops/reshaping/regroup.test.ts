import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { productOf } from "../../graph/dims.ts";
import type { Dim } from "../../graph/model.ts";
import { sizeOf, stridesOf } from "../../tensor/tensor.ts";
import type { LabelBlock } from "../operator.ts";
import { matchAxes, regroup } from "./regroup.ts";

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

  test("channels merged with a symbolic axis or with other channels are lost, with the reason", () => {
    const labels = Int32Array.of(0, 1);
    const why = (before: Dim[], after: Dim[], blocks: LabelBlock[]) =>
      regroup(before, after, blocks).lost.map((one) => one.why);
    expect(why(["N", 2], ["2*N"], [{ axes: [1], labels }])).toEqual([
      "the reshape merges it with a symbolic axis",
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
    ).toEqual([
      "the reshape merges it with another axis of channels",
      "the reshape merges it with another axis of channels",
    ]);
    expect(why(["N", 2], [undefined, 2], [{ axes: [1], labels }])).toEqual([
      "the reshape has symbolic sizes",
    ]);
  });
});

describe("matchAxes", () => {
  test("runs hold equally many elements and cover every axis once, in order", () => {
    fc.assert(
      fc.property(cases, ({ before, after }) => {
        const runs = matchAxes(before, after)!;
        expect(runs.flatMap(({ from }) => from)).toEqual([...before.keys()]);
        expect(runs.flatMap(({ to }) => to)).toEqual([...after.keys()]);
        for (const { from, to } of runs)
          expect(productOf(from.map((axis) => before[axis]))).toBe(productOf(to.map((axis) => after[axis])));
      }),
    );
  });

  test("symbolic sizes are matched by their factors", () => {
    expect(matchAxes(["N", "T", 12], ["N", "T", 3, 4])).toEqual([
      { from: [0], to: [0] },
      { from: [1], to: [1] },
      { from: [2], to: [2, 3] },
    ]);
    expect(matchAxes(["N", 4, "T"], ["4*N", "T"])).toEqual([
      { from: [0, 1], to: [0] },
      { from: [2], to: [1] },
    ]);
    expect(matchAxes([undefined, 4], ["N", 4])).toBeUndefined();
    expect(matchAxes([0, 4], [0])).toBeUndefined();
  });
});
