/** @file The thread that runs networks: forward passes, and rows of a game on cached activations. */
import type { Session, SessionOptions } from "../engine/engine.ts";
import { openBytes } from "../engine/ort/direct.ts";
import { writePrefixes } from "../games/coalitions.ts";
import { type Payoff, payoff } from "../metrics/index.ts";
import { arrayTypes, bytesPerElement, type TypedArray } from "../tensor/dtype.ts";
import { sizeOf, type Tensor, toNumbers } from "../tensor/tensor.ts";
import { Handover, serve } from "../workers/serve.ts";
import { addedAlongOrders, addedAtMasks } from "./added-rows.ts";
import { bytesOf } from "./byte-masks.ts";
import { type Cached, copyEntries } from "./cached.ts";
import { ensureEffects } from "./channel-effects.ts";
import { sumOverExamples } from "./coalition-sums.ts";
import { type Desk, deskFor } from "./desk.ts";
import { evaluateGradients } from "./evaluate-gradients.ts";
import { fillCached } from "./fill-cached.ts";
import type {
  EffectsSetup,
  ExchangeSetup,
  Job,
  JobResult,
  SharedModel,
  TailSetup,
  ThreadSetup,
} from "./jobs.ts";
import { maskColumns } from "./mask-columns.ts";
import { rowsIn, type SheetRows, type SheetWalks, walksIn } from "./sheets.ts";

/**
 * Sessions kept open per thread, those used last: opening and releasing them in a loop costs time and memory. Games that are
 * played at once have some each, as long as their models are small.
 */
const openSessions = { fewest: 4, most: 16, bytes: 64 * 2 ** 20 };

serve<ThreadSetup, Job, JobResult>(({ options }, lookup) => {
  const sessions = new Map<number, { readonly opened: Promise<Session>; readonly bytes: number }>();
  const room = batchRoom();
  const parametersOf = parameterCopies();
  let desk: Desk | undefined;

  async function sessionFor(model: SharedModel, own: SessionOptions = {}): Promise<Session> {
    const known = sessions.get(model.id);
    if (known !== undefined) {
      sessions.delete(model.id);
      sessions.set(model.id, known); // the one used last stands last
      return known.opened;
    }
    while (isFull(model.bytes.length)) {
      const [oldest] = sessions.keys();
      const closing = sessions.get(oldest!)!;
      sessions.delete(oldest!);
      await closing.opened.then(
        (session) => session.close(),
        () => undefined, // never opened: told to whoever asked for it
      );
    }
    const opened = openBytes(model.bytes, { ...options, ...own });
    sessions.set(model.id, { opened, bytes: model.bytes.length });
    return opened;
  }

  function isFull(wanted: number): boolean {
    if (sessions.size < openSessions.fewest) return false;
    const bytes = [...sessions.values()].reduce((sum, { bytes: own }) => sum + own, wanted);
    return sessions.size >= openSessions.most || bytes > openSessions.bytes;
  }

  return async (job) => {
    if (job.kind === "exchange") {
      const session = await sessionFor(job.setup.model, { plansMemory: false });
      return exchange(session, parametersOf(job), job);
    }
    if (job.kind === "added") {
      const effects = lookup(job.effects);
      desk = deskFor(desk, effects);
      const [tail, sheet] = [lookup(job.tail), lookup(job.sheet)];
      const size = { players: effects.players, rows: job.runs.reduce((sum, rows) => sum + rows, 0) };
      let first = 0;
      for (const rows of job.runs) {
        await evaluateAdded(sessionFor, desk, room, {
          tail,
          effects,
          rows: rowsIn(sheet, size, first, rows),
        });
        first += rows;
      }
      return {};
    }
    if (job.kind === "walks") {
      const tail = lookup(job.tail);
      const effects = job.effects && lookup(job.effects);
      if (effects !== undefined) desk = deskFor(desk, effects);
      const adding = effects && { effects, desk: desk! };
      const walks = walksIn(lookup(job.sheet), job.size);
      await evaluateWalks(sessionFor, room, { tail, adding, walks, runs: job.runs });
      return {};
    }
    if (job.kind === "fill") {
      await fillCached(sessionFor, lookup(job.setup), job);
      return {};
    }
    if (job.kind === "gradients") {
      const backward = { tail: lookup(job.tail), setup: lookup(job.setup) };
      const session = await sessionFor(backward.setup.model);
      const read = new Set(backward.setup.reads.map(({ name }) => name));
      const cached = backward.tail.cached.filter(({ name }) => read.has(name));
      const activations = gather(cached, job.entries, room);
      const derivatives = await evaluateGradients(session, backward, job, activations);
      return new Handover<JobResult>(derivatives, [derivatives.buffer as ArrayBuffer]);
    }
    if (job.kind === "forward") {
      const outputs = await (await sessionFor(job.model)).run(job.feeds);
      return new Handover<JobResult>(outputs, transferable(outputs));
    }
    if (job.kind === "coalitions") {
      const whole = lookup(job.tail);
      return sumOverExamples(await sessionFor(whole.model), whole, job.masks);
    }
    const tail = lookup(job.tail);
    const players = tail.masks.reduce((sum, mask) => sum + mask.players, 0);
    const rows = rowsIn(lookup(job.sheet), { players, rows: job.rows });
    await evaluateRows(await sessionFor(tail.model), room, tail, rows);
    return {};
  };
});

function transferable(outputs: Readonly<Record<string, Tensor>>): ArrayBuffer[] {
  return [...new Set(Object.values(outputs).map(({ data }) => data.buffer as ArrayBuffer))];
}

type ExchangeJob = Extract<Job, { readonly kind: "exchange" }>;
type Feeds = Readonly<Record<string, Tensor>>;

/** Private copies of shared parameters, renewed when their version changes: the runtime takes no shared memory. */
function parameterCopies(): (job: ExchangeJob) => Feeds {
  const copies = new Map<number, { version: number; readonly data: Float32Array; readonly feeds: Feeds }>();
  return ({ setup, from, version }) => {
    let copy = copies.get(setup.model.id);
    if (copy === undefined) {
      // as many as sessions: a removal in rounds trains one network after the other
      if (copies.size >= openSessions.fewest) copies.delete(copies.keys().next().value!);
      const data = new Float32Array(setup.inputs.size);
      copy = { version: version - 1, data, feeds: tensorsOver(setup, data) };
      copies.set(setup.model.id, copy);
    }
    if (copy.version !== version) copy.data.set(from);
    copy.version = version;
    return copy.feeds;
  };
}

function tensorsOver({ inputs }: ExchangeSetup, data: Float32Array): Feeds {
  const feeds: Record<string, Tensor> = {};
  for (const { name, shape, offset } of inputs.entries) {
    feeds[name] = { dtype: "float32", shape, data: data.subarray(offset, offset + sizeOf(shape)) };
  }
  return feeds;
}

async function exchange(session: Session, parameters: Feeds, job: ExchangeJob): Promise<Handover<JobResult>> {
  const outputs = await session.run({ ...parameters, ...job.feeds });
  for (const { name, offset } of job.setup.outputs.entries) {
    job.into.set(outputs[name]!.data as Float32Array, offset);
    delete outputs[name];
  }
  return new Handover<JobResult>(outputs, transferable(outputs));
}

/** Memory for what a batch reads, kept from batch to batch: clearing new pages costs more than filling them. */
interface BatchRoom {
  readonly activations: (bytes: number) => ArrayBuffer;
  readonly masks: (bytes: number) => ArrayBuffer;
  /** Masks of several groups, before they are taken apart. */
  readonly coalitions: (bytes: number) => ArrayBuffer;
  readonly rows: (bytes: number) => ArrayBuffer;
}

function batchRoom(): BatchRoom {
  return { activations: keptBuffer(), masks: keptBuffer(), coalitions: keptBuffer(), rows: keptBuffer() };
}

function keptBuffer(): (bytes: number) => ArrayBuffer {
  let buffer = new ArrayBuffer(0);
  return (bytes) => {
    if (buffer.byteLength < bytes) buffer = new ArrayBuffer(bytes);
    return buffer;
  };
}

/** A thread answers one job at a time, so the room is free again when the run is over. */
async function evaluateRows(
  session: Session,
  room: BatchRoom,
  tail: TailSetup,
  { masks, examples, entries, payoffs }: SheetRows,
): Promise<void> {
  const rows = examples.length;
  const feeds = { ...gather(tail.cached, entries, room), ...maskFeeds(tail, masks, rows, room) };
  writePayoffs(tail, (await session.run(feeds))[tail.output]!, examples, payoffs);
}

/** Masks for the runtime, which takes no shared memory. */
function maskFeeds(
  { masks: groups }: TailSetup,
  masks: Uint8Array,
  rows: number,
  room: BatchRoom,
): Record<string, Tensor> {
  const players = masks.length / rows;
  const isOwn = groups.length === 1 && masks.buffer instanceof ArrayBuffer;
  const buffer = isOwn ? masks.buffer : room.masks(masks.length);
  const feeds: Record<string, Tensor> = {};
  let first = 0;
  for (const { name, players: width } of groups) {
    const own = new Uint8Array(buffer, rows * first, rows * width);
    const data = isOwn ? masks : maskColumns(masks, players, first, width, own);
    feeds[bytesOf(name)] = { dtype: "uint8", shape: [rows, width], data };
    first += width;
  }
  return feeds;
}

/** The coalitions of the walks [first, end) as masks, shape [rows, players]. */
function masksAlong(walks: SheetWalks, first: number, end: number, room: BatchRoom): Uint8Array {
  const { orders, from, to, examples } = walks;
  const players = orders.length / examples.length;
  let rows = 0;
  for (let walk = first; walk < end; walk++) rows += to[walk]! - from[walk]! + 1;
  const masks = new Uint8Array(room.coalitions(rows * players), 0, rows * players);
  let row = 0;
  for (let walk = first; walk < end; walk++) {
    masks.fill(0, row * players, (row + 1) * players);
    const order = orders.subarray(walk * players, (walk + 1) * players);
    writePrefixes(order, from[walk]!, to[walk]!, masks, row);
    row += to[walk]! - from[walk]! + 1;
  }
  return masks;
}

/** Example and entry of every row of the walks [first, end). */
function rowsAlong(
  { from, to, examples, entries }: SheetWalks,
  first: number,
  end: number,
  room: BatchRoom,
): Record<"examples" | "entries", Uint32Array> {
  let rows = 0;
  for (let walk = first; walk < end; walk++) rows += to[walk]! - from[walk]! + 1;
  const buffer = room.rows(8 * rows);
  const along = {
    examples: new Uint32Array(buffer, 0, rows),
    entries: new Uint32Array(buffer, 4 * rows, rows),
  };
  let row = 0;
  for (let walk = first; walk < end; walk++) {
    const next = row + to[walk]! - from[walk]! + 1;
    along.examples.fill(examples[walk]!, row, next);
    along.entries.fill(entries[walk]!, row, next);
    row = next;
  }
  return along;
}

interface Added {
  readonly tail: TailSetup;
  readonly effects: EffectsSetup;
  readonly rows: SheetRows;
}

async function evaluateAdded(
  open: (model: SharedModel) => Promise<Session>,
  desk: Desk,
  room: BatchRoom,
  { tail, effects, rows }: Added,
): Promise<void> {
  const { examples, entries, slabs, payoffs } = rows;
  const places = new Map(Array.from(slabs, (slab, row) => [slab, entries[row]!]));
  await ensureEffects(tail, effects, desk, places, () => open(effects.front.model));
  const others = tail.cached.filter(({ name }) => effects.rest.reads.includes(name));
  const feeds = { ...gather(others, entries, room), ...addedAtMasks(desk, effects, rows) };
  const session = await open(effects.rest.model);
  writePayoffs(tail, (await session.run(feeds))[tail.output]!, examples, payoffs);
}

interface WalksAtHand {
  readonly tail: TailSetup;
  /** Set where effects are added. */
  readonly adding: { readonly effects: EffectsSetup; readonly desk: Desk } | undefined;
  readonly walks: SheetWalks;
  /** Walks of each run. */
  readonly runs: readonly number[];
}

async function evaluateWalks(
  open: (model: SharedModel) => Promise<Session>,
  room: BatchRoom,
  { tail, adding, walks, runs }: WalksAtHand,
): Promise<void> {
  if (adding !== undefined) {
    const { effects, desk } = adding;
    const places = new Map(Array.from(walks.slabs, (slab, walk) => [slab, walks.entries[walk]!]));
    await ensureEffects(tail, effects, desk, places, () => open(effects.front.model));
  }
  const reads = adding?.effects.rest.reads;
  const cached = reads === undefined ? tail.cached : tail.cached.filter(({ name }) => reads.includes(name));
  const session = await open(adding?.effects.rest.model ?? tail.model);
  let [walk, row] = [0, 0];
  for (const count of runs) {
    const end = walk + count;
    const rows = rowsAlong(walks, walk, end, room);
    const added =
      adding === undefined
        ? maskFeeds(tail, masksAlong(walks, walk, end, room), rows.examples.length, room)
        : addedAlongOrders(adding.desk, adding.effects, walks, walk, end);
    const output = (await session.run({ ...gather(cached, rows.entries, room), ...added }))[tail.output]!;
    const payoffs = walks.payoffs.subarray(row, row + rows.examples.length);
    writePayoffs(tail, output, rows.examples, payoffs);
    [walk, row] = [end, row + rows.examples.length];
  }
}

function writePayoffs(tail: TailSetup, output: Tensor, examples: Uint32Array, payoffs: Float64Array): void {
  payoffOf(tail).rows(realNumbers(output), output.shape[1] ?? 1, tail.targets, payoffs, examples);
}

function payoffOf(tail: TailSetup): Payoff {
  return payoff(tail.payoff, { outputIs: tail.outputIs });
}

function realNumbers(output: Tensor): Float32Array | Float64Array {
  const { data } = output;
  return data instanceof Float32Array || data instanceof Float64Array ? data : toNumbers(output);
}

/** The listed entries, laid side by side for each cached value. */
function gather(cached: readonly Cached[], entries: Uint32Array, room: BatchRoom): Record<string, Tensor> {
  const rows = entries.length;
  const bytesOf = ({ dtype, shape }: Cached) => aligned(rows * sizeOf(shape) * bytesPerElement(dtype));
  const buffer = room.activations(cached.reduce((sum, value) => sum + bytesOf(value), 0));
  const feeds: Record<string, Tensor> = {};
  let place = 0;
  for (const value of cached) {
    const { name, dtype, shape } = value;
    const batch = new arrayTypes[dtype](buffer, place, rows * sizeOf(shape)) as TypedArray;
    copyEntries(value, entries, batch);
    feeds[name] = { dtype, shape: [rows, ...shape], data: batch };
    place += bytesOf(value);
  }
  return feeds;
}

/** Up to a multiple of the widest vector registers. */
function aligned(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}
