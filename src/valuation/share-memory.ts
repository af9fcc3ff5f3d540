/** @file How the memory for a game is divided between activations and effects of channels. */

/** What a game keeps, in bytes for one example, and how much of it a job needs at a time. */
export interface Demand {
  readonly examples: number;
  /** Bytes of cached activations, and the most examples whose activations a job reads. */
  readonly entryBytes: number;
  readonly entriesPerJob: number;
  /** The same for effects; 0 where a game adds up none. */
  readonly slabBytes: number;
  readonly slabsPerJob: number;
}

/** Examples that there is room for. */
export interface Shares {
  readonly entries: number;
  readonly slabs: number;
}

/** Share of the memory that effects get where activations do not all fit. */
const effectsShare = 0.25;

/** Bytes that a game cannot do without: what one job needs. */
export function leastMemory({ entryBytes, entriesPerJob, slabBytes, slabsPerJob }: Demand): number {
  return entryBytes * entriesPerJob + slabBytes * slabsPerJob;
}

/**
 * Activations first, since effects are made from them in the time of a row or so: effects get what activations of all
 * examples leave. Where those do not fit, effects get a share of the memory, or what one job needs at the most. Jobs seldom
 * need that much, since most rows on an example come in long stretches, and those that do wait for each other: less is lost
 * than by running the network in front of the masks again.
 * Decides only what is computed how often: values are the same for any division.
 * @param memory Bytes for both together, at least {@link leastMemory}.
 */
export function shareMemory(demand: Demand, memory: number): Shares {
  const { examples, entryBytes, entriesPerJob, slabBytes, slabsPerJob } = demand;
  const slabsIn = (bytes: number, least: number): number =>
    slabBytes === 0 ? 0 : Math.min(examples, Math.max(least, Math.floor(bytes / slabBytes)));
  const left = memory - examples * entryBytes;
  if (left >= slabBytes * slabsPerJob) return { entries: examples, slabs: slabsIn(left, slabsPerJob) };
  const most = Math.floor((memory - entriesPerJob * entryBytes) / Math.max(1, slabBytes));
  const slabs = Math.min(slabsIn(effectsShare * memory, slabsPerJob), most);
  const entries = Math.floor((memory - slabs * slabBytes) / entryBytes);
  return { entries: Math.min(examples, entries), slabs };
}
