/** @file ONNX Runtime in a thread of its own, so that the event loop of the caller stays free. */
import type { Tensor } from "../../tensor/tensor.ts";
import { createPool } from "../../workers/thread-pool.ts";
import type { Session, SessionOptions } from "../engine.ts";

/** What the session thread is set up with; the bytes lie in shared memory, so they are not copied per thread. */
export interface SessionSetup {
  readonly bytes: Uint8Array;
  readonly options: SessionOptions;
}

export type Feeds = Readonly<Record<string, Tensor>>;
export type Results = Record<string, Tensor>;

/**
 * A session over the bytes of a model file, running in a worker thread behind the same interface.
 * Feeds are copied to the thread (tensors over shared memory travel without that copy), results move back.
 * @throws {PrunerError} As `openBytes` does; `worker-died` when the thread ends, for example out of memory.
 */
export async function openBytesInWorker(bytes: Uint8Array, options: SessionOptions = {}): Promise<Session> {
  const setup: SessionSetup = { bytes: shared(bytes), options };
  const entry = new URL("./session-worker.ts", import.meta.url);
  const pool = await createPool<Feeds, Results>({ entry, workers: 1, setup });
  return { run: (feeds) => pool.run(feeds), close: () => pool.close() };
}

/** The same bytes in memory that threads share. */
export function shared(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
