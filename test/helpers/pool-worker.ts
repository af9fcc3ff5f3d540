/** @file Entry of the threads that the pool's tests start. */
import { threadId } from "node:worker_threads";
import { PrunerError } from "../../src/base/problem.ts";
import type { Pinned } from "../../src/workers/protocol.ts";
import { Handover, serve } from "../../src/workers/serve.ts";

export interface TestSetup {
  readonly factor: number;
  readonly shared?: Int32Array;
  readonly refuse?: boolean;
}

export type TestJob =
  | { readonly do: "multiply"; readonly value: number; readonly waitMs?: number }
  | { readonly do: "multiplyPinned"; readonly value: Pinned<{ readonly number: number }> }
  | { readonly do: "count" }
  | { readonly do: "whoami"; readonly waitMs: number }
  | { readonly do: "fail" }
  | { readonly do: "throw" }
  | { readonly do: "exit" }
  | { readonly do: "bytes"; readonly bytes: Uint8Array };

serve((setup: TestSetup, lookup) => {
  if (setup.refuse === true) throw new PrunerError("usage", { detail: "setup refused" });
  return async (job: TestJob): Promise<unknown> => {
    switch (job.do) {
      case "multiply":
        await sleep(job.waitMs ?? 0);
        return job.value * setup.factor;
      case "multiplyPinned":
        return lookup(job.value).number * setup.factor;
      case "count":
        return Atomics.add(setup.shared!, 0, 1);
      case "whoami":
        await sleep(job.waitMs);
        return threadId;
      case "fail":
        throw new PrunerError("invalid-option", { option: "x", got: "1", expected: "2" });
      case "throw":
        throw new RangeError("raw");
      case "exit":
        return process.exit(3);
      case "bytes":
        return new Handover(job.bytes, [job.bytes.buffer as ArrayBuffer]);
      default:
        return job satisfies never;
    }
  };
});

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
