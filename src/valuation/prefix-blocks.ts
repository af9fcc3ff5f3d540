/** @file How many examples the part of a network in front of the masks is run on at a time. */
import type { Model } from "../graph/model.ts";
import { sizeOf } from "../tensor/tensor.ts";
import { macsOf } from "./macs.ts";

/** Multiply-accumulates that a run should have at least, so that starting it does not count. */
const fewestMacs = 4e6;
/** Multiply-accumulates that a weight should serve each time it is fetched. */
const macsPerWeight = 8;
const largestBlock = 64;

/**
 * Examples in one run of the prefix. Examples are always run in the same company, block by block in the order of the
 * data set: some kernels round differently in batches of another size, and a value that is computed again must have the
 * same bytes. Small blocks waste little where one example is wanted alone; they are about as large as a run needs to be worth
 * its start and the way of its weights through memory. By sizes of the network alone.
 */
export function blockOf(prefix: Model): number {
  const macs = Math.max(1, macsOf(prefix));
  let weights = 0;
  for (const { shape } of prefix.graph.initializers.values()) weights += sizeOf(shape);
  const wanted = Math.max(fewestMacs / macs, (macsPerWeight * weights) / macs);
  return Math.min(largestBlock, 2 ** Math.round(Math.log2(Math.max(1, wanted))));
}
