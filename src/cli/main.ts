#!/usr/bin/env node
/** @file The command shapley-pruner. */
import { run } from "./run.ts";

const interruption = new AbortController();
let interrupts = 0;
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    interrupts++;
    if (interrupts > 1) return die(name);
    interruption.abort(new Error(`received ${name}`));
  });
}
/** A second signal does not wait for the state to be saved: the process ends as if it had no handler. */
function die(name: NodeJS.Signals): void {
  process.removeAllListeners(name);
  process.kill(process.pid, name);
}

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0); // the reader, such as head, has seen enough
  throw error;
});

const code = await run(process.argv.slice(2), {
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
  isTerminal: process.stderr.isTTY === true,
  signal: interruption.signal,
});
process.exitCode = code;
