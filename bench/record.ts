/** @file What a benchmark gives: rows of figures, and claims that hold or do not. */
import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";
import { runtimeVersion } from "../src/engine/ort/load.ts";
import type { Drawing } from "../src/report/html/charts/plot.ts";

/** A target in numbers and what was measured. */
export interface Claim {
  readonly claim: string;
  readonly measured: number;
  readonly met: boolean;
}

/** Numbers that a picture is drawn from: one line, or one set of bars. */
export interface Series {
  /** What it belongs to, such as a group of a network. */
  readonly panel: string;
  readonly name: string;
  readonly points: readonly Readonly<Record<string, number>>[];
}

/** A picture for the page. */
export interface Picture {
  /** What tells it from other pictures of the same benchmark, in the name of its file. */
  readonly name: string;
  readonly title: string;
  /** What it shows, for those who cannot see it. */
  readonly alt: string;
  /** Names of the series, in the order of their looks; no legend when there are none. */
  readonly legend: readonly string[];
  readonly drawing: Drawing;
}

export interface Findings {
  /** One object per line of the table; the keys are its columns. */
  readonly rows: readonly Readonly<Record<string, string | number>>[];
  readonly claims: readonly Claim[];
  readonly series?: readonly Series[];
}

export interface Benchmark {
  readonly title: string;
  /** How it is measured, in a sentence or two. */
  readonly how: string;
  /** About how long it takes on two quiet cores. */
  readonly minutes: number;
  /** Findings, or why there can be none here. */
  run(): Promise<Findings | { readonly skipped: string }>;
  /** Pictures of what was found. */
  draw?(series: readonly Series[]): readonly Picture[];
}

/** Findings of several parts, one after the other. */
export function together(parts: readonly Findings[]): Findings {
  return {
    rows: parts.flatMap(({ rows }) => rows),
    claims: parts.flatMap(({ claims }) => claims),
    series: parts.flatMap(({ series = [] }) => series),
  };
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
