/**
 * @file What channels do on examples, measured where their consumers read them: after normalisation and activation.
 *
 * The means over positions are taken inside the graph, so that only two numbers per example and channel come back.
 */
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { batches } from "../datasets/split.ts";
import type { Engine, SessionOptions } from "../engine/engine.ts";
import { type Emitter, emitterFor } from "../graph/emitter.ts";
import type { Model } from "../graph/model.ts";
import { codeOf } from "../onnx/element-types.ts";
import { withinOf } from "../ops/label-blocks.ts";
import { extract } from "../passes/extract.ts";
import { type Tensor, toNumbers } from "../tensor/tensor.ts";

/** Means over examples, positions and the places where the channels of one group are read. Shape [channels] each. */
export interface ChannelStatistics {
  readonly meanAbsolute: Float64Array;
  /** Share of values that are not zero. */
  readonly nonZero: Float64Array;
}

export interface StatisticsOptions {
  readonly analysis: ChannelAnalysis;
  /** Indexes into `analysis.groups`. */
  readonly groups: readonly number[];
  readonly engine: Engine;
  /** Bound to the model's inputs. */
  readonly dataset: Dataset;
  /** Examples per run. Default 64. */
  readonly batchSize?: number | undefined;
  readonly session?: SessionOptions | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A place where channels are read. */
interface Probe {
  readonly value: string;
  readonly axis: number;
}

/**
 * Runs the examples through the part of the model that computes what the groups' consumers read. A channel that is read
 * in several places, or sits on several positions of an axis (behind a Flatten), gets the mean over all of them.
 * @returns Shape [analysis.groups.length]; undefined for groups not asked for.
 * @throws {PrunerError} What the engine throws, and the signal's reason when aborted.
 */
export async function channelStatistics(
  options: StatisticsOptions,
): Promise<(ChannelStatistics | undefined)[]> {
  const { analysis, groups, engine, dataset, batchSize = 64, signal } = options;
  const probes = probesOf(analysis, groups);
  const wanted = new Set(groups);
  const totals = analysis.groups.map(({ channels }, group) =>
    wanted.has(group) ? newTotals(channels) : undefined,
  );
  if (probes.length > 0) {
    const [model, means] = probedModel(analysis, probes);
    const session = await engine.open(model, options.session);
    try {
      for (const indices of batches(dataset.size, { size: batchSize })) {
        signal?.throwIfAborted();
        const results = await session.run(dataset.batch(indices));
        probes.forEach((probe, k) => {
          const { absolute, nonZero } = means[k]!;
          addProbe(analysis, probe, results[absolute]!, results[nonZero]!, totals);
        });
      }
    } finally {
      await session.close();
    }
  }
  return totals.map((own) => own && meansOf(own));
}

function probesOf({ groups: all }: ChannelAnalysis, groups: readonly number[]): Probe[] {
  const probes = new Map<string, Probe>();
  for (const group of groups)
    for (const { value, axis } of all[group]!.reads) probes.set(`${value}\n${axis}`, { value, axis });
  return [...probes.values()];
}

/** Outputs of one probe: the means of |x| and of x ≠ 0. */
interface Means {
  readonly absolute: string;
  readonly nonZero: string;
}

/** The model up to the probes, with the mean of |x| and of x ≠ 0 per example and channel as its outputs. */
function probedModel(
  { model, facts, labelling }: ChannelAnalysis,
  probes: readonly Probe[],
): [Model, Means[]] {
  const part = extract(model, facts, [], [...new Set(probes.map(({ value }) => value))]);
  const opset = model.opsets.get("") ?? 1;
  const emit = emitterFor(part.graph, "statistics_");
  const means = probes.map(({ value, axis }): Means => {
    const rank = facts.get(value)!.shape!.length;
    const block = labelling.blocks.get(value)!.find((one) => one.axes[0] === axis)!;
    const outer = withinOf(block, 0)?.outer;
    const sizes = outer === undefined ? undefined : [outer as number, block.labels.length, -1]; // on the last axis
    const own = axis + (sizes === undefined ? 0 : 1);
    const length = rank + (sizes === undefined ? 0 : 2);
    const axes = Array.from({ length }, (_, at) => at).filter((at) => at !== 0 && at !== own);
    const to = (dtype: "float32" | "bool") => ({ to: codeOf(dtype) });
    const whole = emit.node("Cast", [value], to("float32")); // 16-bit floats would overflow in the sums
    const target = sizes && emit.ints([...new Array<number>(axis).fill(0), ...sizes]);
    const x = target === undefined ? whole : emit.node("Reshape", [whole, target]);
    const isNonZero = emit.node("Cast", [emit.node("Cast", [x], to("bool"))], to("float32"));
    return {
      absolute: meanOver(emit, opset, emit.node("Abs", [x]), axes),
      nonZero: meanOver(emit, opset, isNonZero, axes),
    };
  });
  const names = means.flatMap(({ absolute, nonZero }) => [absolute, nonZero]);
  const graph = {
    ...part.graph,
    nodes: [...part.graph.nodes, ...emit.nodes],
    initializers: new Map([...part.graph.initializers, ...emit.initializers]),
    outputs: names.map((name) => ({ name, dtype: "float32" as const })),
  };
  return [{ ...part, graph }, means];
}

/** From operator set 18 on the axes are an input. */
function meanOver(emit: Emitter, opset: number, from: string, axes: readonly number[]): string {
  if (axes.length === 0) return from;
  if (opset < 18) return emit.node("ReduceMean", [from], { axes, keepdims: 0 });
  return emit.node("ReduceMean", [from, emit.ints(axes)], { keepdims: 0 });
}

/** Sums over examples, positions and places, and how many went into each. Shape [channels] each. */
interface Totals {
  readonly absolute: Float64Array;
  readonly nonZero: Float64Array;
  readonly count: Float64Array;
}

function newTotals(channels: number): Totals {
  return {
    absolute: new Float64Array(channels),
    nonZero: new Float64Array(channels),
    count: new Float64Array(channels),
  };
}

/** Adds results of shape [examples, positions], or [positions] where the channels lie on the first axis. */
function addProbe(
  { labelling, placeOf }: ChannelAnalysis,
  { value, axis }: Probe,
  absolute: Tensor,
  nonZero: Tensor,
  totals: readonly (Totals | undefined)[],
): void {
  const { labels } = labelling.blocks.get(value)!.find(({ axes }) => axes[0] === axis)!;
  const [means, shares] = [toNumbers(absolute), toNumbers(nonZero)];
  const places = Array.from(labels, placeOf);
  for (let k = 0; k < means.length; k++) {
    const place = places[k % places.length];
    const own = place === undefined ? undefined : totals[place.group];
    if (own === undefined) continue;
    own.absolute[place!.channel]! += means[k]!;
    own.nonZero[place!.channel]! += shares[k]!;
    own.count[place!.channel]! += 1;
  }
}

/** A channel that nobody reads has no influence, hence zero. */
function meansOf({ absolute, nonZero, count }: Totals): ChannelStatistics {
  return {
    meanAbsolute: absolute.map((total, channel) => total / Math.max(1, count[channel]!)),
    nonZero: nonZero.map((total, channel) => total / Math.max(1, count[channel]!)),
  };
}
