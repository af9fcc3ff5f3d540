/** @file Gives a batch normalisation the statistics of what it reads now. */
import { type Node, nodeLabel } from "../graph/model.ts";
import type { Facts } from "../ops/infer.ts";
import { openBatch } from "../passes/open-batch.ts";
import { toNumbers } from "../tensor/tensor.ts";
import type { Draft } from "./draft.ts";
import type { LayerRepair } from "./records.ts";
import { runInOrder } from "./run-batches.ts";
import { addMoments, checkFinite, momentOutputs, momentsModel, noMoments } from "./statistics.ts";
import type { Bench } from "./wanted.ts";

/**
 * Measures mean and variance (of the population, as the operator's training mode does) of a normalisation's input over all
 * calibration examples, on the network as repaired so far, and stores them.
 * @throws {PrunerError} `activation-not-finite`.
 */
export async function renewStatistics(
  bench: Bench,
  draft: Draft,
  facts: Facts,
  before: Node,
): Promise<LayerRepair> {
  const { runner, dataset, batches, signal } = bench;
  const node = draft.nodeOf(before.outputs[0]!);
  const [mean, variance] = [draft.constant(node.inputs[3]!)!, draft.constant(node.inputs[4]!)!];
  const total = noMoments(mean.shape[0]!);
  await runInOrder(
    runner,
    momentsModel(openBatch(draft.model()), facts, node.inputs[0]!),
    batches,
    ({ examples }) => dataset.batch(examples),
    (outputs, { examples }) => {
      const [means, variances] = [outputs[momentOutputs.mean]!, outputs[momentOutputs.variance]!];
      addMoments(total, toNumbers(means), toNumbers(variances), examples.length);
    },
    signal,
  );
  const spread = total.squares.map((square) => square / total.count);
  checkFinite(node, total.mean);
  checkFinite(node, spread);
  draft.replace(node.outputs[0]!, 3, mean.shape, total.mean, mean);
  draft.replace(node.outputs[0]!, 4, variance.shape, spread, variance);
  return { node: nodeLabel(node), kind: node.opType, accepted: true };
}
