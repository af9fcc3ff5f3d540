/** @file PyTorch in a process of its own, as a yardstick: found through $PYTHON, /usr/bin/python3 or python3. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

const script = join(import.meta.dirname, "torch-step.py");

/** What some steps took. */
export interface Spent {
  readonly seconds: number;
  /** Seconds of processor time, all threads together. */
  readonly cpu: number;
}

export interface TorchSteps {
  readonly version: string;
  run(steps: number): Promise<Spent>;
  close(): void;
}

/** A Python that has PyTorch, or why there is none. */
export function findTorch(): { readonly python: string } | { readonly reason: string } {
  const candidates = [process.env["PYTHON"], "/usr/bin/python3", "python3"].filter((c) => c !== undefined);
  const python = candidates.find((path) => spawnSync(path, ["-c", "import torch"]).status === 0);
  if (python !== undefined) return { python };
  return { reason: `skipped: none of ${candidates.join(", ")} can import torch; set PYTHON to one that can` };
}

/** A Python program that answers lines with lines of JSON. */
export interface Program {
  /** The line it printed when it was ready. */
  readonly ready: string;
  ask(number: number): Promise<unknown>;
  close(): void;
}

/** Starts a program that prints {"ready": ...} and then answers every number it is given. */
export async function startPython(python: string, script: string, args: readonly string[]): Promise<Program> {
  const child: ChildProcess = spawn(python, [script, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done === true) throw new Error(`${script} ended before it had answered`);
    return JSON.parse(line.value);
  };
  const { ready } = (await answer()) as { readonly ready: string };
  return {
    ready,
    ask(number) {
      child.stdin!.write(`${number}\n`);
      return answer();
    },
    close: () => child.stdin!.end(),
  };
}

/** Starts training a network, whose steps then run on demand. */
export async function startTorch(
  python: string,
  network: string,
  batch: number,
  threads: number,
): Promise<TorchSteps> {
  const program = await startPython(python, script, [network, String(batch), String(threads)]);
  return {
    version: program.ready,
    run: async (steps) => (await program.ask(steps)) as Spent,
    close: program.close,
  };
}
