/** @file A pool of worker threads that carries jobs it does not interpret. */
import { setMaxListeners } from "node:events";
import { type TransferListItem, Worker } from "node:worker_threads";
import { PrunerError } from "../base/problem.ts";
import { launchOf } from "./entry.ts";
import { unpackFailure } from "./failure.ts";
import type { JobMessage, Leave, Reply, Start } from "./protocol.ts";

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
}

export interface Pool<Job, Result> {
  readonly workers: number;
  /**
   * Hands a job to an idle thread, or queues it. The queue has no bound: callers limit what they submit.
   * An aborted job is dropped when it waits; when it runs, it runs on and its result is ignored.
   * @throws The signal's reason when aborted; the worker's own error, coded errors with their code;
   * `worker-died` when a thread of the pool has ended, after which the pool is unusable.
   */
  run(job: Job, options?: JobOptions): Promise<Result>;
  /** Rejects jobs under way with `worker-died` and ends all threads, each as soon as it is done with its job. */
  close(): Promise<void>;
}

interface Task {
  readonly message: JobMessage;
  readonly transfer: readonly TransferListItem[];
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
  readonly onDone: () => void;
}

/** The pool's threads and what each of them is doing. */
interface State {
  readonly threads: readonly Worker[];
  readonly idle: Worker[];
  readonly queue: Task[];
  readonly running: Map<Worker, Task>;
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
  for (const thread of state.threads) release(state, thread);
  let nextId = 0;
  return {
    workers: state.threads.length,
    async run(job, options = {}) {
      if (options.signal?.aborted || state.ended !== undefined) options.onDone?.();
      options.signal?.throwIfAborted();
      if (state.ended !== undefined) throw state.ended;
      return (await submit(state, { id: nextId++, job }, options)) as Result;
    },
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
  const state: State = { threads, idle: [], queue: [], running: new Map(), ended: undefined };
  for (const thread of threads) {
    thread.on("message", (reply: Reply) => settle(state, thread, reply));
    thread.on("error", (error) => stop(state, String(error)));
    thread.on("exit", (code) => stop(state, `exit code ${code}`));
  }
  return state;
}

/** Gives a free thread the next job. An idle thread does not keep the process alive; a busy one does. */
function release(state: State, thread: Worker): void {
  const task = state.queue.shift();
  if (task === undefined) {
    thread.unref();
    state.idle.push(thread);
    return;
  }
  state.running.set(thread, task);
  thread.ref();
  try {
    thread.postMessage(task.message, task.transfer);
  } catch (error) {
    state.running.delete(thread);
    task.onDone();
    task.reject(error); // the job cannot be cloned; the thread is still free
    release(state, thread);
  }
}

function settle(state: State, thread: Worker, reply: Reply): void {
  const task = state.running.get(thread);
  if (task === undefined || (reply.kind !== "result" && reply.kind !== "failed")) return;
  state.running.delete(thread);
  task.onDone();
  if (reply.kind === "result") task.resolve(reply.value);
  else task.reject(unpackFailure(reply.failure));
  release(state, thread);
}

/** Ends the pool for good: every job it still holds rejects. */
function stop(state: State, detail: string): void {
  if (state.ended !== undefined) return;
  state.ended = new PrunerError("worker-died", { detail });
  for (const task of [...state.running.values(), ...state.queue]) {
    task.onDone();
    task.reject(state.ended);
  }
  state.running.clear();
  state.queue.length = 0;
  state.idle.length = 0;
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
  { transfer = [], signal, onDone = () => undefined }: JobOptions,
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
    const thread = state.idle.pop();
    if (thread !== undefined) release(state, thread);
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
