/** @file All pieces of a comparison, one after the other, so that each has the machine to itself, and their record. */
import { tool } from "../base/version.ts";
import { costModelOf, fullCost } from "../channels/cost.ts";
import { bestFirst } from "../oracle/index.ts";
import { conclusionsOf, labelOf } from "../report/compare-conclusions.ts";
import type { ComparedGroup, CompareRecord, CompareRun, NetworkQuality } from "../report/compare-records.ts";
import { percent } from "../report/format.ts";
import type { CompareBench, Stage } from "./compare-bench.ts";
import { contrastsOf, type Measured } from "./compare-contrasts.ts";
import { type Curves, curvesOf } from "./compare-curves.ts";
import { judgeFor, unpacked } from "./compare-judge.ts";
import type { Means, Method } from "./compare-methods.ts";
import { type JudgedRun, masksFor, networkRun } from "./compare-network.ts";
import { type Ranked, rankBy } from "./compare-rank.ts";
import { entryOf, groupRun } from "./compare-record.ts";
import { type Reference, referenceOf } from "./compare-reference.ts";

/** Everything that was measured, before it is put together. */
interface Findings {
  /** Shape [methods][seeds]. */
  readonly ranked: readonly (readonly Ranked[])[];
  /** Shape [groups]. */
  readonly references: readonly Reference[];
  /** Shape [seeds][groups], by order. */
  readonly curves: readonly (readonly ReadonlyMap<string, Curves>[])[];
  /** Shape [methods][seeds][shares]; empty where a method did not rank all groups, or no network is pruned. */
  readonly networks: readonly (readonly (readonly JudgedRun[])[])[];
  readonly original: NetworkQuality;
}

/**
 * Measures everything.
 * @throws {PrunerError} What the pieces throw.
 */
export async function runComparison(bench: CompareBench, methods: readonly Method[]): Promise<CompareRecord> {
  const played = await rankAll(bench, methods);
  const references = await referencesOf(bench);
  const ranked = methods.map((method, k) =>
    method.means.kind === "oracle" ? bench.seeds.map(() => oracleRanking(bench, references)) : played[k]!,
  );
  const curves = await allCurves(bench, ranked);
  const { networks, original } = await allNetworks(bench, ranked, methods);
  return recordOf(bench, methods, { ranked, references, curves, networks, original });
}

/** Shape [methods][seeds]; nothing for the oracle, which is known later. */
async function rankAll(bench: CompareBench, methods: readonly Method[]): Promise<Ranked[][]> {
  const ranked: Ranked[][] = methods.map(() => []);
  const playing = [...methods.entries()].filter(([, { means }]) => means.kind !== "oracle");
  const of = playing.length * bench.seeds.length;
  let place = 0;
  for (const [k, method] of playing) {
    const means = method.means as Exclude<Means, { readonly kind: "oracle" }>;
    for (const [position, seed] of bench.seeds.entries()) {
      const stage: Stage = {
        kind: "ranking",
        place: ++place,
        of,
        about: `${labelOf(method.name, method.budget)}, seed ${seed}`,
      };
      ranked[k]!.push(await rankBy(bench, { ...method, means }, position, stage));
    }
  }
  return ranked;
}

async function referencesOf(bench: CompareBench): Promise<Reference[]> {
  const references: Reference[] = [];
  for (const [place, group] of bench.groups.entries()) {
    const about = bench.analysis.groups[group]!.id;
    const stage: Stage = { kind: "reference", place: place + 1, of: bench.groups.length, about };
    references.push(await referenceOf(bench, group, stage));
  }
  return references;
}

/** The oracle's order as scores, of the groups whose coalitions are all known. */
function oracleRanking({ analysis, groups }: CompareBench, references: readonly Reference[]): Ranked {
  const ids = groups.map((group) => analysis.groups[group]!.id);
  const known = references.flatMap(({ oracle }, place) =>
    oracle === null ? [] : [{ id: ids[place]!, oracle }],
  );
  const unknown = ids.filter((_, place) => references[place]!.oracle === null);
  const total = (of: (oracle: NonNullable<Reference["oracle"]>) => number) =>
    known.reduce((sum, { oracle }) => sum + of(oracle), 0);
  return {
    groups: known.map(({ id, oracle: { order } }) => {
      const values = new Array<number>(order.length);
      order.forEach((channel, place) => {
        values[channel] = order.length - place;
      });
      return { id, values };
    }),
    rows: total(({ rows }) => rows),
    seconds: total(({ seconds }) => seconds),
    memoryBytes: Math.max(0, ...known.map(({ oracle }) => oracle.memoryBytes)),
    missing:
      unknown.length === 0
        ? null
        : `too many channels to try every coalition of ${unknown.join(", ")} (see --oracle-channels)`,
  };
}

/** Shape [seeds][groups]: curves by order. */
async function allCurves(
  bench: CompareBench,
  ranked: readonly (readonly Ranked[])[],
): Promise<ReadonlyMap<string, Curves>[][]> {
  const all: ReadonlyMap<string, Curves>[][] = [];
  const of = bench.seeds.length * bench.groups.length;
  let place = 0;
  for (const [position, seed] of bench.seeds.entries()) {
    const own: ReadonlyMap<string, Curves>[] = [];
    for (const [k, group] of bench.groups.entries()) {
      const { id } = bench.analysis.groups[group]!;
      const stage: Stage = { kind: "curves", place: ++place, of, about: `${id}, seed ${seed}` };
      const orders = new Map<string, readonly number[]>();
      for (const runs of ranked) {
        const values = runs[position]!.groups.find((one) => one.id === id)?.values;
        if (values === undefined) continue;
        const order = Array.from(bestFirst(values));
        orders.set(order.join(), order);
      }
      const curves = await curvesOf(bench, position, k, [...orders.values()], stage);
      own.push(new Map([...orders.keys()].map((order, at) => [order, curves[at]!])));
    }
    all.push(own);
  }
  return all;
}

async function allNetworks(
  bench: CompareBench,
  ranked: readonly (readonly Ranked[])[],
  methods: readonly Method[],
): Promise<Pick<Findings, "networks" | "original">> {
  const { shares } = bench.options;
  const networks: JudgedRun[][][] = methods.map(() => bench.seeds.map(() => []));
  if (shares.length === 0) return { networks, original: { accuracy: null, loss: null } };
  const { judge, original } = await judgeFor(bench);
  const whole = [...methods.entries()].filter(([k]) => ranked[k]![0]!.missing === null);
  const of = whole.length * bench.seeds.length * shares.length;
  let place = 0;
  for (const [position, seed] of bench.seeds.entries()) {
    for (const [k, { name, budget }] of whole) {
      const values = ranked[k]![position]!.groups.map((group) => group.values);
      for (const share of shares) {
        const about = `${labelOf(name, budget)}, seed ${seed}, ${percent(share, 0)} gone`;
        const masks = masksFor(bench, share, values);
        const stage: Stage = { kind: "network", place: ++place, of, about };
        networks[k]![position]!.push(await networkRun(bench, judge, position, masks, share, stage));
      }
    }
  }
  return { networks, original };
}

function recordOf(bench: CompareBench, methods: readonly Method[], findings: Findings): CompareRecord {
  const { analysis, parts, seeds, options } = bench;
  const measured = methods.map((method, k) => measuredOf(bench, method, k, findings));
  const entries = measured.map(({ entry }) => entry);
  const contrasts = contrastsOf(measured);
  const sizeOf = (part: { readonly size: number } | undefined) => part?.size ?? 0;
  const found = {
    payoff: bench.payoff,
    ...(bench.options.activations === "float16" && { activations: bench.options.activations }),
    seeds,
    examples: {
      rank: parts.pool.size,
      curves: parts.curves.reduce((sum, { size }) => sum + size, 0),
      calibrate: sizeOf(parts.calibrate),
      tune: sizeOf(parts.tune),
      validate: sizeOf(parts.validate),
      evaluate: sizeOf(parts.evaluate),
    },
    entries,
    contrasts,
  };
  return {
    schemaVersion: 1,
    tool: tool.name,
    version: tool.version,
    runtime: bench.runtime,
    model: options.model.hash,
    data: { fingerprint: bench.fingerprint },
    output: bench.output,
    budgets: options.budgets,
    shares: options.shares,
    original: { ...findings.original, ...fullCost(costModelOf(analysis)) },
    groups: bench.groups.map((_, place) => comparedGroup(bench, place, findings.references[place]!)),
    ...found,
    conclusions: conclusionsOf(found),
  };
}

function comparedGroup(
  { analysis, groups, sizes }: CompareBench,
  place: number,
  { kind, rows, oracle }: Reference,
): ComparedGroup {
  const { id, channels } = analysis.groups[groups[place]!]!;
  const reference = kind === null ? null : { kind, rows };
  return { id, channels, sizes: sizes[place]!, reference, isOracleKnown: oracle !== null };
}

function measuredOf(
  bench: CompareBench,
  method: Method,
  k: number,
  { ranked, references, curves, networks }: Findings,
): Measured {
  const own = ranked[k]!;
  const { missing } = own[0]!;
  const ids = bench.groups.map((group) => bench.analysis.groups[group]!.id);
  const runs = own.map(
    ({ groups, rows, seconds, memoryBytes }, position): CompareRun => ({
      seed: bench.seeds[position]!,
      rows,
      seconds,
      memoryBytes,
      groups: groups.map(({ id, values }) => {
        const place = ids.indexOf(id);
        const along = curves[position]![place]!.get(Array.from(bestFirst(values)).join())!;
        return groupRun(id, bench.sizes[place]!, values, references[place]!, along);
      }),
      network: networks[k]![position]!.map(({ scores: _, ...run }) => run),
    }),
  );
  const isThere = own[0]!.groups.length > 0;
  return {
    entry: entryOf(method, missing, isThere ? runs : []),
    scores: networks[k]!.map((byShare) =>
      byShare.map(({ scores: { cut, repaired, tuned } }) => ({
        cut: unpacked(cut),
        repaired: repaired === null ? null : unpacked(repaired),
        tuned: tuned === null ? null : unpacked(tuned),
      })),
    ),
  };
}
