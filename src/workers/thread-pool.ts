/** @file A pool of worker threads that carries jobs it does not interpret. */
import { setMaxListeners } from "node:events";
import { type TransferListItem, Worker } from "node:worker_threads";
import { PrunerError } from "../base/problem.ts";
import { launchOf } from "./entry.ts";
import { unpackFailure } from "./failure.ts";
import type { JobMessage, Leave, Message, Pinned, Reply, Start } from "./protocol.ts";

export interface PoolOptions {
  /** Module of the worker side, which calls `serve`; named by its source (`.ts`). */
  readonly entry: URL;
  /** Threads, at least 1. */
  readonly workers: number;
  /** Handed to every thread once, by structured clone; `SharedArrayBuffer`s inside are shared. */
  readonly setup: unknown;
}

export interface JobOptions {
  readonly signal?: AbortSignal | undefined;
  /** Buffers that move to the worker instead of being copied. */
  readonly transfer?: readonly TransferListItem[];
  /** Called once, when no thread works on the job any more or ever will: also where one that was aborted runs on. */
  readonly onDone?: (() => void) | undefined;
  /**
   * Whether it may wait in a thread that is at work on another short job: the thread then goes on to it without waiting for
   * a message, which takes about as long as a hundred cheap rows.
   */
  readonly isShort?: boolean | undefined;
}

export interface Pool<Job, Result> {
  readonly workers: number;
  /**
   * Hands a job to an idle thread, or queues it. The queue has no bound: callers limit what they submit.
   * An aborted job is dropped when it waits in the queue; in a thread it runs, and its result is ignored.
   * @throws The signal's reason when aborted; the worker's own error, coded errors with their code;
   * `worker-died` when a thread of the pool has ended, after which the pool is unusable.
   */
  run(job: Job, options?: JobOptions): Promise<Result>;
  /** Sends every thread what jobs will mention, once; by structured clone, `SharedArrayBuffer`s inside are shared. */
  pin<T>(value: T): Pinned<T>;
  /** Once no job that mentions it is under way. */
  unpin(pinned: Pinned<unknown>): void;
  /** Rejects jobs under way with `worker-died` and ends all threads, each as soon as it is done with its job. */
  close(): Promise<void>;
}

interface Task {
  readonly message: JobMessage;
  readonly transfer: readonly TransferListItem[];
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
  readonly onDone: () => void;
  readonly isShort: boolean;
}

/** Jobs in a thread at the same time, where all are short: one under way and one that follows. */
const shortJobsInThread = 2;

/** The pool's threads and what each of them is doing. */
interface State {
  readonly threads: readonly Worker[];
  readonly queue: Task[];
  /** Jobs in each thread, in the order of their answers. */
  readonly running: ReadonlyMap<Worker, Task[]>;
  ended: PrunerError<"worker-died"> | undefined;
}

/**
 * Starts the threads and waits until each has finished its setup.
 * @throws Whatever the setup throws in a thread, coded errors with their code; `worker-died` when a thread
 * cannot start.
 * @example const pool = await createPool<Batch, Float64Array>({ entry, workers: 4, setup: { bytes } });
 */
export async function createPool<Job, Result>(options: PoolOptions): Promise<Pool<Job, Result>> {
  const state = start(options);
  try {
    await Promise.all(state.threads.map(ready));
    if (state.ended !== undefined) throw state.ended;
  } catch (error) {
    await leave(state);
    throw error;
  }
  for (const thread of state.threads) thread.unref();
  let nextId = 0;
  let nextPin = 0;
  return {
    workers: state.threads.length,
    async run(job, options = {}) {
      if (options.signal?.aborted || state.ended !== undefined) options.onDone?.();
      options.signal?.throwIfAborted();
      if (state.ended !== undefined) throw state.ended;
      return (await submit(state, { id: nextId++, job }, options)) as Result;
    },
    pin(value) {
      const pinned = { pin: nextPin++ };
      tellAll(state, { kind: "pin", ...pinned, value });
      return pinned;
    },
    unpin: ({ pin }) => tellAll(state, { kind: "unpin", pin }),
    async close() {
      stop(state, "the pool was closed");
      await leave(state);
    },
  };
}

function start({ entry, workers, setup }: PoolOptions): State {
  if (!Number.isInteger(workers) || workers < 1) throw new RangeError(`${workers} workers make no pool`);
  const { url, options } = launchOf(entry);
  const workerData: Start = { setup };
  const threads = Array.from({ length: workers }, () => new Worker(url, { ...options, workerData }));
  const running = new Map(threads.map((thread): [Worker, Task[]] => [thread, []]));
  const state: State = { threads, queue: [], running, ended: undefined };
  for (const thread of threads) {
    thread.on("message", (reply: Reply) => settle(state, thread, reply));
    thread.on("error", (error) => stop(state, String(error)));
    thread.on("exit", (code) => stop(state, `exit code ${code}`));
  }
  return state;
}

/** Gives waiting jobs to threads that may take them. */
function dispatch(state: State): void {
  for (let task = state.queue[0]; task !== undefined; task = state.queue[0]) {
    const thread = threadFor(state, task);
    if (thread === undefined) return;
    state.queue.shift();
    hand(state, thread, task);
  }
}

/** A free thread, or one whose jobs are short enough to wait for. */
function threadFor({ running }: State, { isShort }: Task): Worker | undefined {
  let found: Worker | undefined;
  for (const [thread, tasks] of running) {
    if (tasks.length === 0) return thread;
    const mayWait = isShort && tasks.length < shortJobsInThread && tasks.every((task) => task.isShort);
    if (mayWait) found ??= thread;
  }
  return found;
}

/** An idle thread does not keep the process alive; a busy one does. */
function hand(state: State, thread: Worker, task: Task): void {
  const tasks = state.running.get(thread)!;
  try {
    thread.postMessage(task.message, task.transfer);
    if (tasks.push(task) === 1) thread.ref();
  } catch (error) {
    task.onDone();
    task.reject(error); // the job cannot be cloned; the thread is as free as before
  }
}

function settle(state: State, thread: Worker, reply: Reply): void {
  if (reply.kind !== "result" && reply.kind !== "failed") return;
  const tasks = state.running.get(thread)!;
  const task = tasks.shift();
  if (task === undefined) return; // the pool has ended meanwhile
  if (tasks.length === 0) thread.unref();
  task.onDone();
  if (reply.kind === "result") task.resolve(reply.value);
  else task.reject(unpackFailure(reply.failure));
  dispatch(state);
}

function tellAll({ threads, ended }: State, message: Message): void {
  if (ended === undefined) for (const thread of threads) thread.postMessage(message);
}

/** Ends the pool for good: every job it still holds rejects. */
function stop(state: State, detail: string): void {
  if (state.ended !== undefined) return;
  state.ended = new PrunerError("worker-died", { detail });
  for (const tasks of [...state.running.values(), state.queue])
    for (const task of tasks.splice(0)) {
      task.onDone();
      task.reject(state.ended);
    }
  void leave(state);
}

/**
 * Asks all threads to end, and waits until they have. A thread answers between two jobs only: to end it inside one, as
 * `Worker.terminate` does, brings the whole process down when native code finds its thread gone.
 */
async function leave({ threads }: State): Promise<void> {
  await Promise.all(threads.map(leaveThread));
}

function leaveThread(thread: Worker): Promise<void> {
  return new Promise((resolve) => {
    if (thread.threadId === -1) return resolve(); // has ended
    thread.once("exit", () => resolve());
    thread.ref(); // the process must not end while somebody waits for this
    thread.postMessage({ kind: "leave" } satisfies Leave);
  });
}

function submit(
  state: State,
  message: JobMessage,
  { transfer = [], signal, onDone = () => undefined, isShort = false }: JobOptions,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const unlisten = () => signal?.removeEventListener("abort", onAbort);
    const task: Task = {
      message,
      transfer,
      resolve: (value) => {
        unlisten();
        resolve(value);
      },
      reject: (reason) => {
        unlisten();
        reject(reason);
      },
      onDone,
      isShort,
    };
    function onAbort(): void {
      const waiting = state.queue.indexOf(task);
      if (waiting >= 0) {
        state.queue.splice(waiting, 1);
        onDone();
      }
      reject(signal?.reason);
    }
    if (signal !== undefined) setMaxListeners(0, signal); // one per job under way, each taken off when it settles
    signal?.addEventListener("abort", onAbort, { once: true });
    state.queue.push(task);
    dispatch(state);
  });
}

/** Resolves when the thread has set up, and rejects when it refuses or dies before. */
function ready(thread: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const onMessage = (reply: Reply) => {
      if (reply.kind === "refused") return done(() => reject(unpackFailure(reply.failure)));
      if (reply.kind === "ready") done(resolve);
    };
    const died = (detail: string, cause?: unknown) =>
      done(() => reject(new PrunerError("worker-died", { detail }, { cause })));
    const onError = (error: unknown) => died(String(error), error);
    const onExit = (code: number) => died(`exit code ${code} during setup`);
    const done = (finish: () => void) => {
      thread.off("message", onMessage).off("error", onError).off("exit", onExit);
      finish();
    };
    thread.on("message", onMessage).on("error", onError).on("exit", onExit);
  });
}
