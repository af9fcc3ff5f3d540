/** @file What one model is worth on one data set, example by example. */
import type { Dataset } from "../datasets/index.ts";
import type { Model } from "../graph/model.ts";
import { type Interval, meanInterval, type PayoffKind, payoff, qualityOf } from "../metrics/index.ts";
import type { Runner } from "../valuation/runner.ts";
import { outputKind, outputsOf } from "../valuation/targets.ts";

export interface Measurement {
  readonly examples: number;
  /** Share of correct answers; absent without class labels. */
  readonly accuracy?: Interval;
  /** Mean loss, smaller is better: cross-entropy (nats) or squared error; absent without labels. */
  readonly loss?: Interval;
  /** Per example, for paired comparisons: 1 for a correct answer. */
  readonly correct?: Float64Array;
  /** Outputs on every example, shape [examples, ...]. */
  readonly outputs: Float32Array;
  readonly width: number;
}

export interface MeasureOptions {
  readonly output: string;
  readonly signal?: AbortSignal | undefined;
  readonly onBatch?: ((done: number, total: number) => void) | undefined;
}

/** Runs the model on every example and holds its outputs against the labels, where there are any. */
export async function measure(
  runner: Runner,
  model: Model,
  dataset: Dataset,
  { output, signal, onBatch }: MeasureOptions,
): Promise<Measurement> {
  const outputs = await outputsOf(runner, runner.share(model), dataset, output, signal, onBatch);
  const perExample = outputs.length / dataset.size;
  const shape = model.graph.outputs.find(({ name }) => name === output)?.shape;
  const width = typeof shape?.[1] === "number" ? shape[1] : perExample;
  const base = { examples: dataset.size, outputs, width };
  const { labels } = dataset;
  if (labels === undefined) return base;
  const outputIs = outputKind(model, output);
  const rows = (kind: PayoffKind) =>
    payoff(kind, { outputIs }).rows(outputs, width, labels.values, new Float64Array(dataset.size));
  if (labels.kind === "values")
    return { ...base, loss: meanInterval(rows("squared-error").map((value) => -value)) };
  const correct = rows("accuracy");
  const { accuracy, loss } = qualityOf(correct, rows("cross-entropy"));
  return { ...base, accuracy, loss, correct };
}

/**
 * How far a model's outputs are from another's on the same examples: mean KL divergence in nats. Undefined for
 * networks that predict numbers, whose outputs are no probabilities.
 */
export function divergence(
  from: Measurement,
  to: Measurement,
  model: Model,
  output: string,
): Interval | undefined {
  if (from.loss !== undefined && from.accuracy === undefined) return undefined;
  const values = payoff("agreement", { outputIs: outputKind(model, output) }).rows(
    to.outputs,
    to.width,
    from.outputs,
    new Float64Array(to.examples),
  );
  return meanInterval(values.map((value) => -value));
}
