/**
 * @file Repair without training: wins back what a pruned network lost, from calibration examples without labels.
 *
 * Normalisations and layers are taken in graph order. Each layer is held against the original network while it reads what
 * the pruned one gives it, everything before it repaired already, so that it also makes up for drift from further back.
 */
import type { ChannelAnalysis } from "../channels/groups.ts";
import { keptAxes } from "../channels/kept.ts";
import type { KeepMasks } from "../channels/plan.ts";
import type { Dataset } from "../datasets/index.ts";
import { type Model, nodeLabel } from "../graph/model.ts";
import { inferFacts } from "../ops/infer.ts";
import { openBatch } from "../passes/open-batch.ts";
import type { Runner } from "../valuation/runner.ts";
import { calibrationBatches } from "./batches.ts";
import { draftOf } from "./draft.ts";
import { batchSymbol } from "./layers.ts";
import { type LayerStep, type Step, stepsOf } from "./plan.ts";
import type { LayerRepair } from "./records.ts";
import { refitLayer } from "./refit.ts";
import { renewStatistics } from "./renew-statistics.ts";
import { type Bench, wantedValues } from "./wanted.ts";

/** Ways to repair; see {@link repair}. */
export const repairMethods = ["statistics", "bias", "weights"] as const;
export type RepairMethod = (typeof repairMethods)[number];

export interface RepairOptions {
  readonly runner: Runner;
  /** The original network. */
  readonly analysis: ChannelAnalysis;
  /** What was kept of it. */
  readonly masks: KeepMasks;
  /** The network that is left, its weights as cut or trained since. */
  readonly pruned: Model;
  /** Examples to calibrate on, bound to the model's inputs; labels are not read. */
  readonly dataset: Dataset;
  /** Default all. */
  readonly methods?: readonly RepairMethod[] | undefined;
  /** Draws the held-out examples and the positions that are looked at. Default 0. */
  readonly seed?: number | undefined;
  /** Examples per run. Default 64. */
  readonly batchSize?: number | undefined;
  /** Positions of a layer's output that are looked at, per example. Default 32. */
  readonly rows?: number | undefined;
  /** Most inputs times kernel positions that are refitted together; of larger kernels some positions stay as they are. Default 1200. */
  readonly maxFeatures?: number | undefined;
  /** Bytes for what the original network computes on the sampled positions. Default 256 MiB. */
  readonly memory?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each normalisation and layer. */
  readonly onProgress?: ((done: number, total: number, node: string) => void) | undefined;
}

export interface RepairResult {
  readonly model: Model;
  /** In graph order. */
  readonly layers: readonly LayerRepair[];
}

/**
 * Repairs a pruned network. With "statistics", batch normalisations get mean and variance of what they read now. With
 * "bias", layers make up for the mean of what they lack; with "weights", for what a linear map of their inputs can. The
 * outcome is the same for any number of workers.
 * @throws {PrunerError} `calibration-too-small`, `activation-not-finite`, and what the engine throws; the signal's reason
 *   when aborted.
 * @example const { model, layers } = await repair({ runner, analysis, masks, pruned, dataset });
 */
export async function repair(options: RepairOptions): Promise<RepairResult> {
  const { analysis, masks, pruned, dataset, signal, onProgress } = options;
  const { methods = repairMethods, maxFeatures = 1200 } = options;
  const weights = methods.includes("weights");
  const bench = benchOf(options);
  const draft = draftOf(pruned);
  const graph = pruned.graph;
  const facts = inferFacts(openBatch(pruned), { inputShapes: shapesOf(dataset) });
  const scene = {
    graph,
    facts,
    originalFacts: bench.originalFacts,
    kept: keptAxes(analysis, masks).positions,
    reads: analysis.labelling.reads,
    draft,
  };
  const steps = stepsOf(scene, {
    statistics: methods.includes("statistics") ? (weights ? "unless-refitted" : "all") : "none",
    layers: weights || methods.includes("bias"),
  });
  const wanted = wantedValues(
    bench,
    steps.filter((step): step is LayerStep => step.kind === "layer"),
  );
  const layers: LayerRepair[] = [];
  const take = async (step: Step): Promise<LayerRepair> => {
    if (step.kind === "statistics") return renewStatistics(bench, draft, facts, step.node);
    if (step.kind === "layer") {
      const next = await wanted.next();
      return refitLayer(bench, draft, facts, step, next.value!, { weights, maxFeatures });
    }
    return { node: nodeLabel(step.node), kind: step.node.opType, accepted: false, reason: step.reason };
  };
  for (const step of steps) {
    signal?.throwIfAborted();
    const done = await take(step);
    layers.push(done);
    onProgress?.(layers.length, steps.length, done.node);
  }
  return { model: draft.model(), layers };
}

function benchOf(options: RepairOptions): Bench {
  const {
    runner,
    analysis,
    dataset,
    seed = 0,
    batchSize = 64,
    rows = 32,
    memory = 2 ** 28,
    signal,
  } = options;
  const original = openBatch(analysis.model);
  const originalFacts = inferFacts(original, { inputShapes: shapesOf(dataset) });
  const batches = calibrationBatches(dataset, seed, batchSize);
  return { runner, dataset, batches, original, originalFacts, seed, rows, memory, signal };
}

/** Shapes of the inputs as the data give them, the batch left open. */
function shapesOf({ inputs }: Dataset): Map<string, (string | number)[]> {
  return new Map([...inputs].map(([name, { feed }]) => [name, [batchSymbol, ...feed.shape]]));
}
