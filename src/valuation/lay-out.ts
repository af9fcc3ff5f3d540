/** @file Lays out a game before anything is cached: how rows are cut, and what is kept of activations and effects. */
import { PrunerError } from "../base/problem.ts";
import { entryBytes, runBytes } from "./cached.ts";
import { type Cutting, largestJob } from "./cut-rows.ts";
import { macsAround } from "./macs.ts";
import { type EffectsPlan, slabBytes, slabsPerRun, type TailPlan } from "./plan-effects.ts";
import { type Demand, leastMemory, type Shares, shareMemory } from "./share-memory.ts";
import { walksOnSheet } from "./sheets.ts";

/** Bytes of activations that enter one run of the tail: large enough to be busy, small enough to stay in caches. */
const batchBytes = 8 * 2 ** 20;
const largestBatch = 2048;
const smallestBatch = 8;

/** Rows of a call where they are cheap, and multiply-accumulates of one that is not too small. */
const cheapCalls = { fewest: 2048, most: 8192, macs: 2 ** 27 };

/** Multiply-accumulates of a job that take some milliseconds. */
const macsPerJob = 2 ** 28;
/** Jobs of several runs that there has to be room for. */
const jobsAtOnce = 16;

export interface LayOut {
  readonly plan: EffectsPlan | undefined;
  readonly cutting: Cutting;
  readonly shares: Shares;
}

interface Circumstances {
  readonly examples: number;
  /** Bytes, where a ceiling is stated, … */
  readonly memory: number | undefined;
  /** … and where none is. */
  readonly usualMemory: number;
  /** Named in messages. */
  readonly group: string;
}

/**
 * Effects are left out only where a stated ceiling has no room for those of one job: the default ceiling, half of what
 * is free, must not show in digits.
 * @param found Effects that would pay.
 * @throws {PrunerError} `activations-too-large` when there is no room for a single job.
 */
export function layOut(planned: TailPlan, found: EffectsPlan | undefined, how: Circumstances): LayOut {
  const { memory = how.usualMemory } = how;
  const isTooMuch = (plan: EffectsPlan | undefined) => leastMemory(demandOf(planned, plan, how)) > memory;
  const plan = how.memory !== undefined && isTooMuch(found) ? undefined : found;
  const demand = demandOf(planned, plan, how);
  const needed = leastMemory(demand);
  if (needed > memory)
    throw new PrunerError("activations-too-large", {
      needed,
      available: memory,
      group: how.group,
      examples: demand.entriesPerJob,
      isHalvable: planned.cached.some(({ dtype }) => dtype === "float32"),
    });
  const shares = shareMemory(demand, memory);
  return { plan, cutting: cuttingOf(planned, plan, { ...demand, ...shares }), shares };
}

function demandOf({ cached }: TailPlan, plan: EffectsPlan | undefined, { examples }: Circumstances): Demand {
  const slabs = plan === undefined ? 0 : slabsPerRun(plan);
  return {
    examples,
    entryBytes: entryBytes(cached),
    entriesPerJob: Math.min(examples, Math.max(rowsPerBatch(runBytes(cached)), slabs)),
    slabBytes: plan === undefined ? 0 : slabBytes(plan.setup),
    slabsPerJob: Math.min(examples, slabs),
  };
}

/** Rows in the largest batch that is run as it is. @param entry Bytes of the activations of one example in a run. */
export function rowsPerBatch(entry: number): number {
  const fitting = Math.floor(batchBytes / entry);
  return Math.min(largestBatch, Math.max(smallestBatch, fitting));
}

/** Rows that a call is to have once a run is under way; undefined where as many as usual do. @param macs Multiply-accumulates of a row. */
export function rowsOfCheapCall(macs: number): number | undefined {
  const rows = Math.min(cheapCalls.most, Math.floor(cheapCalls.macs / (macs + macsAround.row)));
  return rows > cheapCalls.fewest ? rows : undefined;
}

function cuttingOf(
  { cached, masks }: TailPlan,
  plan: EffectsPlan | undefined,
  room: Demand & Shares,
): Cutting {
  const rows = rowsPerBatch(runBytes(cached));
  const added = plan && {
    fewestWalked: plan.fewestWalked,
    fewestMasked: plan.fewestMasked,
    rows: plan.setup.rowsPerRun,
    examples: slabsPerRun(plan),
    runs: Math.min(runsWorthAJob(plan), runsThereIsRoomFor(plan, room)),
  };
  const players = masks.reduce((sum, mask) => sum + mask.players, 0);
  return { rows, added, walksPerJob: walksOnSheet({ players, rows: largestJob({ rows, added }) }) };
}

/** As many runs as make a message to a thread and back small beside them, and no more than the rows of a call. */
function runsWorthAJob({ setup: { rowsPerRun }, rowMacs }: EffectsPlan): number {
  return Math.max(1, Math.floor(Math.min(macsPerJob / rowMacs, cheapCalls.most) / rowsPerRun));
}

/** Several jobs should find room at the same time, where not everything is kept. */
function runsThereIsRoomFor(plan: EffectsPlan, { examples, entries, slabs }: Demand & Shares): number {
  const least = Math.min(entries < examples ? entries : Infinity, slabs < examples ? slabs : Infinity);
  return Math.max(1, Math.floor(least / (jobsAtOnce * slabsPerRun(plan))));
}
