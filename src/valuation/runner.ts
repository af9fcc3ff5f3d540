/** @file Threads that run networks, shared by everything one command does. */
import { freemem } from "node:os";
import { batches, type Dataset } from "../datasets/index.ts";
import type { Engine, SessionOptions } from "../engine/engine.ts";
import { shared } from "../engine/ort/worker.ts";
import type { Model } from "../graph/model.ts";
import { encodeModel } from "../onnx/write.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { createPool, type Pool } from "../workers/thread-pool.ts";
import { type Arena, newArena } from "./arena.ts";
import type { Job, JobResult, SharedModel, ThreadSetup } from "./jobs.ts";

export interface RunnerOptions {
  /** Threads; each runs one batch at a time. */
  readonly workers: number;
  /** Execution providers in order of preference. */
  readonly providers?: readonly string[] | undefined;
  /** Threads inside one run. 1 (the default) keeps results the same for any number of workers. */
  readonly threads?: number | undefined;
}

export interface Runner {
  readonly workers: number;
  /** Execution providers in order of preference. */
  readonly providers: readonly string[];
  readonly pool: Pool<Job, JobResult>;
  /** Memory for what games keep. */
  readonly arena: Arena;
  /** Bytes that a game may keep where no ceiling is stated: half of what was free at the start. */
  readonly usualMemory: number;
  /** Puts a model where all threads find it. */
  share(model: Model): SharedModel;
  close(): Promise<void>;
}

/**
 * Starts the threads.
 * @throws {PrunerError} `engine-missing`, `provider-unavailable` when the first model is opened.
 */
export async function startRunner({ workers, providers, threads = 1 }: RunnerOptions): Promise<Runner> {
  const options: SessionOptions = { threads, ...(providers !== undefined && { providers }) };
  const setup: ThreadSetup = { options };
  const entry = new URL("./worker.ts", import.meta.url);
  const pool = await createPool<Job, JobResult>({ entry, workers, setup });
  let models = 0;
  return {
    workers,
    providers: providers ?? ["cpu"],
    pool,
    arena: newArena(),
    usualMemory: freemem() / 2,
    share: (model) => ({ id: models++, bytes: shared(encodeModel(model)) }),
    close: () => pool.close(),
  };
}

export interface ForwardOptions {
  readonly batchSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onBatch?: ((done: number, total: number) => void) | undefined;
}

/**
 * Runs a model over a whole data set, several batches at once.
 * @param receive Called once per batch, in the order of the examples.
 */
export async function forward(
  runner: Runner,
  model: SharedModel,
  dataset: Dataset,
  receive: (outputs: Readonly<Record<string, Tensor>>, start: number, count: number) => void,
  { batchSize = 64, signal, onBatch }: ForwardOptions = {},
): Promise<void> {
  const waiting: { readonly result: Promise<JobResult>; readonly start: number; readonly count: number }[] =
    [];
  let start = 0;
  const settle = async () => {
    const next = waiting.shift()!;
    receive((await next.result) as Readonly<Record<string, Tensor>>, next.start, next.count);
    onBatch?.(next.start + next.count, dataset.size);
  };
  for (const indices of batches(dataset.size, { size: batchSize })) {
    signal?.throwIfAborted();
    const result = runner.pool.run({ kind: "forward", model, feeds: dataset.batch(indices) }, { signal });
    result.catch(() => undefined); // awaited in order below; an earlier failure must not leave this one unhandled
    waiting.push({ result, start, count: indices.length });
    start += indices.length;
    if (waiting.length > 2 * runner.workers) await settle();
  }
  while (waiting.length > 0) await settle();
}

/** The threads as an engine: sessions share them, and a run takes whichever is idle. */
export function engineOver(runner: Runner): Engine {
  return {
    name: "onnxruntime in worker threads",
    open: (model) => {
      const shared = runner.share(model);
      const run = (feeds: Readonly<Record<string, Tensor>>) =>
        runner.pool.run({ kind: "forward", model: shared, feeds }) as Promise<Record<string, Tensor>>;
      return Promise.resolve({ run, close: () => Promise.resolve() });
    },
  };
}
