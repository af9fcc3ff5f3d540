/** @file Time by kernel of models that run side by side, from the runtime's own profiler. */
import type { Model } from "../../graph/model.ts";
import { encodeModel } from "../../onnx/write.ts";
import { createPool } from "../../workers/thread-pool.ts";
import type { SessionOptions } from "../engine.ts";
import type { KernelTimes } from "./kernel-times.ts";
import { type Feeds, shared } from "./worker.ts";

/** What the thread is set up with. */
export interface ProfileSetup {
  readonly models: readonly Uint8Array[];
  readonly feeds: Feeds;
  readonly options: SessionOptions;
  /** Runs of each model that do not count, and those that do. */
  readonly warmup: number;
  readonly runs: number;
}

/**
 * Runs the models in turns, all optimizations on, in a thread of their own.
 * @returns One list of kernels for each model.
 * @throws {PrunerError} `engine-missing`, `provider-unavailable`, `engine-failed`; the signal's reason on abort.
 */
export async function profileModels(
  models: readonly Model[],
  { signal, ...setup }: Omit<ProfileSetup, "models"> & { readonly signal?: AbortSignal | undefined },
): Promise<KernelTimes[][]> {
  const encoded = models.map((model) => shared(encodeModel(model)));
  const entry = new URL("./profile-worker.ts", import.meta.url);
  const pool = await createPool<null, KernelTimes[][]>({
    entry,
    workers: 1,
    setup: { ...setup, models: encoded },
  });
  try {
    return await pool.run(null, { signal });
  } finally {
    await pool.close();
  }
}
