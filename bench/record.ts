/** @file What a benchmark gives: rows of figures, and claims that hold or do not. */
import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";
import { runtimeVersion } from "../src/engine/ort/load.ts";

/** A target in numbers and what was measured. */
export interface Claim {
  readonly claim: string;
  readonly measured: number;
  readonly met: boolean;
}

export interface Findings {
  /** One object per line of the table; the keys are its columns. */
  readonly rows: readonly Readonly<Record<string, string | number>>[];
  readonly claims: readonly Claim[];
}

export interface Benchmark {
  readonly title: string;
  /** How it is measured, in a sentence or two. */
  readonly how: string;
  /** Findings, or why there can be none here. */
  run(): Promise<Findings | { readonly skipped: string }>;
}

export function atLeast(claim: string, target: number, measured: number): Claim {
  return { claim: `${claim} at least ${target}`, measured, met: measured >= target };
}

export function atMost(claim: string, target: number, measured: number): Claim {
  return { claim: `${claim} at most ${target}`, measured, met: measured <= target };
}

/** The machine and the versions that figures belong to. */
export function circumstances(): Readonly<Record<string, string | number>> {
  const processors = cpus();
  const typescript = createRequire(import.meta.url)("typescript/package.json") as {
    readonly version: string;
  };
  return {
    date: new Date().toISOString(),
    cpu: processors[0]?.model ?? "unknown",
    threads: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    runtime: runtimeVersion(),
    typescript: typescript.version,
  };
}
