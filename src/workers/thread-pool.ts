/** @file A pool of worker threads that carries jobs it does not interpret. */
import { type TransferListItem, Worker } from "node:worker_threads";
import { PrunerError } from "../base/problem.ts";
import { launchOf } from "./entry.ts";
import { unpackFailure } from "./failure.ts";
import type { JobMessage, Reply, Start } from "./protocol.ts";

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
  /** Ends all threads; jobs under way reject with `worker-died`. */
  close(): Promise<void>;
}

interface Task {
  readonly message: JobMessage;
  readonly transfer: readonly TransferListItem[];
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Starts the threads and waits until each has finished its setup.
 * @throws Whatever the setup throws in a thread, coded errors with their code; `worker-died` when a thread
 * cannot start.
 * @example const pool = await createPool<Batch, Float64Array>({ entry, workers: 4, setup: { bytes } });
 */
export async function createPool<Job, Result>(options: PoolOptions): Promise<Pool<Job, Result>> {
  const { entry, workers, setup } = options;
  if (!Number.isInteger(workers) || workers < 1) throw new RangeError(`${workers} workers make no pool`);
  const idle: Worker[] = [];
  const queue: Task[] = [];
  const running = new Map<Worker, Task>();
  let ended: PrunerError<"worker-died"> | undefined;
  let nextId = 0;

  const launch = launchOf(entry);
  const start: Start = { setup };
  const threads = Array.from(
    { length: workers },
    () => new Worker(launch.url, { ...launch.options, workerData: start }),
  );
  for (const thread of threads) {
    thread.on("error", (error) => stop(String(error)));
    thread.on("exit", (code) => stop(`exit code ${code}`));
    thread.on("message", (reply: Reply) => settle(thread, reply));
  }
  try {
    await Promise.all(threads.map(ready));
    if (ended !== undefined) throw ended;
  } catch (error) {
    await terminateAll();
    throw error;
  }
  for (const thread of threads) release(thread);

  /** An idle thread does not keep the process alive; a busy one does. */
  function release(thread: Worker): void {
    const task = queue.shift();
    if (task === undefined) {
      thread.unref();
      idle.push(thread);
      return;
    }
    running.set(thread, task);
    thread.ref();
    try {
      thread.postMessage(task.message, task.transfer);
    } catch (error) {
      running.delete(thread);
      task.reject(error); // the job cannot be cloned; the thread is still free
      release(thread);
    }
  }

  function settle(thread: Worker, reply: Reply): void {
    const task = running.get(thread);
    if (task === undefined || (reply.kind !== "result" && reply.kind !== "failed")) return;
    running.delete(thread);
    if (reply.kind === "result") task.resolve(reply.value);
    else task.reject(unpackFailure(reply.failure));
    release(thread);
  }

  function stop(detail: string): void {
    if (ended !== undefined) return;
    ended = new PrunerError("worker-died", { detail });
    for (const task of [...running.values(), ...queue]) task.reject(ended);
    running.clear();
    queue.length = 0;
    idle.length = 0;
    for (const thread of threads) void thread.terminate();
  }

  async function terminateAll(): Promise<void> {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }

  function submit(
    job: unknown,
    transfer: readonly TransferListItem[],
    signal?: AbortSignal,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        const waiting = queue.indexOf(task);
        if (waiting >= 0) queue.splice(waiting, 1);
        reject(signal?.reason);
      };
      const settled = () => signal?.removeEventListener("abort", onAbort);
      const task: Task = {
        message: { id: nextId++, job },
        transfer,
        resolve: (value) => {
          settled();
          resolve(value);
        },
        reject: (reason) => {
          settled();
          reject(reason);
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      queue.push(task);
      const thread = idle.pop();
      if (thread !== undefined) release(thread);
    });
  }

  return {
    workers,
    async run(job, { signal, transfer = [] } = {}) {
      signal?.throwIfAborted();
      if (ended !== undefined) throw ended;
      return (await submit(job, transfer, signal)) as Result;
    },
    async close() {
      stop("the pool was closed");
      await terminateAll();
    },
  };
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
