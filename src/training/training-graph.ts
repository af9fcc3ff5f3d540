/** @file The graph of one training step: forward, loss, gradients, batch statistics; parameters are its inputs. */
import { PrunerError } from "../base/problem.ts";
import { type BatchStatistics, useBatchStatistics } from "../gradients/batch-statistics.ts";
import { differentiate } from "../gradients/differentiate.ts";
import type { Model, ValueInfo } from "../graph/model.ts";
import { addLoss } from "../losses/add-loss.ts";
import type { Penalty } from "../losses/penalties.ts";
import type { LossInputs, LossSpec } from "../losses/spec.ts";
import { inferFacts } from "../ops/infer.ts";
import { dropDeadNodes } from "../passes/drop-dead-nodes.ts";
import { liftConstants } from "../passes/lift-constants.ts";
import { openBatch } from "../passes/open-batch.ts";
import { raiseOpset } from "../passes/raise-opset.ts";
import { toFloat32 } from "../passes/to-float32.ts";
import { sizeOf } from "../tensor/tensor.ts";
import type { FloatLayout } from "../valuation/jobs.ts";
import { type Dropped, dropAtRandom } from "./dropout.ts";
import { trainableParameters } from "./parameters.ts";

export interface TrainingGraphOptions {
  readonly loss: LossSpec;
  readonly penalties?: readonly Penalty[] | undefined;
  /** Parameters that stay as they are. */
  readonly freeze?: ((name: string) => boolean) | undefined;
  /** "batch" normalises by batch statistics and re-estimates the running ones; "running" keeps those of the model. */
  readonly norm?: "batch" | "running" | undefined;
  /** Operators without a gradient rule that are taken for constant. */
  readonly constantOperators?: readonly string[] | undefined;
}

export interface TrainingGraph {
  /** Inputs: those of the network, those of the loss, the masks of `dropped`, and one per parameter. */
  readonly model: Model;
  /** The network in single precision and with an open batch, as it is trained: parameters are found in it by name. */
  readonly network: Model;
  /** Scalars, by name of the output: the loss and the penalties it contains. */
  readonly loss: string;
  readonly penalties: ReadonlyMap<string, string>;
  readonly lossInputs: LossInputs;
  readonly parameters: FloatLayout;
  /** Gradients lie where their parameters lie, under the names of the graph's outputs. */
  readonly gradients: FloatLayout;
  readonly statistics: readonly BatchStatistics[];
  readonly dropped: readonly Dropped[];
}

/**
 * Builds the step.
 * @throws {PrunerError} `nothing-to-train`, `no-gradient`, and what the loss and the opening of a fixed batch throw.
 */
export function trainingGraph(model: Model, options: TrainingGraphOptions): TrainingGraph {
  const network = raiseOpset(toFloat32(liftConstants(openBatch(model))));
  const trainable = trainableParameters(network.graph, options.freeze);
  const shapeOf = (name: string) => network.graph.initializers.get(name)!.shape;
  const dropped = dropAtRandom(network);
  const normed =
    options.norm === "running"
      ? { model: dropped.model, composites: [], statistics: [] }
      : useBatchStatistics(dropped.model);
  const lossy = addLoss(normed.model, inferFacts(normed.model), options.loss, {
    penalties: options.penalties,
    parameters: new Map(trainable.map((name) => [name, { shape: shapeOf(name), dtype: "float32" }])),
  });
  const { model: both, gradientOf } = differentiate(lossy.model, {
    of: lossy.loss,
    wrt: trainable,
    constantOperators: options.constantOperators,
    composites: normed.composites,
  });
  const trained = trainable.filter((name) => gradientOf.has(name));
  if (trained.length === 0)
    throw new PrunerError("nothing-to-train", { constants: network.graph.initializers.size });
  const { penalties } = lossy;
  const outputs: ValueInfo[] = [
    { name: lossy.loss },
    ...[...penalties.values()].map((name) => ({ name })),
    ...normed.statistics.flatMap(({ mean, variance }) => [{ name: mean }, { name: variance }]),
    ...trained.map((name) => ({ name: gradientOf.get(name)! })),
  ];
  const inputs = trained.map((name): ValueInfo => ({ name, dtype: "float32", shape: shapeOf(name) }));
  const constants = new Map(both.graph.initializers);
  for (const name of trained) constants.delete(name);
  return {
    model: dropDeadNodes(
      {
        ...both,
        graph: {
          ...both.graph,
          inputs: [...both.graph.inputs, ...inputs],
          outputs: unique(outputs),
          initializers: constants,
          valueInfo: new Map(),
        },
      },
      network,
    ),
    network,
    loss: lossy.loss,
    penalties,
    lossInputs: lossy.inputs,
    parameters: layoutOf(trained, (name) => name, shapeOf),
    gradients: layoutOf(trained, (name) => gradientOf.get(name)!, shapeOf),
    statistics: normed.statistics,
    dropped: dropped.dropped,
  };
}

function unique(outputs: readonly ValueInfo[]): ValueInfo[] {
  return [...new Map(outputs.map((output) => [output.name, output])).values()];
}

function layoutOf(
  names: readonly string[],
  nameOf: (name: string) => string,
  shapeOf: (name: string) => readonly number[],
): FloatLayout {
  let size = 0;
  const entries = names.map((name) => {
    const entry = { name: nameOf(name), shape: shapeOf(name), offset: size };
    size += sizeOf(entry.shape);
    return entry;
  });
  return { entries, size };
}
