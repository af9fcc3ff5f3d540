/** @file Payoff curves of a comparison, averaged over seeds, and over groups where there are many. */
import type { ComparedGroup, CompareEntry, CompareRecord, GroupRun } from "../compare-records.ts";
import type { CurvePoint, End, GoneCurve } from "./charts/gone-curves.ts";
import type { Method } from "./methods.ts";

/** Methods that are drawn in colour at the most. */
const mostNamed = 7;

/** Points of curves averaged over groups, besides the start. */
const steps = 20;

/** A method with the entry its curves come from: that with the most rows. */
interface Curved {
  readonly method: Method;
  readonly entry: CompareEntry;
  readonly isBehind: boolean;
}

/**
 * Methods with curves. Of many, those with the smallest area and "random" are drawn in colour, the rest behind them.
 * @returns In the order of the record.
 */
export function curvedMethods({ entries }: CompareRecord, methods: readonly Method[]): readonly Curved[] {
  const found = methods.flatMap((method) => {
    const own = entries.filter(({ name, runs }) => name === method.name && runs.length > 0);
    if (own.length === 0) return [];
    const entry = own.reduce((most, one) => ((one.budget ?? 0) > (most.budget ?? 0) ? one : most));
    return [{ method, entry }];
  });
  const area = ({ entry }: (typeof found)[number]) =>
    entry.name === "random"
      ? Number.NEGATIVE_INFINITY
      : (entry.summary?.areaLowest.mean ?? Number.POSITIVE_INFINITY);
  const named = new Set([...found].sort((a, b) => area(a) - area(b)).slice(0, mostNamed));
  return found.map((one) => ({ ...one, isBehind: !named.has(one) }));
}

/** Curves of one group, by numbers of channels. */
export function groupCurves(group: ComparedGroup, methods: readonly Curved[]): GoneCurve[] {
  return methods.flatMap(({ method, entry, isBehind }) => {
    const runs = entry.runs.flatMap((run) => run.groups.find(({ id }) => id === group.id) ?? []);
    if (runs.length === 0) return [];
    return both((of) => ({
      look: method.look,
      isBehind,
      points: pointsOf(group.sizes, runs.map(of)),
    }));
  });
}

/** Curves averaged over groups, as shares of the way from the payoff of no channels to that of all. */
export function meanCurves(groups: readonly ComparedGroup[], methods: readonly Curved[]): GoneCurve[] {
  const grid = Array.from({ length: steps + 1 }, (_, k) => k / steps);
  return methods.flatMap(({ method, entry, isBehind }) =>
    both((of) => {
      const bySeed = entry.runs.flatMap(({ groups: runs }) => {
        const curves = groups.flatMap((group) => {
          const run = runs.find(({ id }) => id === group.id);
          return run === undefined ? [] : (normalised(group, of(run), grid) ?? []);
        });
        return curves.length === 0 ? [] : [averaged(curves)];
      });
      return { look: method.look, isBehind, points: pointsOf(grid, bySeed) };
    }).filter(({ points }) => points.length > 0),
  );
}

function both(make: (of: (run: GroupRun) => readonly number[]) => Omit<GoneCurve, "end">): GoneCurve[] {
  const ends: readonly (readonly [End, (run: GroupRun) => readonly number[]])[] = [
    ["lowest go first", ({ lowestGone }) => lowestGone],
    ["highest go first", ({ highestGone }) => highestGone],
  ];
  return ends.map(([end, of]) => ({ ...make(of), end }));
}

/** Mean and deviation over seeds at every place. */
function pointsOf(places: readonly number[], curves: readonly (readonly number[])[]): CurvePoint[] {
  if (curves.length === 0) return [];
  return places.map((gone, k) => {
    const values = curves.map((curve) => curve[k]!);
    const value = values.reduce((sum, one) => sum + one, 0) / values.length;
    const squares = values.reduce((sum, one) => sum + (one - value) ** 2, 0);
    const deviation = values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0;
    return { gone, value, low: value - deviation, high: value + deviation };
  });
}

function averaged(curves: readonly (readonly number[])[]): number[] {
  return curves[0]!.map((_, k) => curves.reduce((sum, curve) => sum + curve[k]!, 0) / curves.length);
}

/** Undefined (inside a list, so that it falls out) for groups whose channels are worth nothing together. */
function normalised(
  { sizes, channels }: ComparedGroup,
  curve: readonly number[],
  grid: readonly number[],
): number[][] | undefined {
  const [start, end] = [curve[0]!, curve.at(-1)!];
  if (!(start > end)) return undefined;
  return [grid.map((share) => (between(sizes, curve, share * channels) - end) / (start - end))];
}

/** The value at a place, by straight lines between those known. */
function between(places: readonly number[], values: readonly number[], at: number): number {
  const next = Math.max(
    1,
    places.findIndex((place) => place >= at),
  );
  const [from, to] = [places[next - 1]!, places[next]!];
  const part = to === from ? 0 : (at - from) / (to - from);
  return values[next - 1]! + part * (values[next]! - values[next - 1]!);
}
