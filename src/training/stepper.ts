/** @file Runs training steps: shards of a batch on the threads, gradients added up in a fixed order. */
import { blockConvolutions } from "../passes/block-convolutions.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { sizeOf, toNumbers } from "../tensor/tensor.ts";
import { channelBlockOf } from "../valuation/channel-block.ts";
import type { ExchangeSetup, FloatLayout } from "../valuation/jobs.ts";
import type { Runner } from "../valuation/runner.ts";
import type { NamedArrays } from "./named-arrays.ts";
import type { TrainingGraph } from "./training-graph.ts";

/** Part of a batch, ready to be fed: every input of the training graph but its parameters. */
export interface Shard {
  readonly examples: number;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

export interface StepLoss {
  /** Mean over the examples of the batch, penalties included. */
  readonly loss: number;
  readonly penalties: Readonly<Record<string, number>>;
}

export interface Stepper {
  /** Trained parameters by name, in memory the threads read. Change them between steps only. */
  readonly parameters: NamedArrays;
  /** Mean gradients of the last step, by the names of the parameters. */
  readonly gradients: NamedArrays;
  /** Running mean and variance of the normalisations, by the names of the initializers. */
  readonly statistics: NamedArrays;
  /**
   * Computes gradients and moves the running statistics; the parameters stay. Each shard normalises by its own
   * statistics, as devices of a data-parallel run do, so results depend on how a batch is cut, not on who computes it.
   */
  run(shards: readonly Shard[]): Promise<StepLoss>;
}

/** Opens a training graph on the threads, with the parameters and statistics of its network. */
export function stepperFor(runner: Runner, graph: TrainingGraph): Stepper {
  const parameters = sharedFloats(graph.parameters.size);
  const sum = new Float32Array(graph.gradients.size);
  const parameterViews = viewsOf(graph.parameters, parameters, graph.parameters);
  const { initializers } = graph.network.graph;
  for (const [name, view] of parameterViews) view.set(toNumbers(initializers.get(name)!.load()));
  const statistics: NamedArrays = new Map();
  for (const { runningMean, runningVariance } of graph.statistics)
    for (const name of [runningMean, runningVariance])
      statistics.set(name, Float32Array.from(toNumbers(initializers.get(name)!.load())));
  let opened: Promise<ExchangeSetup> | undefined;
  const rooms: Float32Array[] = [];
  let version = 0;
  return {
    parameters: parameterViews,
    gradients: viewsOf(graph.gradients, sum, graph.parameters),
    statistics,
    async run(shards) {
      version++;
      opened ??= openOn(runner, graph);
      const setup = await opened;
      while (rooms.length < shards.length) rooms.push(sharedFloats(graph.gradients.size));
      const jobs = shards.map(({ feeds }, k) =>
        runner.pool.run(
          { kind: "exchange", setup, feeds, from: parameters, version, into: rooms[k]! },
          { transfer: transferable(feeds) },
        ),
      );
      const results = (await Promise.all(jobs)) as Readonly<Record<string, Tensor>>[];
      const total = shards.reduce((all, { examples }) => all + examples, 0);
      const shares = shards.map(({ examples }) => examples / total);
      addUp(rooms, shares, sum);
      moveStatistics(graph, statistics, shards, results, shares);
      const scalar = (name: string) =>
        results.reduce((mean, result, k) => mean + shares[k]! * toNumbers(result[name]!)[0]!, 0);
      return {
        loss: scalar(graph.loss),
        penalties: Object.fromEntries([...graph.penalties].map(([name, value]) => [name, scalar(value)])),
      };
    },
  };
}

async function openOn(
  runner: Runner,
  { model, parameters, gradients }: TrainingGraph,
): Promise<ExchangeSetup> {
  const blocked = blockConvolutions(model, await channelBlockOf(runner));
  return { model: runner.share(blocked), inputs: parameters, outputs: gradients };
}

function sharedFloats(size: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(4 * size));
}

/** Views by the names of `names`, which lie where `layout` says. */
function viewsOf(layout: FloatLayout, data: Float32Array, names: FloatLayout): NamedArrays {
  return new Map(
    layout.entries.map(({ offset, shape }, k) => [
      names.entries[k]!.name,
      data.subarray(offset, offset + sizeOf(shape)),
    ]),
  );
}

function transferable(feeds: Readonly<Record<string, Tensor>>): ArrayBuffer[] {
  const buffers = Object.values(feeds).map(({ data }) => data.buffer);
  return [...new Set(buffers)].filter((buffer) => buffer instanceof ArrayBuffer);
}

/** Weighted sum of the shards' gradients, always in the same order. */
function addUp(rooms: readonly Float32Array[], shares: readonly number[], sum: Float32Array): void {
  const [first] = rooms as [Float32Array];
  for (let k = 0; k < sum.length; k++) sum[k] = shares[0]! * first[k]!;
  for (let shard = 1; shard < shares.length; shard++) {
    const [room, share] = [rooms[shard]!, shares[shard]!];
    for (let k = 0; k < sum.length; k++) sum[k] = sum[k]! + share * room[k]!;
  }
}

/**
 * Running statistics follow the means over shards; variances are made unbiased (M / (M - 1)) first, as PyTorch does.
 * Where the file leaves the positions open the variance is taken as it is.
 */
function moveStatistics(
  graph: TrainingGraph,
  statistics: NamedArrays,
  shards: readonly Shard[],
  results: readonly Readonly<Record<string, Tensor>>[],
  shares: readonly number[],
): void {
  for (const { mean, variance, runningMean, runningVariance, momentum, positions } of graph.statistics) {
    const unbiased = shards.map(({ examples }) => {
      const count = positions === undefined ? Infinity : examples * positions;
      return count > 1 && count < Infinity ? count / (count - 1) : 1;
    });
    follow(statistics.get(runningMean)!, mean, momentum, (k) => shares[k]!, results);
    follow(statistics.get(runningVariance)!, variance, momentum, (k) => shares[k]! * unbiased[k]!, results);
  }
}

function follow(
  running: Float32Array,
  value: string,
  momentum: number,
  factorOf: (shard: number) => number,
  results: readonly Readonly<Record<string, Tensor>>[],
): void {
  const latest = new Float64Array(running.length);
  results.forEach((result, shard) => {
    const factor = factorOf(shard);
    const own = result[value]!.data as Float32Array;
    for (let c = 0; c < latest.length; c++) latest[c]! += factor * own[c]!;
  });
  for (let c = 0; c < running.length; c++) running[c] = momentum * running[c]! + (1 - momentum) * latest[c]!;
}
