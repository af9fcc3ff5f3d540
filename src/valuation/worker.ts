/** @file The thread that runs networks: forward passes, and rows of a game on cached activations. */
import type { Session, SessionOptions } from "../engine/engine.ts";
import { openBytes } from "../engine/ort/direct.ts";
import { type Payoff, payoff } from "../metrics/index.ts";
import { arrayTypes, bytesPerElement, type TypedArray } from "../tensor/dtype.ts";
import { sizeOf, type Tensor, toNumbers } from "../tensor/tensor.ts";
import { Handover, serve } from "../workers/serve.ts";
import { ensureEffects } from "./channel-effects.ts";
import { sumOverExamples } from "./coalition-sums.ts";
import { type Desk, deskFor } from "./desk.ts";
import type { Cached, ExchangeSetup, Job, JobResult, SharedModel, TailSetup, ThreadSetup } from "./jobs.ts";
import { addedValues } from "./walked-rows.ts";

/** Sessions kept open per thread; opening and releasing them in a loop costs time and memory. */
const openSessions = 4;

serve<ThreadSetup, Job, JobResult>(({ options }) => {
  const sessions = new Map<number, Promise<Session>>();
  const room = batchRoom();
  const parametersOf = parameterCopies();
  let desk: Desk | undefined;

  async function sessionFor(model: SharedModel, own: SessionOptions = {}): Promise<Session> {
    const known = sessions.get(model.id);
    if (known !== undefined) return known;
    if (sessions.size >= openSessions) {
      const [oldest] = sessions.keys();
      const closing = sessions.get(oldest!)!;
      sessions.delete(oldest!);
      await (await closing).close();
    }
    const opened = openBytes(model.bytes, { ...options, ...own });
    sessions.set(model.id, opened);
    return opened;
  }

  return async (job) => {
    if (job.kind === "exchange") {
      const session = await sessionFor(job.setup.model, { plansMemory: false });
      return exchange(session, parametersOf(job), job);
    }
    if (job.kind === "walks") {
      desk = deskFor(desk, job.effects);
      return evaluateWalks(sessionFor, desk, room, job);
    }
    const session = await sessionFor(job.kind === "forward" ? job.model : job.tail.model);
    if (job.kind === "forward") {
      const outputs = await session.run(job.feeds);
      return new Handover<JobResult>(outputs, transferable(outputs));
    }
    if (job.kind === "coalitions") return sumOverExamples(session, job.tail, job.masks);
    return evaluateRows(session, room, job.tail, job.masks, job.examples);
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
      if (copies.size >= openSessions) copies.delete(copies.keys().next().value!);
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

/** Memory for the activations of a batch, kept from batch to batch: clearing new pages costs more than filling them. */
type BatchRoom = (bytes: number) => ArrayBuffer;

function batchRoom(): BatchRoom {
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
  masks: Uint8Array,
  examples: Uint32Array,
): Promise<Handover<JobResult>> {
  const rows = examples.length;
  const feeds = gather(tail.cached, examples, room);
  const players = tail.masks.reduce((sum, mask) => sum + mask.players, 0);
  let first = 0;
  for (const mask of tail.masks) {
    feeds[mask.name] = {
      dtype: "float32",
      shape: [rows, mask.players],
      data: maskColumns(masks, players, first, mask.players),
    };
    first += mask.players;
  }
  return payoffsOf(tail, (await session.run(feeds))[tail.output]!, examples);
}

type WalksJob = Extract<Job, { readonly kind: "walks" }>;

async function evaluateWalks(
  open: (model: SharedModel) => Promise<Session>,
  desk: Desk,
  room: BatchRoom,
  { tail, effects, masks, examples }: WalksJob,
): Promise<Handover<JobResult>> {
  await ensureEffects(tail, effects, desk, examples, () => open(effects.front.model));
  const others = tail.cached.filter(({ name }) => effects.rest.reads.includes(name));
  const feeds = { ...gather(others, examples, room), ...addedValues(desk, effects, masks, examples) };
  const session = await open(effects.rest.model);
  return payoffsOf(tail, (await session.run(feeds))[tail.output]!, examples);
}

function payoffsOf(tail: TailSetup, output: Tensor, examples: Uint32Array): Handover<JobResult> {
  const payoffs = new Float64Array(examples.length);
  payoffOf(tail).rows(realNumbers(output), output.shape[1] ?? 1, tail.targets, payoffs, examples);
  return new Handover<JobResult>(payoffs, [payoffs.buffer]);
}

function payoffOf(tail: TailSetup): Payoff {
  return payoff(tail.payoff, { outputIs: tail.outputIs });
}

function realNumbers(output: Tensor): Float32Array | Float64Array {
  const { data } = output;
  return data instanceof Float32Array || data instanceof Float64Array ? data : toNumbers(output);
}

/** Entries of the listed examples, laid side by side for each cached value. */
function gather(cached: readonly Cached[], examples: Uint32Array, room: BatchRoom): Record<string, Tensor> {
  const rows = examples.length;
  const bytesOf = ({ dtype, shape }: Cached) => aligned(rows * sizeOf(shape) * bytesPerElement(dtype));
  const buffer = room(cached.reduce((sum, value) => sum + bytesOf(value), 0));
  const feeds: Record<string, Tensor> = {};
  let place = 0;
  for (const value of cached) {
    const { name, dtype, shape, data } = value;
    const size = sizeOf(shape);
    const batch = new arrayTypes[dtype](buffer, place, rows * size) as TypedArray;
    for (let row = 0; row < rows; row++) {
      const start = examples[row]! * size;
      batch.set(data.subarray(start, start + size) as never, row * size);
    }
    feeds[name] = { dtype, shape: [rows, ...shape], data: batch };
    place += bytesOf(value);
  }
  return feeds;
}

/** Up to a multiple of the widest vector registers. */
function aligned(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/** Columns [first, first + width) of the masks as floats. */
function maskColumns(masks: Uint8Array, players: number, first: number, width: number): Float32Array {
  if (width === players) return new Float32Array(masks);
  const rows = masks.length / players;
  const out = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < width; k++) out[row * width + k] = masks[row * players + first + k]!;
  }
  return out;
}
