/** @file The worker thread's side of a pool: set up once, then answer jobs one at a time. */
import { parentPort, type TransferListItem, workerData } from "node:worker_threads";
import { packFailure } from "./failure.ts";
import type { JobMessage, Leave, Reply, Start } from "./protocol.ts";

export type Handler<Job, Result> = (
  job: Job,
) => Result | Handover<Result> | Promise<Result | Handover<Result>>;

/** A result whose buffers move to the receiving thread instead of being copied. */
export class Handover<Result> {
  readonly value: Result;
  readonly transfer: readonly TransferListItem[];

  constructor(value: Result, transfer: readonly TransferListItem[]) {
    this.value = value;
    this.transfer = transfer;
  }
}

/**
 * Makes the calling module the entry of pool threads.
 * @param start Called once with the pool's `setup`; gives the function that answers every job.
 * @throws {Error} when the module does not run inside a pool thread: a defect of ours.
 * @example serve((setup: { factor: number }) => (job: number) => job * setup.factor);
 */
export function serve<Setup, Job, Result>(
  start: (setup: Setup) => Handler<Job, Result> | Promise<Handler<Job, Result>>,
): void {
  const port = parentPort;
  if (port === null) throw new Error("serve() was called outside a worker thread");
  const send = (reply: Reply, transfer: readonly TransferListItem[] = []) =>
    port.postMessage(reply, transfer);

  async function begin(): Promise<void> {
    const { setup } = workerData as Start;
    const starting = Promise.resolve(start(setup as Setup));
    port!.on("message", (message: JobMessage | Leave) => {
      if ("kind" in message) process.exit(); // ends this thread
      void starting.then((handler) => answer(handler, message));
    });
    await starting;
    send({ kind: "ready" });
  }

  async function answer(handler: Handler<Job, Result>, { id, job }: JobMessage): Promise<void> {
    try {
      const result = await handler(job as Job);
      if (result instanceof Handover) send({ kind: "result", id, value: result.value }, result.transfer);
      else send({ kind: "result", id, value: result });
    } catch (error) {
      send({ kind: "failed", id, failure: packFailure(error) });
    }
  }

  begin().catch((error: unknown) => send({ kind: "refused", failure: packFailure(error) }));
}
