/**
 * @file A network asked for whole coalitions, as fast as its structure allows.
 *
 * Behind the masks a network is affine for a while (a convolution, a dense layer, a norm). There the effect of each
 * channel on each example is computed once; a coalition adds the effects of its channels, and only what follows is run.
 */
import { freemem } from "node:os";
import { mapInOrder } from "../base/map-in-order.ts";
import { type WholeGame, wholeGame } from "../games/whole-game.ts";
import { type Model, type Node, stored, type ValueInfo } from "../graph/model.ts";
import { range } from "../math/random.ts";
import { affineFrontier } from "../passes/affine-frontier.ts";
import { extract } from "../passes/extract.ts";
import { maskInputName } from "../passes/insert-masks.ts";
import { arrayTypes, type TypedArray } from "../tensor/dtype.ts";
import { float32, int64, sizeOf, type Tensor } from "../tensor/tensor.ts";
import type { AffineValue, Cached, WholeSetup } from "./jobs.ts";
import { cacheActivations, inSharedMemory, type NetworkGameOptions, networkGame } from "./network-game.ts";
import { cutTail, type Tail } from "./tail.ts";

export interface WholeNetworkGame extends WholeGame {
  /** How coalitions are evaluated: by adding effects of channels, or row by row. Last digits depend on it. */
  readonly method: "added" | "rows";
}

/** Bytes of affine values that enter one run. */
const runBytes = 2 * 2 ** 20;

/** The effect of every channel on every example, and the network behind it. */
interface Effects {
  readonly affine: readonly AffineValue[];
  readonly shapes: readonly (readonly number[])[];
}

/**
 * The game of one or several groups, coalition by coalition. Falls back on rows where the network is not affine in
 * the masks, computes in other than single precision there, or effects would not fit into memory.
 * @throws {PrunerError} As `networkGame`.
 */
export async function wholeNetworkGame(options: NetworkGameOptions): Promise<WholeNetworkGame> {
  const parts = cutTail(options.analysis, options.groups, options.payoff.output);
  const players = options.groups.reduce((sum, group) => sum + options.analysis.groups[group]!.channels, 0);
  const names = options.groups.map((group) => maskInputName(options.analysis.groups[group]!.id));
  const frontier = affineFrontier(parts.tail, names);
  const cached = await cacheActivations(options, parts);
  const effects = await effectsOf(options, parts, cached, frontier, players);
  if (effects === undefined) return { ...wholeGame(await networkGame(options)), method: "rows" };
  const { payoff, runner, dataset } = options;
  const rest = modelBehind(parts, frontier, effects);
  const read = new Set(rest.graph.inputs.map(({ name }) => name));
  const setup: WholeSetup = {
    model: runner.share(rest),
    cached: cached.filter(({ name }) => read.has(name)),
    affine: effects.affine,
    kept: keptInput,
    output: payoff.output,
    payoff: payoff.kind,
    outputIs: payoff.outputIs,
    targets: inSharedMemory(payoff.targets),
    players,
    examples: dataset.size,
    rowsPerRun: rowsPerRun(effects.affine),
  };
  return {
    players,
    examples: dataset.size,
    method: "added",
    silent: silentPlayers(effects.affine, players, dataset.size),
    means: async (masks, call) => {
      const job = { kind: "coalitions", tail: setup, masks } as const;
      const sums = (await runner.pool.run(job, { signal: call?.signal })) as Float64Array;
      return sums.map((sum) => sum / dataset.size);
    },
  };
}

const keptInput = "coalitions:kept";

function rowsPerRun(affine: readonly AffineValue[]): number {
  const bytes = affine.reduce((sum, { size }) => sum + 4 * size, 0);
  return 2 ** Math.floor(Math.log2(Math.min(4096, Math.max(16, runBytes / bytes))));
}

/** Runs what is affine for no channel and for each channel alone. Undefined where that cannot serve. */
async function effectsOf(
  options: NetworkGameOptions,
  parts: Tail,
  cached: readonly Cached[],
  frontier: readonly string[],
  players: number,
): Promise<Effects | undefined> {
  const { dataset, runner, memory = freemem() / 2, signal, onCached } = options;
  if (frontier.length === 0) return undefined;
  const front = extract(parts.tail, parts.facts, [], frontier);
  const model = runner.share(front);
  const run = async (example: number) => {
    const feeds = { ...maskFeeds(options, players), ...repeatedValues(cached, front, example, players + 1) };
    return (await runner.pool.run({ kind: "forward", model, feeds }, { signal })) as Readonly<
      Record<string, Tensor>
    >;
  };
  const first = await run(0);
  const isUsable = frontier.every(
    (name) => first[name]!.dtype === "float32" && first[name]!.shape[0] === players + 1,
  );
  const shapes = frontier.map((name) => first[name]!.shape.slice(1));
  const elements = shapes.reduce((sum, shape) => sum + sizeOf(shape), 0);
  if (!isUsable || 4 * dataset.size * (players + 1) * elements > memory) return undefined;
  const affine = frontier.map((name, k): AffineValue => {
    const size = sizeOf(shapes[k]!);
    const data = new Float32Array(new SharedArrayBuffer(4 * dataset.size * (players + 1) * size));
    return { base: `${name}:base`, parts: `${name}:parts`, size, data };
  });
  let example = 0;
  for await (const outputs of mapInOrder(range(dataset.size), run, 2 * runner.workers)) {
    for (const [k, name] of frontier.entries())
      storeEffects(outputs[name]!.data as Float32Array, affine[k]!, players, example);
    example++;
    onCached?.(example, dataset.size);
  }
  return { affine, shapes };
}

/** From values with single channels to what these add. */
function storeEffects(
  values: Float32Array,
  { size, data }: AffineValue,
  players: number,
  example: number,
): void {
  const start = example * (players + 1) * size;
  for (let k = 0; k < size; k++) data[start + k] = values[k]!;
  for (let at = size; at < (players + 1) * size; at++) data[start + at] = values[at]! - values[at % size]!;
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
  for (const { name, dtype, shape, data } of cached) {
    if (!read.has(name)) continue;
    const size = sizeOf(shape);
    const batch = new arrayTypes[dtype](rows * size) as TypedArray;
    for (let row = 0; row < rows; row++)
      batch.set(data.subarray(example * size, (example + 1) * size) as never, row * size);
    feeds[name] = { dtype, shape: [rows, ...shape], data: batch };
  }
  return feeds;
}

/** Channels that add nothing on any example. */
function silentPlayers(affine: readonly AffineValue[], players: number, examples: number): number[] {
  return Array.from({ length: players }, (_, player) => player).filter((player) =>
    affine.every(({ size, data }) => {
      for (let example = 0; example < examples; example++) {
        const start = (example * (players + 1) + player + 1) * size;
        for (let k = start; k < start + size; k++) if (data[k] !== 0) return false;
      }
      return true;
    }),
  );
}

/** The tail from the affine values on: each is base + kept · parts, in its own shape. */
function modelBehind({ tail, facts }: Tail, frontier: readonly string[], { affine, shapes }: Effects): Model {
  const { graph } = tail;
  const nodes: Node[] = [];
  const initializers = new Map(graph.initializers);
  const kept: ValueInfo = { name: keptInput, dtype: "float32", shape: ["coalitions", "varied"] };
  const inputs: ValueInfo[] = [...graph.inputs, kept];
  frontier.forEach((name, k) => {
    const { base, parts, size } = affine[k]!;
    inputs.push({ name: base, dtype: "float32", shape: [1, size] });
    inputs.push({ name: parts, dtype: "float32", shape: ["varied", size] });
    initializers.set(`${name}:shape`, stored(int64([shapes[k]!.length + 1], [-1, ...shapes[k]!])));
    nodes.push(node("Gemm", [keptInput, parts, base], `${name}:flat`));
    nodes.push(node("Reshape", [`${name}:flat`, `${name}:shape`], name));
  });
  const made = new Set(frontier);
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
