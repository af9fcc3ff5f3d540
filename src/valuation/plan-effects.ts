/**
 * @file Decides whether a game adds up effects of channels instead of running the first layer behind the masks for every
 * row, and sets that up. Decided from sizes alone, never by the clock, because last digits depend on it.
 */
import type { Model } from "../graph/model.ts";
import { affineFrontier } from "../passes/affine-frontier.ts";
import { extract } from "../passes/extract.ts";
import { allocate } from "../tensor/dtype.ts";
import { float32, sizeOf, type Tensor } from "../tensor/tensor.ts";
import type { CachedLayout } from "./cached.ts";
import { originOf, readingHalves } from "./halves.ts";
import { type AddedValue, type EffectsSetup, firstChannelRow, type TailSetup } from "./jobs.ts";
import { macsOf } from "./macs.ts";
import type { Runner } from "./runner.ts";
import { separateChannels } from "./separate-channels.ts";
import type { Tail } from "./tail.ts";

/** Effects, for which room has to be found yet, and how long a stretch of rows on one example must be for them to pay: … */
export interface EffectsPlan {
  readonly setup: Omit<EffectsSetup, "data" | "states">;
  /** … where rows are on walks, … */
  readonly fewestWalked: number;
  /** … and where they are masks; infinite where it never pays to look for what changed. */
  readonly fewestMasked: number;
  /** Multiply-accumulates of a row that are saved. */
  readonly savedMacs: number;
  /** What is left of a row, in the multiply-accumulates that take as long. */
  readonly rowMacs: number;
}

/** What is known of a game before anything is cached. */
export interface TailPlan extends Pick<TailSetup, "masks" | "output"> {
  readonly cached: readonly CachedLayout[];
}

/** Multiply-accumulates that take as long as what adding does around a row, on a walk or from mask to mask, … */
const macsPerRow = { walked: 2500, masked: 15_000 };
/** … as looking whether one player has come or gone, … */
const macsPerPlayer = 10;
/** … as adding and writing one number, and as moving one byte from far memory. */
const macsPerNumber = 24;
const macsPerByte = 12;

/** The same for an activation that need not be fetched and masked any more. */
const macsPerActivation = 60;

/** The same for a number on its whole way through a row: added, scaled, read by what follows, folded into a payoff. */
const macsPerNumberPlayed = 128;

/** Share of the tail's work that adding must save, or it is not worth its memory. */
const leastSaved = 0.1;

/** Bytes of affine values in one run: they should stay in caches on their way through the network. */
const runBytes = 2 * 2 ** 20;
const fewestRowsPerRun = 32;
const mostRowsPerRun = 2048;
const mostExamplesPerRun = 32;

/** @returns Undefined where rows are better run as they are. */
export async function planEffects(
  runner: Runner,
  parts: Tail,
  tail: TailPlan,
): Promise<EffectsPlan | undefined> {
  const frontier = affineFrontier(
    parts.tail,
    tail.masks.map(({ name }) => name),
  );
  if (frontier.length === 0) return undefined;
  const players = tail.masks.reduce((sum, mask) => sum + mask.players, 0);
  const front = extract(parts.tail, parts.facts, [], frontier);
  const saved = macsOf(front) + macsPerActivation * numbersSpared(parts, front, frontier, tail);
  const least = leastSaved * macsOf(parts.tail);
  if (saved < least + macsPerRow.walked) return undefined;
  const shapes = await affineShapes(runner, front, frontier, tail);
  if (shapes === undefined) return undefined;
  const width = shapes.reduce((sum, shape) => sum + inLanes(sizeOf(shape)), 0);
  const gain = saved - macsPerRow.walked - macsPerNumber * width;
  const gainMasked = saved - macsPerRow.masked - macsPerPlayer * players - macsPerNumber * width;
  const slab = (firstChannelRow + players) * width;
  if (gain < least) return undefined;
  const separated = tail.masks.length === 1 ? separateChannels(front, tail.masks[0]!.name) : undefined;
  const first = readingHalves(separated ?? front, tail.cached);
  const values = addedValues(frontier, shapes);
  const rest = restOf(parts, values, tail.output);
  const last = readingHalves(rest, tail.cached);
  const rowBytes = 4 * width;
  const setup: EffectsPlan["setup"] = {
    front: {
      model: runner.share(first),
      reads: readsOf(first, tail.cached),
      isSeparated: separated !== undefined,
      examples: separated === undefined ? Math.max(1, Math.floor(runBytes / (rowBytes * (players + 1)))) : 1,
    },
    rest: { model: runner.share(last), reads: readsOf(last, tail.cached) },
    values,
    width,
    players,
    rowsPerRun: Math.min(mostRowsPerRun, Math.max(fewestRowsPerRun, Math.floor(runBytes / rowBytes))),
  };
  const fetching = (saving: number) => Math.ceil((2 * 4 * slab * macsPerByte) / saving);
  const computing = separated === undefined ? Math.ceil(1.5 * (players + 1)) : 0;
  return {
    setup,
    fewestWalked: Math.max(fetching(gain), computing),
    fewestMasked: gainMasked < least ? Number.POSITIVE_INFINITY : Math.max(fetching(gainMasked), computing),
    savedMacs: gain,
    rowMacs: macsOf(rest) + macsPerNumberPlayed * width,
  };
}

/** Numbers of a row, activations and masks, that only what is added up would read. */
function numbersSpared(
  { tail: model, facts }: Tail,
  front: Model,
  frontier: readonly string[],
  tail: TailPlan,
): number {
  const namesIn = ({ graph }: Model) => new Set(graph.inputs.map(({ name }) => name));
  const [before, behind] = [namesIn(front), namesIn(extract(model, facts, frontier, [tail.output]))];
  const spared = tail.cached.filter((layout) => {
    const name = originOf(layout);
    return before.has(name) && !behind.has(name);
  });
  const masks = tail.masks.reduce((sum, { players }) => sum + players, 0);
  return spared.reduce((sum, { shape }) => sum + sizeOf(shape), masks);
}

/** Bytes of the effects on one example. */
export function slabBytes({ players, width }: Pick<EffectsSetup, "players" | "width">): number {
  return 4 * (firstChannelRow + players) * width;
}

/** Different examples in one run at the most: their effects have to be in memory at the same time. */
export function slabsPerRun({ setup, fewestWalked }: EffectsPlan): number {
  return Math.max(1, Math.min(mostExamplesPerRun, Math.floor(setup.rowsPerRun / Math.max(1, fewestWalked))));
}

function addedValues(names: readonly string[], shapes: readonly (readonly number[])[]): AddedValue[] {
  let offset = 0;
  return names.map((name, k) => {
    const shape = shapes[k]!;
    const size = sizeOf(shape);
    const value = { name, shape, offset, size };
    offset += inLanes(size);
    return value;
  });
}

/** Sums are taken four numbers at a time. */
function inLanes(size: number): number {
  return Math.ceil(size / 4) * 4;
}

function readsOf(model: Model, cached: readonly CachedLayout[]): string[] {
  const read = new Set(model.graph.inputs.map(({ name }) => name));
  return cached.flatMap(({ name }) => (read.has(name) ? [name] : []));
}

/**
 * Shapes of the affine values, seen by running them; undefined where they are not single precision with the rows in
 * front. Two numbers of rows tell those from sizes that happen to be equal.
 */
export async function affineShapes(
  runner: Runner,
  front: Model,
  frontier: readonly string[],
  tail: TailPlan,
): Promise<number[][] | undefined> {
  const probed = readingHalves(front, tail.cached);
  const model = runner.share(probed);
  const run = async (rows: number) => {
    const feeds = probeFeeds(probed, tail, rows);
    return (await runner.pool.run({ kind: "forward", model, feeds })) as Readonly<Record<string, Tensor>>;
  };
  const [two, three] = [await run(2), await run(3)];
  const isUsable = frontier.every((name) => {
    const { dtype, shape } = two[name]!;
    return dtype === "float32" && shape[0] === 2 && three[name]!.shape[0] === 3;
  });
  return isUsable ? frontier.map((name) => two[name]!.shape.slice(1)) : undefined;
}

/** Nothing but zeros: shapes are what counts. */
function probeFeeds(front: Model, tail: TailPlan, rows: number): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const { name, players } of tail.masks)
    feeds[name] = float32([rows, players], new Float32Array(rows * players));
  const read = readsOf(front, tail.cached);
  for (const { name, dtype, shape } of tail.cached) {
    if (!read.includes(name)) continue;
    feeds[name] = { dtype, shape: [rows, ...shape], data: allocate(dtype, rows * sizeOf(shape)) };
  }
  return feeds;
}

/** The tail from the affine values on. */
function restOf({ tail, facts }: Tail, values: readonly AddedValue[], output: string): Model {
  const known = new Map(facts);
  for (const { name, shape } of values) known.set(name, { dtype: "float32", shape: ["rows", ...shape] });
  const names = values.map(({ name }) => name);
  return extract(tail, known, names, [output]);
}
