/** @file How far the memory of this process grows while something runs. */

/** Milliseconds between two looks. */
const every = 20;

/**
 * Watches resident memory, that of threads included. What a run before has left to be used again does not count as
 * growth, so that figures of one process depend on what it did before.
 * @returns Ends the watch and says by how many bytes the highest look exceeded the first.
 */
export function watchMemory(): () => number {
  const start = process.memoryUsage.rss();
  let most = start;
  const look = (): void => {
    most = Math.max(most, process.memoryUsage.rss());
  };
  const timer = setInterval(look, every).unref();
  return () => {
    clearInterval(timer);
    look();
    return most - start;
  };
}
