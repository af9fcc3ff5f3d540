/** @file How long one run of a model takes, measured fairly between models. */

export interface Latency {
  readonly medianMs: number;
  /** Quartiles: half of all runs took between these. */
  readonly lowMs: number;
  readonly highMs: number;
  readonly runs: number;
}

export interface LatencyOptions {
  /** Runs before the clock counts, for caches and lazy allocation. Default 3. */
  readonly warmup?: number | undefined;
  /** Timed runs of each model. Default 20. */
  readonly runs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Clock in milliseconds; `performance.now` unless a test brings its own. */
  readonly now?: (() => number) | undefined;
}

/**
 * Times several models round by round, one run each, so that a machine that slows down or is busy for a while treats
 * all of them alike. Every other round goes backwards, so that no model always runs in the wake of the same one.
 * @param models One run of each, for example `() => session.run(feeds)`.
 * @returns One entry per model, in order.
 * @throws {RangeError} when `runs` is no whole number from 1; the abort reason when `signal` fires, and whatever a run
 *   throws.
 */
export async function measureLatencies(
  models: readonly (() => Promise<unknown>)[],
  { warmup = 3, runs = 20, signal, now = () => performance.now() }: LatencyOptions = {},
): Promise<Latency[]> {
  if (!Number.isInteger(runs) || runs < 1) throw new RangeError(`cannot measure latency in ${runs} runs`);
  const times = models.map(() => [] as number[]);
  for (let round = -warmup; round < runs; round++) {
    const order = models.map((_, k) => (round % 2 === 0 ? k : models.length - 1 - k));
    for (const k of order) {
      signal?.throwIfAborted();
      const started = now();
      await models[k]!();
      if (round >= 0) times[k]!.push(now() - started);
    }
  }
  return times.map(summarise);
}

function summarise(times: number[]): Latency {
  const sorted = Float64Array.from(times).sort();
  return {
    medianMs: quantile(sorted, 0.5),
    lowMs: quantile(sorted, 0.25),
    highMs: quantile(sorted, 0.75),
    runs: sorted.length,
  };
}

/** Linear interpolation between order statistics (type 7 of Hyndman & Fan, 1996). */
export function quantile(sorted: Float64Array, share: number): number {
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)]!;
  return low + (sorted[Math.ceil(at)]! - low) * (at - Math.floor(at));
}
