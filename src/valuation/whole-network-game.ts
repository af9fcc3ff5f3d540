/**
 * @file A network asked for whole coalitions, as fast as its structure allows.
 *
 * Behind the masks a network is affine for a while (a convolution, a dense layer, a norm). There the effect of each
 * channel on each example is computed once; a coalition adds the effects of its channels, and only what follows is run.
 */
import { totalmem } from "node:os";
import { mapInOrder } from "../base/map-in-order.ts";
import { type WholeGame, wholeGame } from "../games/whole-game.ts";
import { type Model, type Node, stored, type ValueInfo } from "../graph/model.ts";
import { range } from "../math/random.ts";
import { affineFrontier } from "../passes/affine-frontier.ts";
import { extract } from "../passes/extract.ts";
import { maskInputName } from "../passes/insert-masks.ts";
import { allocate } from "../tensor/dtype.ts";
import { float32, int64, sizeOf, type Tensor } from "../tensor/tensor.ts";
import { fillWhole } from "./activation-cache.ts";
import { type Cached, type CachedLayout, copyEntry, entryBytes, layoutOf, repeatRow } from "./cached.ts";
import { chunksIn, entryOf } from "./chunks.ts";
import { readingHalves } from "./halves.ts";
import type { AffineValue, WholeSetup } from "./jobs.ts";
import {
  type GameStore,
  inSharedMemory,
  type NetworkGameOptions,
  networkGame,
  storeFor,
} from "./network-game.ts";
import { affineShapes } from "./plan-effects.ts";
import { type ScoredTail, scoreTail } from "./score-tail.ts";
import { cutTail, type Tail } from "./tail.ts";

export interface WholeNetworkGameOptions extends NetworkGameOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told while effects of channels are computed, in examples. */
  readonly onPrepared?: ((done: number, total: number) => void) | undefined;
}

export interface WholeNetworkGame extends WholeGame {
  /** Gives the game's memory back, for the next game to use, once no thread works for it any more. */
  close(): Promise<void>;
  /** How coalitions are evaluated: by adding effects of channels, or row by row. Last digits depend on it. */
  readonly method: "added" | "rows";
}

/** Bytes of affine values that enter one run. */
const runBytes = 2 * 2 ** 20;

/**
 * Bytes that activations and effects take at most where no ceiling is given. What happens to be free must not show in
 * digits, and digits depend on whether effects are added up.
 */
const defaultCeiling = Math.min(2 * 2 ** 30, totalmem() / 4);

/** Values that are affine in the masks. */
interface Affine {
  readonly names: readonly string[];
  /** Shapes for one example. */
  readonly shapes: readonly (readonly number[])[];
  /** Computes them from cached values and masks. */
  readonly front: Model;
}

/**
 * The game of one or several groups, coalition by coalition. Falls back on rows where the network is not affine in
 * the masks, computes in other than single precision there, or activations and effects would not fit into memory.
 * @throws {PrunerError} As `networkGame`.
 */
export async function wholeNetworkGame(options: WholeNetworkGameOptions): Promise<WholeNetworkGame> {
  const { payoff, runner, dataset } = options;
  const whole = cutTail(options.analysis, options.groups, payoff.output);
  const scored = scoreTail(whole, payoff);
  const { parts, output, outputIs } = scored;
  const { analysis, activations } = options;
  const layouts = parts.cached.map((name) => layoutOf(analysis, dataset, name, activations));
  const players = options.groups.reduce((sum, group) => sum + options.analysis.groups[group]!.channels, 0);
  const found = await affineValues(options, scored, layouts, players);
  if (found === undefined) {
    const game = await networkGame(options);
    return { ...wholeGame(game), method: "rows", close: game.close };
  }
  const store = storeFor(options);
  const cache = store.activations(parts, layouts, dataset.size);
  const cached = cache.values;
  const prepare = async (): Promise<AffineValue[]> => {
    await fillWhole(cache, 2 * runner.workers + 1, options.signal);
    return effectsOf({ ...options, runner: store.runner }, store, found, cached, players);
  };
  const affine = await prepare().catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  const rest = readingHalves(modelBehind(parts, found, affine), layouts);
  const read = new Set(rest.graph.inputs.map(({ name }) => name));
  const setup = store.runner.pool.pin<WholeSetup>({
    model: runner.share(rest),
    cached: cached.filter(({ name }) => read.has(name)),
    affine,
    kept: keptInput,
    output,
    payoff: payoff.kind,
    outputIs,
    targets: inSharedMemory(payoff.targets),
    players,
    examples: dataset.size,
    rowsPerRun: rowsPerRun(affine),
  });
  return {
    players,
    examples: dataset.size,
    method: "added",
    close: store.close,
    silent: silentPlayers(affine, players, dataset.size),
    means: async (masks, call) => {
      const job = { kind: "coalitions", tail: setup, masks } as const;
      const sums = (await store.runner.pool.run(job, { signal: call?.signal })) as Float64Array;
      return sums.map((sum) => sum / dataset.size);
    },
  };
}

const keptInput = "coalitions:kept";

function rowsPerRun(affine: readonly AffineValue[]): number {
  const bytes = affine.reduce((sum, { size }) => sum + 4 * size, 0);
  return 2 ** Math.floor(Math.log2(Math.min(4096, Math.max(16, runBytes / bytes))));
}

/** Where the network is affine in the masks; undefined where that cannot serve. */
async function affineValues(
  { analysis, groups, runner, dataset, memory = defaultCeiling }: NetworkGameOptions,
  { parts, output }: ScoredTail,
  cached: readonly CachedLayout[],
  players: number,
): Promise<Affine | undefined> {
  const masks = groups.map((group) => {
    const { id, channels } = analysis.groups[group]!;
    return { name: maskInputName(id), players: channels };
  });
  const names = affineFrontier(
    parts.tail,
    masks.map(({ name }) => name),
  );
  if (names.length === 0) return undefined;
  const front = extract(parts.tail, parts.facts, [], names);
  const shapes = await affineShapes(runner, front, names, { cached, masks, output });
  if (shapes === undefined) return undefined;
  const effects = 4 * (players + 1) * shapes.reduce((sum, shape) => sum + sizeOf(shape), 0);
  return dataset.size * (entryBytes(cached) + effects) > memory ? undefined : { names, shapes, front };
}

/** Runs what is affine for no channel and for each channel alone. */
async function effectsOf(
  options: WholeNetworkGameOptions,
  store: GameStore,
  { names, shapes, front }: Affine,
  cached: readonly Cached[],
  players: number,
): Promise<AffineValue[]> {
  const { dataset, runner, signal, onPrepared } = options;
  const first = readingHalves(front, cached);
  const model = runner.share(first);
  const run = async (example: number) => {
    const feeds = { ...maskFeeds(options, players), ...repeatedValues(cached, first, example, players + 1) };
    return (await runner.pool.run({ kind: "forward", model, feeds }, { signal })) as Readonly<
      Record<string, Tensor>
    >;
  };
  const affine = names.map((name, k): AffineValue => {
    const size = sizeOf(shapes[k]!);
    const data = chunksIn(Float32Array, dataset.size, (players + 1) * size, store.take);
    return { base: `${name}:base`, parts: `${name}:parts`, size, data };
  });
  let example = 0;
  for await (const outputs of mapInOrder(range(dataset.size), run, 2 * runner.workers)) {
    for (const [k, name] of names.entries())
      storeEffects(outputs[name]!.data as Float32Array, affine[k]!, players, example);
    example++;
    onPrepared?.(example, dataset.size);
  }
  return affine;
}

/** From values with single channels to what these add. */
function storeEffects(
  values: Float32Array,
  { size, data }: AffineValue,
  players: number,
  example: number,
): void {
  const into = entryOf(data, example);
  for (let k = 0; k < size; k++) into[k] = values[k]!;
  for (let at = size; at < (players + 1) * size; at++) into[at] = values[at]! - values[at % size]!;
}

/** Masks of no channel, then of each channel alone, for every group. */
function maskFeeds({ analysis, groups }: NetworkGameOptions, players: number): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  let column = 0;
  for (const group of groups) {
    const { id, channels } = analysis.groups[group]!;
    const data = new Float32Array((players + 1) * channels);
    for (let k = 0; k < channels; k++) data[(1 + column + k) * channels + k] = 1;
    feeds[maskInputName(id)] = float32([players + 1, channels], data);
    column += channels;
  }
  return feeds;
}

function repeatedValues(
  cached: readonly Cached[],
  model: Model,
  example: number,
  rows: number,
): Record<string, Tensor> {
  const read = new Set(model.graph.inputs.map(({ name }) => name));
  const feeds: Record<string, Tensor> = {};
  for (const value of cached) {
    const { name, dtype, shape } = value;
    if (!read.has(name)) continue;
    const batch = allocate(dtype, rows * sizeOf(shape));
    copyEntry(value, example, batch, 0);
    repeatRow(batch, sizeOf(shape), 0, rows);
    feeds[name] = { dtype, shape: [rows, ...shape], data: batch };
  }
  return feeds;
}

/** Channels that add nothing on any example. */
function silentPlayers(affine: readonly AffineValue[], players: number, examples: number): number[] {
  return Array.from({ length: players }, (_, player) => player).filter((player) =>
    affine.every(({ size, data }) => {
      for (let example = 0; example < examples; example++) {
        const start = (player + 1) * size;
        const own = entryOf(data, example);
        for (let k = start; k < start + size; k++) if (own[k] !== 0) return false;
      }
      return true;
    }),
  );
}

/** The tail from the affine values on: each is base + kept · parts, in its own shape. */
function modelBehind(
  { tail, facts }: Tail,
  { names, shapes }: Affine,
  affine: readonly AffineValue[],
): Model {
  const { graph } = tail;
  const nodes: Node[] = [];
  const initializers = new Map(graph.initializers);
  const kept: ValueInfo = { name: keptInput, dtype: "float32", shape: ["coalitions", "varied"] };
  const inputs: ValueInfo[] = [...graph.inputs, kept];
  names.forEach((name, k) => {
    const { base, parts, size } = affine[k]!;
    inputs.push({ name: base, dtype: "float32", shape: [1, size] });
    inputs.push({ name: parts, dtype: "float32", shape: ["varied", size] });
    initializers.set(`${name}:shape`, stored(int64([shapes[k]!.length + 1], [-1, ...shapes[k]!])));
    nodes.push(node("Gemm", [keptInput, parts, base], `${name}:flat`));
    nodes.push(node("Reshape", [`${name}:flat`, `${name}:shape`], name));
  });
  const made = new Set(names);
  const others = graph.nodes.filter(({ outputs }) => !outputs.some((name) => made.has(name)));
  const whole: Model = { ...tail, graph: { ...graph, inputs, initializers, nodes: [...nodes, ...others] } };
  return extract(
    whole,
    facts,
    [],
    graph.outputs.map(({ name }) => name),
  );
}

function node(opType: string, inputs: readonly string[], output: string): Node {
  return { name: output, opType, domain: "", inputs, outputs: [output], attributes: new Map() };
}
