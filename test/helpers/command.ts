/** @file Runs command lines in process, in folders of their own. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { run } from "../../src/cli/run.ts";
import type { Model } from "../../src/graph/model.ts";
import { encodeModel } from "../../src/onnx/write.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { npyBytes } from "./array-files.ts";

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface CommandOptions {
  readonly signal?: AbortSignal;
  /** Whether stderr passes for a terminal. */
  readonly isTerminal?: boolean;
}

/** One command line, with what it printed; numbers and names as arguments. */
export async function command(
  argv: readonly (string | number)[],
  { signal = new AbortController().signal, isTerminal = false }: CommandOptions = {},
): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  const io = { out: (text: string) => out.push(text), err: (text: string) => err.push(text) };
  const code = await run(argv.map(String), { ...io, isTerminal, signal });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

/** The document a command printed with `--json`; fails the test when it did not end with the code. */
export async function documentOf<T = Record<string, never>>(
  argv: readonly (string | number)[],
  code = 0,
): Promise<T> {
  const outcome = await command([...argv, "--json"]);
  if (outcome.code !== code) throw new Error(`exit code ${outcome.code}: ${outcome.err}`);
  return JSON.parse(outcome.out) as T;
}

export interface Folder {
  readonly path: string;
  /** Path of a file that may not exist yet. */
  file(name: string): string;
  write(name: string, content: Uint8Array | string): string;
  model(name: string, model: Model): string;
  npy(name: string, array: Tensor): string;
  /** Names of everything in it, sorted. */
  names(): string[];
}

/** A folder that goes when the tests of the file are done. */
export function temporaryFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "shapley-pruner-"));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  const file = (name: string) => join(path, name);
  const write = (name: string, content: Uint8Array | string) => {
    writeFileSync(file(name), content);
    return file(name);
  };
  return {
    path,
    file,
    write,
    model: (name, model) => write(name, encodeModel(model)),
    npy: (name, array) => write(name, npyBytes(array)),
    names: () => readdirSync(path).sort(),
  };
}
