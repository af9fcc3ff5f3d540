/** @file Cuts the rows of a call into batches, by nothing but the rows themselves and sizes of the network. */

/** Rows [start, end) of a call. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** What one job plays. */
export interface Batch {
  readonly kind: "rows" | "added";
  readonly ranges: readonly Range[];
  /** Rows of each run of the network, in the order of the ranges. */
  readonly runs: readonly number[];
}

export interface Cutting {
  /** Rows of the largest batch that is run as it is. */
  readonly rows: number;
  readonly added?: AddedCutting | undefined;
  /** Walks of one job; a job has no more rows of theirs than of others. */
  readonly walksPerJob: number;
}

/** For stretches of at least so many rows on one example, on walks or given as masks. */
export interface AddedCutting {
  readonly fewestWalked: number;
  readonly fewestMasked: number;
  /** Rows of the largest run, … */
  readonly rows: number;
  /** … different examples in one, … */
  readonly examples: number;
  /** … and runs of one job. */
  readonly runs: number;
}

/** Rows of the largest job. */
export function largestJob({ rows, added }: Pick<Cutting, "rows" | "added">): number {
  return Math.max(rows, added === undefined ? 0 : added.rows * added.runs);
}

/**
 * Batches in which every row appears once; a stretch is split only where it is larger than a run. How many runs make a job
 * does not show in payoffs.
 */
export function cutRows(examples: Uint32Array, { rows, added }: Pick<Cutting, "rows" | "added">): Batch[] {
  const total = examples.length;
  if (added === undefined) return cutRanges([{ start: 0, end: total }], "rows", rows);
  const long: Range[] = [];
  const short: Range[] = [];
  for (let start = 0; start < total; ) {
    let end = start + 1;
    while (end < total && examples[end] === examples[start]) end++;
    const list = end - start >= added.fewestMasked ? long : short;
    const last = list.at(-1);
    if (list === short && last?.end === start) list[list.length - 1] = { start: last.start, end };
    else list.push({ start, end });
    start = end;
  }
  return [...together(bundled(long, added), added.runs), ...cutRanges(short, "rows", rows)];
}

/** Several runs to a job. */
function together(batches: readonly Batch[], most: number): Batch[] {
  const jobs: Batch[] = [];
  for (let first = 0; first < batches.length; first += most) {
    const some = batches.slice(first, first + most);
    const ranges = some.flatMap((batch) => batch.ranges);
    jobs.push({ kind: "added", ranges, runs: some.flatMap(({ runs }) => runs) });
  }
  return jobs;
}

/** A job of one run. */
function single(kind: Batch["kind"], ranges: readonly Range[]): Batch {
  return { kind, ranges, runs: [ranges.reduce((sum, { start, end }) => sum + end - start, 0)] };
}

/** Ranges end to end, cut wherever a batch is full. */
function cutRanges(ranges: readonly Range[], kind: Batch["kind"], most: number): Batch[] {
  const batches: Batch[] = [];
  let open: Range[] = [];
  let room = most;
  for (const range of ranges) {
    for (let start = range.start; start < range.end; ) {
      const end = Math.min(range.end, start + room);
      open.push({ start, end });
      room -= end - start;
      start = end;
      if (room > 0) continue;
      batches.push(single(kind, open));
      open = [];
      room = most;
    }
  }
  if (open.length > 0) batches.push(single(kind, open));
  return batches;
}

/** Whole stretches, as many as fit into a batch; one that does not fit is cut. */
function bundled(
  stretches: readonly Range[],
  { rows: most, examples }: Pick<AddedCutting, "rows" | "examples">,
): Batch[] {
  const batches: Batch[] = [];
  let open: Range[] = [];
  let size = 0;
  for (const stretch of stretches) {
    const rows = stretch.end - stretch.start;
    if ((size + rows > most || open.length === examples) && open.length > 0) {
      batches.push(single("added", open));
      open = [];
      size = 0;
    }
    if (rows > most) batches.push(...cutRanges([stretch], "added", most));
    else {
      open.push(stretch);
      size += rows;
    }
  }
  if (open.length > 0) batches.push(single("added", open));
  return batches;
}
