/** @file Reference networks ready to be trained on made-up images. */

import { buildNetwork, networkNamed } from "../../src/networks/index.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { sizeOf } from "../../src/tensor/tensor.ts";
import type { Shard } from "../../src/training/stepper.ts";
import { type TrainingGraph, trainingGraph } from "../../src/training/training-graph.ts";

export function graphOf(network: string): TrainingGraph {
  const loss = { kind: "cross-entropy", output: "logits", outputIs: "logits" } as const;
  return trainingGraph(buildNetwork(network, { seed: 1 }), { loss });
}

/** Batches of `batch` examples, cut into shards. What the pixels are has no influence on the time; they are drawn once. */
export function batchesFor(
  network: string,
  graph: TrainingGraph,
  batch: number,
): (shardSize: number) => Shard[] {
  const { inputShape, classes } = networkNamed(network);
  const size = sizeOf(inputShape);
  const pixels = Float32Array.from({ length: batch * size }, (_, k) => 2 * Math.sin(k * k));
  const labels = BigInt64Array.from({ length: batch }, (_, k) => BigInt(k % classes));
  return (shardSize) =>
    Array.from({ length: Math.ceil(batch / shardSize) }, (_, k) => {
      const [from, to] = [k * shardSize, Math.min(batch, (k + 1) * shardSize)];
      const examples = to - from;
      const input: Tensor = {
        dtype: "float32",
        shape: [examples, ...inputShape],
        data: pixels.slice(from * size, to * size),
      };
      const targets: Tensor = { dtype: "int64", shape: [examples], data: labels.slice(from, to) };
      return { examples, feeds: { input, [graph.lossInputs.targets!]: targets } };
    });
}
