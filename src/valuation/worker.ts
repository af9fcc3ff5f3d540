/** @file The thread that runs networks: forward passes, and rows of a game on cached activations. */
import type { Session, SessionOptions } from "../engine/engine.ts";
import { openBytes } from "../engine/ort/direct.ts";
import { type Payoff, payoff } from "../metrics/index.ts";
import { arrayTypes, bytesPerElement, type TypedArray } from "../tensor/dtype.ts";
import { sizeOf, type Tensor, toNumbers } from "../tensor/tensor.ts";
import { Handover, serve } from "../workers/serve.ts";
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
import { rowsIn, type SheetRows } from "./row-sheets.ts";
import { addedValues } from "./walked-rows.ts";

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
    if (job.kind === "walks") {
      const effects = lookup(job.effects);
      desk = deskFor(desk, effects);
      const [tail, sheet] = [lookup(job.tail), lookup(job.sheet)];
      let first = 0;
      for (const rows of job.runs) {
        await evaluateWalks(sessionFor, desk, room, { tail, effects, rows: rowsIn(sheet, rows, first) });
        first += rows;
      }
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
    await evaluateRows(await sessionFor(tail.model), room, tail, rowsIn(lookup(job.sheet), job.rows));
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
}

function batchRoom(): BatchRoom {
  return { activations: keptBuffer(), masks: keptBuffer() };
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
  const feeds = gather(tail.cached, entries, room);
  const players = masks.length / rows;
  const buffer = room.masks(masks.length);
  let first = 0;
  for (const { name, players: width } of tail.masks) {
    const own = new Uint8Array(buffer, rows * first, rows * width);
    const data = maskColumns(masks, players, first, width, own);
    feeds[bytesOf(name)] = { dtype: "uint8", shape: [rows, width], data };
    first += width;
  }
  writePayoffs(tail, (await session.run(feeds))[tail.output]!, examples, payoffs);
}

interface Walks {
  readonly tail: TailSetup;
  readonly effects: EffectsSetup;
  readonly rows: SheetRows;
}

async function evaluateWalks(
  open: (model: SharedModel) => Promise<Session>,
  desk: Desk,
  room: BatchRoom,
  { tail, effects, rows: { masks, examples, entries, slabs, payoffs } }: Walks,
): Promise<void> {
  const places = new Map(Array.from(slabs, (slab, row) => [slab, entries[row]!]));
  await ensureEffects(tail, effects, desk, places, () => open(effects.front.model));
  const others = tail.cached.filter(({ name }) => effects.rest.reads.includes(name));
  const feeds = { ...gather(others, entries, room), ...addedValues(desk, effects, masks, slabs) };
  const session = await open(effects.rest.model);
  writePayoffs(tail, (await session.run(feeds))[tail.output]!, examples, payoffs);
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
