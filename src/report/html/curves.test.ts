/** @file Curves of comparisons: averaged over seeds and groups, and which methods are drawn in colour. */
import { expect, test } from "vitest";
import { comparison } from "../../../test/helpers/compare-record.ts";
import type { CompareRecord } from "../compare-records.ts";
import { curvedMethods, groupCurves, meanCurves } from "./curves.ts";
import { methodsOf } from "./methods.ts";

const record = comparison({ methods: 7, groups: 3 });
const curved = (found: CompareRecord) => curvedMethods(found, methodsOf(found));

test("a method with several budgets is drawn with the largest", () => {
  const entry = curved(record).find(({ method }) => method.name === "shapley")!.entry;
  expect(entry.budget).toBe(20_000);
});

test("of many methods those with the least area are in colour, and random always", () => {
  const methods = curved(comparison({ methods: 25, groups: 2 }));
  const named = methods.filter(({ isBehind }) => !isBehind);
  expect(named).toHaveLength(7);
  expect(named[0]!.method.name).toBe("random");
  const worstNamed = Math.max(...named.slice(1).map(({ entry }) => entry.summary!.areaLowest.mean));
  const bestBehind = Math.min(
    ...methods.filter(({ isBehind }) => isBehind).map(({ entry }) => entry.summary!.areaLowest.mean),
  );
  expect(worstNamed).toBeLessThanOrEqual(bestBehind);
});

test("curves of a group are means over seeds with one deviation to each side", () => {
  const [group] = record.groups;
  const [curve] = groupCurves(group!, curved(record));
  const values = record.entries[0]!.runs.map(({ groups }) => groups[0]!.lowestGone[3]!);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(
    values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1),
  );
  const point = curve!.points[3]!;
  expect(curve!.end).toBe("lowest go first");
  expect(point.gone).toBe(group!.sizes[3]);
  expect(point.value).toBeCloseTo(mean, 12);
  expect(point.high - point.value).toBeCloseTo(deviation, 12);
});

test("means over groups go from everything to nothing, however large groups and payoffs are", () => {
  for (const { points } of meanCurves(record.groups, curved(record))) {
    expect(points[0]!).toMatchObject({ gone: 0, value: 1 });
    expect(points.at(-1)!.gone).toBe(1);
    expect(points.at(-1)!.value).toBeCloseTo(0, 12);
  }
});

test("straight lines between the sizes measured: a linear payoff stays linear on the grid", () => {
  const linear: CompareRecord = {
    ...record,
    entries: record.entries.slice(0, 1).map((entry) => ({
      ...entry,
      runs: entry.runs.map((run) => ({
        ...run,
        groups: run.groups.map((group, g) => {
          const { sizes, channels } = record.groups[g]!;
          const curve = sizes.map((size) => 5 - (7 * size) / channels);
          return { ...group, lowestGone: curve, highestGone: curve };
        }),
      })),
    })),
  };
  for (const { points } of meanCurves(linear.groups, curved(linear)))
    for (const { gone, value } of points) expect(value).toBeCloseTo(1 - gone, 12);
});

test("a group whose channels are worth nothing together is left out of the mean", () => {
  const flat: CompareRecord = {
    ...record,
    entries: record.entries.map((entry) => ({
      ...entry,
      runs: entry.runs.map((run) => ({
        ...run,
        groups: run.groups.map((group) => ({ ...group, lowestGone: group.lowestGone.map(() => 1) })),
      })),
    })),
  };
  const curves = meanCurves(flat.groups, curved(flat));
  expect(new Set(curves.map(({ end }) => end))).toEqual(new Set(["highest go first"]));
});
