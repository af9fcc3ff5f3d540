/** @file Payoffs by name, applied to many rows of model output at once. */
import { PrunerError } from "../base/problem.ts";
import { accuracy } from "./accuracy.ts";
import { agreement } from "./agreement.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { margin } from "./margin.ts";
import type { Metric, Row, Scores } from "./metric.ts";
import { squaredError } from "./squared-error.ts";
import { asTwoClasses } from "./two-classes.ts";

/** Every payoff a game can be played for; larger is better in all of them. */
export const metrics = {
  "cross-entropy": crossEntropy,
  accuracy,
  margin,
  agreement,
  "squared-error": squaredError,
} as const satisfies Record<string, Metric>;

export type PayoffKind = keyof typeof metrics;

export interface Payoff {
  readonly kind: PayoffKind;
  readonly title: string;
  readonly unit: string;
  readonly needs: Metric["needs"];
  /**
   * One payoff per row of output.
   * @param outputs Shape [rows, width, ...positions], row-major; axis 1 holds classes or output channels.
   * @param width Size of axis 1. For classifiers 1 means a single output that speaks for class 1 against class 0, as
   *   before (logits) or behind (probabilities) a sigmoid.
   * @param targets Shape [examples, ...positions] of class indices, or [examples, width, ...positions] of numbers.
   * @param out Shape [rows], written to; its length says how many rows there are.
   * @param examples Shape [rows], which example's target each row is held against. Left out: row i against example i.
   * @returns `out`.
   * @throws {PrunerError} `targets-mismatch` when targets do not suit the metric or the outputs, `output-not-finite`.
   */
  rows(
    outputs: Float32Array | Float64Array,
    width: number,
    targets: Row["targets"],
    out: Float64Array,
    examples?: Uint32Array,
  ): Float64Array;
}

export interface PayoffOptions {
  /** What a classifier's outputs are. Default "logits". */
  readonly outputIs?: Scores | undefined;
}

/** @example payoff("accuracy").rows(Float32Array.of(0.1, 0.9), 2, Int32Array.of(1), new Float64Array(1)); // [1] */
export function payoff(kind: PayoffKind, { outputIs = "logits" }: PayoffOptions = {}): Payoff {
  const { title, unit, needs } = metrics[kind];
  return {
    kind,
    title,
    unit,
    needs,
    rows(outputs, width, targets, out, examples) {
      if (width !== 1 || kind === "squared-error" || out.length === 0) {
        return scoreRows(kind, outputIs, outputs, width, targets, out, examples);
      }
      const positions = outputs.length / out.length;
      const both = asTwoClasses(outputs, positions, outputIs);
      const isReference = needs === "outputs" && !(targets instanceof Int32Array);
      const against = isReference ? asTwoClasses(targets, positions, outputIs) : targets;
      return scoreRows(kind, outputIs, both, 2, against, out, examples);
    },
  };
}

function scoreRows(
  kind: PayoffKind,
  outputIs: Scores,
  ...[outputs, width, targets, out, examples]: Parameters<Payoff["rows"]>
): Float64Array {
  const { needs, scorer } = metrics[kind];
  const rows = out.length;
  if (rows === 0) return out;
  const size = outputs.length / rows;
  const positions = size / width;
  const targetSize = needs === "classes" ? positions : size;
  checkSizes(kind, { outputs, width, positions, targets, targetSize, rows, examples });
  const value = scorer();
  const row = { outputs, start: 0, width, positions, targets, targetStart: 0 };
  for (let i = 0; i < rows; i++) {
    row.start = i * size;
    row.targetStart = (examples === undefined ? i : examples[i]!) * targetSize;
    const worth = value(row, outputIs);
    if (!Number.isFinite(worth)) throw new PrunerError("output-not-finite", { metric: kind, row: i });
    out[i] = worth;
  }
  return out;
}

interface Sizes extends Pick<Row, "outputs" | "width" | "positions" | "targets"> {
  readonly targetSize: number;
  readonly rows: number;
  readonly examples: Uint32Array | undefined;
}

function checkSizes(kind: PayoffKind, sizes: Sizes): void {
  const { outputs, width, positions, targets, targetSize, rows, examples } = sizes;
  if (!Number.isInteger(positions) || positions < 1) {
    throw new RangeError(`${outputs.length} outputs are not ${rows} rows of width ${width}`);
  }
  if (metrics[kind].needs === "classes") {
    checkClasses(kind, targets, width);
  } else if (targets instanceof Int32Array) {
    throw mismatch(kind, "class labels", "targets that are numbers shaped like the model's output");
  }
  const given = targets.length / targetSize;
  const needed = examples === undefined ? rows : countFor(examples);
  if (!Number.isInteger(given) || given < needed) {
    const expected = `${targetSize} per example for at least ${needed} examples, as the model's output has`;
    throw mismatch(kind, `${targets.length} target values`, expected);
  }
}

/** Examples there have to be for the largest of some numbers. */
function countFor(examples: Uint32Array): number {
  let most = 0;
  for (let row = 0; row < examples.length; row++) if (examples[row]! >= most) most = examples[row]! + 1; // a call for each would show
  return most;
}

/** A label beyond the width would read its neighbour's output unnoticed. */
function checkClasses(kind: PayoffKind, targets: Row["targets"], width: number): void {
  if (!(targets instanceof Int32Array))
    throw mismatch(kind, "targets that are numbers", "class labels (integers)");
  for (let i = 0; i < targets.length; i++) {
    if (targets[i]! >= width)
      throw mismatch(kind, `label ${targets[i]}`, `labels below ${width}, the model's classes`);
  }
}

function mismatch(metric: string, got: string, expected: string): PrunerError {
  return new PrunerError("targets-mismatch", { metric, got, expected });
}
