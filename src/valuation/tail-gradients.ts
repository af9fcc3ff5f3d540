/** @file Derivatives of payoffs with respect to gates, by one backward pass through the part of the network behind them. */
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { GradientOptions } from "../games/game.ts";
import { differentiable, modestBatch } from "../gradients/differentiable.ts";
import { differentiate, type Gradients } from "../gradients/differentiate.ts";
import { thinnedGradients } from "../gradients/thin-rows.ts";
import type { Model } from "../graph/model.ts";
import { batchOf } from "../passes/batch-places.ts";
import { extract } from "../passes/extract.ts";
import type { DType } from "../tensor/dtype.ts";
import type { Pinned } from "../workers/protocol.ts";
import type { ActivationCache } from "./activations.ts";
import { runBytes } from "./cached.ts";
import { originOf, readingHalves } from "./halves.ts";
import type { GradientsSetup, TailSetup } from "./jobs.ts";
import { rowsPerBatch } from "./lay-out.ts";
import { macsAround, macsOf } from "./macs.ts";
import { addPayoff, type PayoffGraph } from "./payoff-graph.ts";
import type { TailPlan } from "./plan-effects.ts";
import type { Runner } from "./runner.ts";
import type { Tail } from "./tail.ts";
import type { PayoffSetup } from "./targets.ts";

/**
 * Multiply-accumulates of a forward and a backward pass, in forward passes: each product is paid for once more for its
 * input, and about as much again for everything between products.
 */
const passesOfGradient = 3;

/** Part of the rows that go backward, of those that may be left out. Measured: a third in trained networks; all where all matter alike. */
export const thinnedShare = 1 / 2;

/** Multiply-accumulates of a forward pass from which on leaving rows out saves more than it takes to choose them. */
const fewestMacsToThin = 1_000_000;

/**
 * Rows of one run at the most: more would not make it faster, and leave threads without work. Of cheap rows there are more,
 * as many as a modest batch has: starting a run of some dozens of operators takes as long as thousands of them.
 */
const usualBatch = 32;
const macsPerRun = 2 ** 24;

/** The backward pass of a tail, ready to be run. */
export interface TailGradients {
  readonly setup: GradientsSetup;
  /** The same with rows left out by chance; undefined where that saves nothing or cannot be done. */
  readonly thinned: GradientsSetup | undefined;
  readonly targets: PayoffGraph["targets"];
  readonly batchRows: number;
}

/**
 * @param planned What the tail reads, and the masks that become gates.
 * @param examples How many examples the payoff has targets for.
 * @throws {PrunerError} `payoff-not-differentiable`, `no-gradient`, `model-version`, `opset-not-raised`.
 */
export function tailGradients(
  runner: Runner,
  { model, facts }: ChannelAnalysis,
  parts: Tail,
  planned: TailPlan,
  payoff: PayoffSetup,
  examples: number,
): TailGradients {
  const sizes = Object.fromEntries(
    planned.cached.map((layout) => [originOf(layout), { shape: [1, ...layout.shape] }]),
  );
  const batch = batchOf(model, facts);
  const tail = differentiable(withMaskRows(parts.tail, planned, batch), sizes);
  const graph = addPayoff(tail, payoff, examples);
  const wrt = planned.masks.map(({ name }) => name);
  const of = graph.payoffs;
  const thinned =
    batch === undefined || macsOf(parts.tail) < fewestMacsToThin
      ? undefined
      : thinnedGradients(graph.model, { of, behind: payoff.output, wrt, batch });
  return {
    setup: setupOf(runner, planned, differentiate(graph.model, { of, wrt })),
    thinned: thinned && {
      ...setupOf(runner, planned, thinned, [thinned.kept]),
      thinning: { draws: thinned.draws, kept: thinned.kept },
    },
    targets: graph.targets,
    batchRows: Math.min(
      Math.max(usualBatch, Math.floor(macsPerRun / macsOf(parts.tail))),
      rowsPerBatch(runBytes(planned.cached)), // what the cache has room for at the least
      modestBatch({ model: parts.tail, facts: parts.facts }),
    ),
  };
}

function setupOf(
  runner: Runner,
  { masks, cached }: TailPlan,
  { model, gradientOf }: Gradients,
  besides: readonly string[] = [],
): GradientsSetup {
  const outputs = masks.map(({ name }) => gradientOf.get(name));
  const wished = [...outputs.flatMap((output) => output ?? []), ...besides];
  const backward = readingHalves(extract(model, new Map(), [], wished), cached);
  return {
    model: runner.share(backward),
    reads: backward.graph.inputs.map(({ name, dtype }) => ({ name, dtype: dtype as DType })),
    outputs,
  };
}

/** A row of gates for each example. */
function withMaskRows(model: Model, { masks }: TailPlan, batch: string | undefined): Model {
  const inputs = model.graph.inputs.map((input) => {
    const mask = masks.find(({ name }) => name === input.name);
    return mask === undefined ? input : { ...input, shape: [batch, mask.players] };
  });
  return { ...model, graph: { ...model.graph, inputs } };
}

/**
 * What a gradient costs, in rows of a game.
 * @param tail Multiply-accumulates behind the gates; @param row Those of a row. @param share Rows that are not left out.
 */
export function gradientRows(tail: number, row: number, share = 1): number {
  const passes = 1 + (passesOfGradient - 1) * share;
  return Math.max(1, Math.round((passes * tail + macsAround.gradient) / (row + macsAround.row)));
}

/** A backward pass that threads have been told of. */
interface KnownGradients extends TailGradients {
  readonly pinned: Pinned<GradientsSetup>;
  readonly pinnedThinned: Pinned<GradientsSetup> | undefined;
}

interface GradientPlay {
  readonly runner: Runner;
  readonly tail: Pinned<TailSetup>;
  readonly players: number;
  readonly cache: ActivationCache;
}

/** Derivatives of the rows, [rows, players], batch by batch: cut by nothing but their number. */
export async function playGradients(
  { runner, tail, players, cache }: GradientPlay,
  { setup: { outputs }, pinned, pinnedThinned, targets, batchRows }: KnownGradients,
  gates: Float32Array,
  examples: Uint32Array,
  { signal, draws }: GradientOptions = {},
): Promise<Float64Array> {
  const derivatives = new Float64Array(gates.length);
  if (outputs.every((output) => output === undefined)) return derivatives; // there is nothing to run
  const starts = Array.from({ length: Math.ceil(examples.length / batchRows) }, (_, k) => k * batchRows);
  await Promise.all(
    starts.map(async (start) => {
      const own = examples.slice(start, start + batchRows);
      const hold = await cache.hold(own);
      const entries = own.map((example) => hold.placeOf(example) ?? 0);
      const at = gates.slice(start * players, (start + own.length) * players);
      const feeds = { gates: at, entries, targets: targets(own) };
      const isThinned = draws !== undefined && pinnedThinned !== undefined;
      const how = isThinned
        ? { setup: pinnedThinned, draws: draws.slice(start, start + own.length) }
        : { setup: pinned };
      const job = { kind: "gradients", tail, ...how, ...feeds } as const;
      const transfer = [at.buffer, entries.buffer];
      const found = await runner.pool.run(job, { signal, transfer, onDone: hold.release, isShort: true });
      derivatives.set(found as Float64Array, start * players);
    }),
  );
  return derivatives;
}
