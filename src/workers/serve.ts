/** @file The worker thread's side of a pool: set up once, then answer jobs one at a time. */
import { parentPort, type TransferListItem, workerData } from "node:worker_threads";
import { packFailure } from "./failure.ts";
import type { JobMessage, Message, Pinned, Reply, Start } from "./protocol.ts";

export type Handler<Job, Result> = (
  job: Job,
) => Result | Handover<Result> | Promise<Result | Handover<Result>>;

/** What was pinned, in this thread. */
export type Lookup = <T>(pinned: Pinned<T>) => T;

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
 * @param start Called once with the pool's `setup`; gives the function that answers jobs, one after the other.
 * @throws {Error} when the module does not run inside a pool thread: a defect of ours.
 * @example serve((setup: { factor: number }) => (job: number) => job * setup.factor);
 */
export function serve<Setup, Job, Result>(
  start: (setup: Setup, lookup: Lookup) => Handler<Job, Result> | Promise<Handler<Job, Result>>,
): void {
  const port = parentPort;
  if (port === null) throw new Error("serve() was called outside a worker thread");
  const send = (reply: Reply, transfer: readonly TransferListItem[] = []) =>
    port.postMessage(reply, transfer);

  const pins = new Map<number, unknown>();
  const lookup: Lookup = <T>({ pin }: Pinned<T>) => {
    if (!pins.has(pin)) throw new Error(`No thread was sent pin ${pin}`);
    return pins.get(pin) as T;
  };

  async function begin(): Promise<void> {
    const { setup } = workerData as Start;
    const starting = Promise.resolve(start(setup as Setup, lookup));
    let last: Promise<unknown> = Promise.resolve();
    port!.on("message", (message: Message) => {
      if ("job" in message) last = last.then(async () => answer(await starting, message));
      else if (message.kind === "pin") pins.set(message.pin, message.value);
      else if (message.kind === "unpin") pins.delete(message.pin);
      else process.exit(); // ends this thread
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
