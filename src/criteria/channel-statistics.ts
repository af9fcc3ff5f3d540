/**
 * @file What channels do on examples, measured where their consumers read them: after normalisation and activation.
 *
 * The means over positions are taken inside the graph, so that only two numbers per example and channel come back.
 */
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { batches } from "../datasets/split.ts";
import type { Engine, Session, SessionOptions } from "../engine/engine.ts";
import type { Model, Node, StoredTensor, ValueInfo } from "../graph/model.ts";
import { stored } from "../graph/model.ts";
import { extract } from "../passes/extract.ts";
import { int64, type Tensor, toNumbers } from "../tensor/tensor.ts";

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
    const session = await engine.open(probedModel(analysis, probes), options.session);
    try {
      for (const indices of batches(dataset.size, { size: batchSize })) {
        signal?.throwIfAborted();
        await addBatch(session, dataset, indices, analysis, probes, totals);
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

function outputsOf(probe: number): { readonly absolute: string; readonly nonZero: string } {
  return { absolute: `statistics_${probe}_absolute`, nonZero: `statistics_${probe}_non_zero` };
}

const floatCode = 1; // as ONNX numbers element types
const boolCode = 9;

interface Draft {
  readonly opset: number;
  readonly nodes: Node[];
  readonly initializers: Map<string, StoredTensor>;
}

/** The model up to the probes, with the mean of |x| and of x ≠ 0 per example and channel as its outputs. */
function probedModel({ model, facts }: ChannelAnalysis, probes: readonly Probe[]): Model {
  const values = [...new Set(probes.map(({ value }) => value))];
  const part = extract(model, facts, [], values);
  const draft: Draft = {
    opset: model.opsets.get("") ?? 1,
    nodes: [...part.graph.nodes],
    initializers: new Map(part.graph.initializers),
  };
  const outputs: ValueInfo[] = [];
  probes.forEach(({ value, axis }, k) => {
    const { absolute, nonZero } = outputsOf(k);
    const rank = facts.get(value)!.shape!.length;
    const axes = Array.from({ length: rank }, (_, at) => at).filter((at) => at !== 0 && at !== axis);
    // 16-bit floats would overflow in the sums
    add(draft, "Cast", [value], `${absolute}_float`, { to: floatCode });
    add(draft, "Abs", [`${absolute}_float`], `${absolute}_all`);
    addMean(draft, `${absolute}_all`, absolute, axes);
    add(draft, "Cast", [`${absolute}_float`], `${nonZero}_bool`, { to: boolCode });
    add(draft, "Cast", [`${nonZero}_bool`], `${nonZero}_all`, { to: floatCode });
    addMean(draft, `${nonZero}_all`, nonZero, axes);
    for (const name of [absolute, nonZero]) outputs.push({ name, dtype: "float32" });
  });
  return {
    ...part,
    graph: { ...part.graph, nodes: draft.nodes, initializers: draft.initializers, outputs },
  };
}

/** From operator set 18 on the axes are an input. */
function addMean(draft: Draft, from: string, to: string, axes: readonly number[]): void {
  if (axes.length === 0) add(draft, "Identity", [from], to);
  else if (draft.opset < 18) add(draft, "ReduceMean", [from], to, { axes, keepdims: 0 });
  else {
    draft.initializers.set(`${to}_axes`, stored(int64([axes.length], axes)));
    add(draft, "ReduceMean", [from, `${to}_axes`], to, { keepdims: 0 });
  }
}

function add(
  { nodes }: Draft,
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
): void {
  const entries = Object.entries(attributes).map(([name, value]) => {
    const attribute =
      typeof value === "number" ? ({ kind: "int", value } as const) : ({ kind: "ints", value } as const);
    return [name, attribute] as const;
  });
  nodes.push({ name: output, opType, domain: "", inputs, outputs: [output], attributes: new Map(entries) });
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

async function addBatch(
  session: Session,
  dataset: Dataset,
  indices: Uint32Array,
  analysis: ChannelAnalysis,
  probes: readonly Probe[],
  totals: readonly (Totals | undefined)[],
): Promise<void> {
  const results = await session.run(dataset.batch(indices));
  probes.forEach((probe, k) => {
    const { absolute, nonZero } = outputsOf(k);
    addProbe(analysis, probe, results[absolute]!, results[nonZero]!, totals);
  });
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
