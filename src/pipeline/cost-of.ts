/** @file What a piece of work takes: time, and growth of memory. */

/** Milliseconds between two looks at memory. */
const every = 20;

export interface Cost {
  readonly seconds: number;
  /** By how much the highest look at resident memory, that of threads included, exceeded the first. */
  readonly memoryBytes: number;
}

/**
 * Does the work and notes what it took. Memory that earlier work of this process has left to be used again does not
 * count as growth, so the figure is a lower bound.
 */
export async function costOf<T>(work: () => Promise<T>): Promise<Cost & { readonly value: T }> {
  const first = process.memoryUsage.rss();
  let most = first;
  const look = (): void => {
    most = Math.max(most, process.memoryUsage.rss());
  };
  const timer = setInterval(look, every).unref();
  const started = performance.now();
  try {
    const value = await work();
    look();
    return { value, seconds: (performance.now() - started) / 1000, memoryBytes: most - first };
  } finally {
    clearInterval(timer);
  }
}
