/** @file Names beside points: inside the chart, apart from each other as long as there is room. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type LabelPlace, placeLabels } from "./label-places.ts";

const frame = { left: 60, right: 720, top: 20, bottom: 400 };

const boxOf = ({ left, middle, text }: LabelPlace) => ({
  left,
  right: left + 6.4 * text.length,
  top: middle - 7,
  bottom: middle + 7,
});

function overlaps(places: readonly LabelPlace[]): number {
  const boxes = places.map(boxOf);
  return boxes.flatMap((a, i) =>
    boxes.slice(0, i).filter((b) => {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      return across > 0.01 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.01;
    }),
  ).length;
}

const points = (count: number) =>
  fc.array(
    fc.record({
      x: fc.integer({ min: 60, max: 700 }),
      y: fc.integer({ min: 20, max: 400 }),
      text: fc.string({ minLength: 2, maxLength: 16, unit: "grapheme-ascii" }),
    }),
    { maxLength: count },
  );

test("names stay inside the frame, and the same points give the same places", () => {
  fc.assert(
    fc.property(points(25), (found) => {
      const places = placeLabels(found, [], frame);
      for (const { left, right, top, bottom } of places.map(boxOf)) {
        expect(left).toBeGreaterThanOrEqual(frame.left);
        expect(right).toBeLessThanOrEqual(frame.right + 0.01);
        expect(top).toBeGreaterThanOrEqual(frame.top);
        expect(bottom).toBeLessThanOrEqual(frame.bottom);
      }
      expect(placeLabels(found, [], frame)).toEqual(places);
    }),
    { numRuns: 50 },
  );
});

test("names of up to eight points do not cover each other, wherever the points are", () => {
  fc.assert(
    fc.property(points(8), (found) => {
      expect(overlaps(placeLabels(found, [], frame))).toBe(0);
    }),
    { numRuns: 100 },
  );
});

test("a name alone stands right of its point, without a line to it", () => {
  const [place] = placeLabels([{ x: 200, y: 200, text: "shapley" }], [], frame);
  expect(place).toMatchObject({ leader: null, middle: 200 });
  expect(place!.left).toBeGreaterThan(200);
  expect(place!.left).toBeLessThan(220);
});

test("names on one spot keep a line to it when they have to stand off", () => {
  const found = Array.from({ length: 12 }, (_, k) => ({ x: 300, y: 200, text: `method-${k}` }));
  const places = placeLabels(found, [], frame);
  expect(overlaps(places)).toBe(0);
  expect(places.filter(({ leader }) => leader !== null).length).toBeGreaterThan(3);
});
