/** @file Several pieces of work at once, results in the order of the pieces. */

/**
 * Runs `work` on every item, up to `ahead` of them at the same time, and yields the results in item order, whatever
 * finishes first. Leaving the loop starts no further work.
 * @throws What `work` throws, at the place of its item.
 * @example for await (const part of mapInOrder(batches, run, 4)) total += part;
 */
export async function* mapInOrder<T, R>(
  items: Iterable<T>,
  work: (item: T) => Promise<R>,
  ahead: number,
): AsyncGenerator<R, void, undefined> {
  const waiting: Promise<R>[] = [];
  for (const item of items) {
    const result = work(item);
    result.catch(() => undefined); // awaited in order below; an earlier failure must not leave this one unhandled
    waiting.push(result);
    if (waiting.length >= ahead) yield await waiting.shift()!;
  }
  while (waiting.length > 0) yield await waiting.shift()!;
}
