/**
 * @file What a small change of a channel does to the payoff of each example: derivatives with respect to gates.
 *
 * A gate multiplies a channel where its consumers read it, as the masks of a game do. With one row of gates per
 * example a single backward pass gives the derivative of every example's payoff with respect to every gate.
 */
import { mapInOrder } from "../../base/map-in-order.ts";
import type { ChannelAnalysis } from "../../channels/groups.ts";
import { batches, type Dataset } from "../../datasets/index.ts";
import type { Engine, Session, SessionOptions } from "../../engine/engine.ts";
import { differentiable, feedsFor, modestBatch } from "../../gradients/differentiable.ts";
import { differentiate } from "../../gradients/differentiate.ts";
import { emitterFor } from "../../graph/emitter.ts";
import type { Model } from "../../graph/model.ts";
import { payoff as payoffOf } from "../../metrics/index.ts";
import { inferFacts } from "../../ops/infer.ts";
import { batchOf } from "../../passes/batch-places.ts";
import { extract } from "../../passes/extract.ts";
import { type Gate, insertGates, maskInputName } from "../../passes/insert-masks.ts";
import { float32, type Tensor, toNumbers } from "../../tensor/tensor.ts";
import { addPayoff, type PayoffGraph } from "../../valuation/payoff-graph.ts";
import { checkReads } from "../../valuation/tail.ts";
import type { PayoffSetup } from "../../valuation/targets.ts";

/**
 * One number per example and channel, from the channel's values z where its consumers read it (behind the gate) and
 * the payoff v of the example; sums run over positions and over the places where the channel is read:
 * - `derivative`: ∂v/∂gate, which is Σ z · ∂v/∂z where the gate is 1;
 * - `absolute-gradient`: Σ |∂v/∂z|;
 * - `absolute-product`: Σ |z · ∂v/∂z|.
 */
export type GateMeasure = "derivative" | "absolute-gradient" | "absolute-product";

export interface GateOptions {
  readonly analysis: ChannelAnalysis;
  /** Indexes of the groups whose channels have gates, in this order, side by side. */
  readonly groups: readonly number[];
  readonly engine: Engine;
  /** Bound to the model's inputs. */
  readonly dataset: Dataset;
  readonly payoff: PayoffSetup;
  /** Default `derivative`. */
  readonly measure?: GateMeasure | undefined;
  readonly session?: SessionOptions | undefined;
}

/** What some (gates, example) rows yield. */
export interface GateRows {
  /** Shape [rows]; which example each row is about. */
  readonly examples: Uint32Array;
  /** Shape [rows]; what the network with these gates is worth. */
  readonly payoffs: Float64Array;
  /** Shape [rows, gates], row-major. Zero for channels that the payoff does not depend on. */
  readonly values: Float32Array;
}

/** A network whose gates can be differentiated. */
export interface GatedNetwork {
  /** Gates of all groups together. */
  readonly gates: number;
  /** Rows that fit one run with modest memory; depends on the network alone. */
  readonly batchRows: number;
  /**
   * @param examples Shape [rows]; which example each row is about, repetitions allowed.
   * @param at Shape [rows, gates], row-major: where the derivatives are taken. Ones when left out.
   */
  rows(examples: Uint32Array, at?: ArrayLike<number>): Promise<GateRows>;
  close(): Promise<void>;
}

/** A network with gates, ready to be opened. */
interface Prepared {
  readonly model: Model;
  readonly payoff: PayoffGraph;
  /** Outputs with the numbers of gates, and how they reach the rows. */
  readonly parts: readonly Part[];
}

/** An output of shape [rows, size], element k of which counts for gate `gateAt[k]` (-1: none). */
interface Part {
  readonly output: string;
  readonly gateAt: Int32Array;
}

/**
 * Builds and opens the network that yields derivatives of gates.
 * @throws {PrunerError} `group-not-maskable`, `payoff-not-differentiable`, `no-gradient`, and what the engine throws.
 */
export async function openGates(options: GateOptions): Promise<GatedNetwork> {
  const { analysis, groups, engine, dataset } = options;
  const prepared = prepare(options);
  const gates = groups.reduce((sum, group) => sum + analysis.groups[group]!.channels, 0);
  const session = await engine.open(prepared.model, options.session);
  return {
    gates,
    batchRows: modestBatch(analysis),
    rows: async (examples, at) => {
      const feeds = {
        ...feedsFor(prepared.model, dataset.batch(examples)),
        ...prepared.payoff.targets(examples),
        ...gateFeeds(options, examples.length, gates, at),
      };
      return run(session, prepared, feeds, options, examples, gates);
    },
    close: () => session.close(),
  };
}

export interface GateGradientOptions extends GateOptions {
  /** Gates to differentiate at for the listed examples, shape [examples.length, gates]; ones when left out. */
  readonly at?: ((examples: Uint32Array) => ArrayLike<number>) | undefined;
  /** Rows per run; by default what fits modest memory. Equal batches give equal bytes. */
  readonly batchSize?: number | undefined;
  /** Runs under way at once. Default 1. */
  readonly ahead?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onBatch?: ((done: number, total: number) => void) | undefined;
}

/**
 * Goes over a data set once and yields its rows, batch by batch in the order of the examples, whatever runs first.
 * @throws {PrunerError} As {@link openGates}; the signal's reason when aborted.
 */
export async function* gateGradients(
  options: GateGradientOptions,
): AsyncGenerator<GateRows, void, undefined> {
  const { dataset, at, ahead = 1, signal, onBatch } = options;
  const network = await openGates(options);
  try {
    const size = options.batchSize ?? network.batchRows;
    const work = (examples: Uint32Array) => {
      signal?.throwIfAborted();
      return network.rows(examples, at?.(examples));
    };
    let done = 0;
    for await (const rows of mapInOrder(batches(dataset.size, { size }), work, ahead)) {
      done += rows.examples.length;
      onBatch?.(done, dataset.size);
      yield rows;
    }
  } finally {
    await network.close();
  }
}

function prepare(options: GateOptions): Prepared {
  const { analysis, groups, dataset, measure = "derivative" } = options;
  const batch = batchOf(analysis.model, analysis.facts);
  checkReads(analysis, groups);
  const masks = groups.map((group) => maskInputName(analysis.groups[group]!.id));
  const { model, gates } = insertGates(analysis, groups);
  const payoff = addPayoff(
    differentiable(withRows(model, masks, batch), dataset.batch([0])),
    options.payoff,
    dataset.size,
  );
  const { model: whole, parts } =
    measure === "derivative"
      ? maskParts(payoff, analysis, groups)
      : readParts(payoff, analysis, groups, gates, measure);
  const outputs = [options.payoff.output, ...new Set(parts.map(({ output }) => output))];
  return { model: extract(whole, new Map(), [], outputs), payoff, parts };
}

/** Masks with a row for each example. */
function withRows(model: Model, masks: readonly string[], batch: string | undefined): Model {
  const inputs = model.graph.inputs.map((input) =>
    masks.includes(input.name) ? { ...input, shape: [batch, input.shape![1]] } : input,
  );
  return { ...model, graph: { ...model.graph, inputs } };
}

type Parts = Pick<Prepared, "model" | "parts">;

/** Derivatives of the masks themselves. */
function maskParts(
  { model, payoffs }: PayoffGraph,
  analysis: ChannelAnalysis,
  groups: readonly number[],
): Parts {
  const masks = groups.map((group) => maskInputName(analysis.groups[group]!.id));
  const gradients = differentiate(model, { of: payoffs, wrt: masks });
  const starts = firstGates(analysis, groups);
  const parts = groups.flatMap((group, k): Part[] => {
    const output = gradients.gradientOf.get(masks[k]!);
    if (output === undefined) return [];
    const first = starts.get(group)!;
    return [
      { output, gateAt: Int32Array.from({ length: analysis.groups[group]!.channels }, (_, c) => first + c) },
    ];
  });
  return { model: gradients.model, parts };
}

/** Sums of absolute values over the positions of every read. */
function readParts(
  { model, payoffs }: PayoffGraph,
  analysis: ChannelAnalysis,
  groups: readonly number[],
  gates: readonly Gate[],
  measure: Exclude<GateMeasure, "derivative">,
): Parts {
  const gradients = differentiate(model, { of: payoffs, wrt: gates.map(({ value }) => value) });
  const facts = inferFacts(model);
  const emit = emitterFor(gradients.model.graph, "gates/");
  const parts = gates.flatMap(({ value, axis: own, read }): Part[] => {
    const gradient = gradients.gradientOf.get(value);
    if (gradient === undefined) return [];
    const weighed = measure === "absolute-gradient" ? gradient : emit.node("Mul", [value, gradient]);
    const absolute = emit.node("Abs", [weighed]);
    const axes = facts.get(value)!.shape!.flatMap((_, axis) => (axis === 0 || axis === own ? [] : [axis]));
    const output =
      axes.length === 0 ? absolute : emit.node("ReduceSum", [absolute, emit.ints(axes)], { keepdims: 0 });
    return [{ output, gateAt: gatesOfRead(analysis, groups, read) }];
  });
  const { graph } = gradients.model;
  const nodes = [...graph.nodes, ...emit.nodes];
  const initializers = new Map([...graph.initializers, ...emit.initializers]);
  return { model: { ...gradients.model, graph: { ...graph, nodes, initializers } }, parts };
}

/** Number of each group's first gate. */
function firstGates(analysis: ChannelAnalysis, groups: readonly number[]): Map<number, number> {
  const starts = new Map<number, number>();
  let next = 0;
  for (const group of groups) {
    starts.set(group, next);
    next += analysis.groups[group]!.channels;
  }
  return starts;
}

function gatesOfRead(
  analysis: ChannelAnalysis,
  groups: readonly number[],
  { value, axis }: Gate["read"],
): Int32Array {
  const starts = firstGates(analysis, groups);
  const { labels } = analysis.labelling.blocks.get(value)!.find(({ axes }) => axes[0] === axis)!;
  return Int32Array.from(labels, (label) => {
    const place = analysis.placeOf(label);
    const first = place && starts.get(place.group);
    return first === undefined ? -1 : first + place!.channel;
  });
}

/** The gates of the rows, one input per group. */
function gateFeeds(
  { analysis, groups }: GateOptions,
  rows: number,
  gates: number,
  at: ArrayLike<number> | undefined,
): Record<string, Tensor> {
  if (at !== undefined && at.length !== rows * gates)
    throw new RangeError(`${at.length} gates are not ${rows} rows of ${gates}`);
  const feeds: Record<string, Tensor> = {};
  for (const [group, first] of firstGates(analysis, groups)) {
    const { id, channels } = analysis.groups[group]!;
    const own = new Float32Array(rows * channels).fill(1);
    if (at !== undefined)
      for (let k = 0; k < own.length; k++)
        own[k] = at[Math.floor(k / channels) * gates + first + (k % channels)]!;
    feeds[maskInputName(id)] = float32([rows, channels], own);
  }
  return feeds;
}

async function run(
  session: Session,
  { model, parts }: Prepared,
  feeds: Readonly<Record<string, Tensor>>,
  { payoff }: GateOptions,
  examples: Uint32Array,
  gates: number,
): Promise<GateRows> {
  const needed = new Set(model.graph.inputs.map(({ name }) => name));
  const results = await session.run(
    Object.fromEntries(Object.entries(feeds).filter(([name]) => needed.has(name))),
  );
  const output = results[payoff.output]!;
  const payoffs = payoffOf(payoff.kind, payoff).rows(
    toNumbers(output),
    output.shape[1] ?? 1,
    payoff.targets,
    new Float64Array(examples.length),
    examples,
  );
  const values = new Float32Array(examples.length * gates);
  for (const { output, gateAt } of parts) {
    const own = toNumbers(results[output]!);
    const size = gateAt.length;
    if (own.length !== examples.length * size)
      throw new Error(`"${output}" has ${own.length} elements for ${examples.length} rows of ${size}`);
    for (let k = 0; k < own.length; k++) {
      const gate = gateAt[k % size]!;
      if (gate >= 0) values[Math.floor(k / size) * gates + gate]! += own[k]!;
    }
  }
  return { examples, payoffs, values };
}
