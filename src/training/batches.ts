/** @file Which examples each step sees, and what the training graph is fed with them. */
import type { Dataset } from "../datasets/index.ts";
import { range, shuffle, stream } from "../math/random.ts";
import { float32, fromNumbers, sizeOf, type Tensor } from "../tensor/tensor.ts";
import { type Augmentation, augmentBatch, blackAfter } from "./augment/index.ts";
import { drawMask } from "./dropout.ts";
import type { Shard } from "./stepper.ts";
import type { TrainingGraph } from "./training-graph.ts";

/** Keeps draws for the order of examples and for dropout apart from all others of the seed. */
const purposes = { order: 12 * 2 ** 32, dropout: 13 * 2 ** 32 } as const;

/** What examples should come out as, one entry of `shape` each. */
export interface Targets {
  readonly values: Int32Array | Float32Array;
  readonly shape: readonly number[];
}

export interface BatchSource {
  readonly dataset: Dataset;
  readonly graph: TrainingGraph;
  readonly targets?: Targets | undefined;
  /** The teacher's outputs, where they are cached. */
  readonly teacher?: Targets | undefined;
  readonly augmentations: readonly Augmentation[];
  readonly batchSize: number;
  /** Examples a thread takes at a time; batch statistics go over so many. */
  readonly shardSize: number;
  readonly seed: number;
}

/** Steps in one pass. What is left over at the end of a pass is left out, unless it is all there is. */
export function stepsPerEpoch({ dataset, batchSize }: BatchSource): number {
  return Math.max(1, Math.floor(dataset.size / batchSize));
}

/** The shards of one step, ready to be fed. Orders and draws follow from seed, epoch and example alone. */
export function shardsOf(source: BatchSource, step: number): Shard[] {
  const perEpoch = stepsPerEpoch(source);
  const epoch = Math.floor(step / perEpoch);
  const order = orderOf(source, epoch);
  const first = (step % perEpoch) * source.batchSize;
  const examples = order.subarray(first, Math.min(order.length, first + source.batchSize));
  const count = Math.ceil(examples.length / source.shardSize);
  return Array.from({ length: count }, (_, k) => {
    const from = Math.floor((k * examples.length) / count);
    const to = Math.floor(((k + 1) * examples.length) / count);
    return shardOf(source, examples.slice(from, to), epoch, step * count + k);
  });
}

let lastOrder: { readonly key: string; readonly order: Uint32Array } | undefined;

/** The order of an epoch, kept until another one is asked for. */
function orderOf({ dataset, seed }: BatchSource, epoch: number): Uint32Array {
  const key = `${seed} ${epoch} ${dataset.size}`;
  if (lastOrder?.key !== key)
    lastOrder = { key, order: shuffle(range(dataset.size), stream(seed, epoch, purposes.order)) };
  return lastOrder.order;
}

function shardOf(source: BatchSource, examples: Uint32Array, epoch: number, place: number): Shard {
  const { dataset, graph, targets, teacher, augmentations, seed } = source;
  const feeds: Record<string, Tensor> = dataset.batch(examples);
  if (augmentations.length > 0) {
    for (const [name, input] of dataset.inputs) {
      const { data, shape } = feeds[name]!;
      const sizes = shape as [number, number, number, number];
      const black = blackAfter(input.affine, sizes[1]);
      augmentBatch(data as Float32Array, sizes, examples, augmentations, { seed, epoch, black });
    }
  }
  const { lossInputs, dropped } = graph;
  if (lossInputs.targets !== undefined) feeds[lossInputs.targets] = pick(targets!, examples);
  if (lossInputs.teacher !== undefined) feeds[lossInputs.teacher] = pick(teacher!, examples);
  dropped.forEach((drop, k) => {
    const random = stream(seed, place, purposes.dropout + k);
    feeds[drop.input] = drawMask(drop, examples.length, random);
  });
  return { examples: examples.length, feeds };
}

function pick({ values, shape }: Targets, examples: Uint32Array): Tensor {
  const size = sizeOf(shape);
  const picked = new Float64Array(examples.length * size);
  for (let k = 0; k < examples.length; k++)
    picked.set(values.subarray(examples[k]! * size, (examples[k]! + 1) * size), k * size);
  const sizes = [examples.length, ...shape];
  return values instanceof Int32Array
    ? fromNumbers("int64", sizes, picked)
    : float32(sizes, Float32Array.from(picked));
}
