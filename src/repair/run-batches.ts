/** @file Runs a model over batches in the worker threads and hands the results back in order. */
import type { Model } from "../graph/model.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Runner } from "../valuation/runner.ts";

export type Feeds = Readonly<Record<string, Tensor>>;

/**
 * Results come in the order of the items whatever thread computed them, so that sums over them are the same for any
 * number of workers.
 * @param feedsOf Called when there is room for another run.
 */
export async function runInOrder<T>(
  runner: Runner,
  model: Model,
  items: readonly T[],
  feedsOf: (item: T) => Feeds,
  receive: (outputs: Feeds, item: T) => void,
  signal?: AbortSignal,
): Promise<void> {
  const shared = runner.share(model);
  const waiting: { readonly result: Promise<unknown>; readonly item: T }[] = [];
  const settle = async (): Promise<void> => {
    const { result, item } = waiting.shift()!;
    receive((await result) as Feeds, item);
  };
  for (const item of items) {
    signal?.throwIfAborted();
    const result = runner.pool.run({ kind: "forward", model: shared, feeds: feedsOf(item) }, { signal });
    result.catch(() => undefined); // awaited in order; an earlier failure must not leave this one unhandled
    waiting.push({ result, item });
    if (waiting.length > 2 * runner.workers) await settle();
  }
  while (waiting.length > 0) await settle();
}
