/** @file What outputs are held against: labels, or the original network's own outputs. */
import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { classLabels, type Dataset } from "../datasets/index.ts";
import type { Dim, Model } from "../graph/model.ts";
import { producersOf } from "../graph/traversal.ts";
import { metrics, type OutputIs, type PayoffKind } from "../metrics/index.ts";
import { sizeOf, toNumbers } from "../tensor/tensor.ts";
import type { SharedModel } from "./jobs.ts";
import { forward, type Runner } from "./runner.ts";

export interface PayoffSetup {
  readonly kind: PayoffKind;
  /** Output of the network the payoff reads. */
  readonly output: string;
  readonly outputIs: OutputIs;
  readonly targets: Int32Array | Float32Array;
  /** Set where the classes the network itself predicts stand in for labels. */
  readonly labels?: "own predictions";
}

/** The output to read: the one asked for, or the first. @throws {PrunerError} `output-unknown`. */
export function chooseOutput(model: Model, wanted: string | undefined): string {
  const available = model.graph.outputs.map(({ name }) => name);
  const found = wanted ?? available[0]!;
  if (!available.includes(found)) throw new PrunerError("output-unknown", { output: found, available });
  return found;
}

/**
 * What the numbers of an output mean, told by the node that makes them; nodes that pass numbers on are passed over. A
 * sigmoid makes the probability of class 1 where it makes one number per position; over several it is no distribution.
 */
export function outputKind({ graph }: Model, output: string): OutputIs {
  let maker = producersOf(graph).get(output);
  while (maker?.domain === "" && (maker.opType === "Identity" || maker.opType === "Cast"))
    maker = producersOf(graph).get(maker.inputs[0]!);
  if (maker?.opType === "Softmax") return "probabilities";
  if (maker?.opType === "LogSoftmax") return "log-probabilities";
  const shape = graph.outputs.find(({ name }) => name === output)?.shape;
  const isSingle = shape?.length === 1 || shape?.[1] === 1;
  return maker?.opType === "Sigmoid" && isSingle ? "probabilities" : "logits";
}

/** Classes that an output tells apart; a single number speaks for class 1 of two. Infinite where the file leaves it open. */
function classesOf(shape: readonly Dim[] | undefined): number {
  if (shape?.length === 1) return 2;
  const width = shape?.[1];
  return typeof width === "number" ? Math.max(2, width) : Number.POSITIVE_INFINITY;
}

/**
 * The payoff when none is asked for: cross-entropy against class labels, squared error against numbers, agreement
 * with the original network when there are no labels.
 */
export function defaultPayoff({ labels }: Dataset): PayoffKind {
  if (labels === undefined) return "agreement";
  return labels.kind === "classes" ? "cross-entropy" : "squared-error";
}

/**
 * Gathers everything a payoff needs.
 * @throws {PrunerError} `labels-missing`, `labels-invalid`, `output-unknown`, `targets-mismatch`.
 */
export async function preparePayoff(
  analysis: ChannelAnalysis,
  dataset: Dataset,
  runner: Runner,
  options: {
    readonly kind?: PayoffKind | undefined;
    readonly output?: string | undefined;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<PayoffSetup> {
  const { model, facts } = analysis;
  const kind = options.kind ?? defaultPayoff(dataset);
  const output = chooseOutput(model, options.output);
  const outputIs = outputKind(model, output);
  const base = { kind, output, outputIs };
  if (metrics[kind].needs === "classes")
    return { ...base, targets: classLabels(dataset, classesOf(facts.get(output)?.shape)) };
  if (kind === "agreement")
    return {
      ...base,
      targets: await outputsOf(runner, runner.share(model), dataset, output, options.signal),
    };
  const { labels } = dataset;
  if (labels === undefined) throw new PrunerError("labels-missing", { path: dataset.name });
  return { ...base, targets: labels.values };
}

/**
 * As {@link preparePayoff}, for gradients. Without labels the class that the network itself finds most likely serves as
 * label: agreement with the original is at its best there, so that its gradient is zero and tells nothing.
 * @throws {PrunerError} `payoff-not-differentiable` for agreement, and as {@link preparePayoff}.
 */
export async function prepareGradientPayoff(
  analysis: ChannelAnalysis,
  dataset: Dataset,
  runner: Runner,
  options: Parameters<typeof preparePayoff>[3] = {},
): Promise<PayoffSetup> {
  if (options.kind === "agreement")
    throw new PrunerError("payoff-not-differentiable", {
      payoff: "agreement",
      detail: "at the original network agreement is at its best and its gradient is zero",
    });
  if (options.kind !== undefined || dataset.labels !== undefined)
    return preparePayoff(analysis, dataset, runner, options);
  const { model, facts } = analysis;
  const output = chooseOutput(model, options.output);
  const outputIs = outputKind(model, output);
  const outputs = await outputsOf(runner, runner.share(model), dataset, output, options.signal);
  const classes = facts.get(output)?.shape?.[1];
  const targets = likeliest(outputs, typeof classes === "number" ? classes : 1, dataset.size, outputIs);
  return { kind: "cross-entropy", output, outputIs, targets, labels: "own predictions" };
}

/** The likeliest class of every position, the first of equals; a single output decides between two classes. */
function likeliest(outputs: Float32Array, width: number, examples: number, outputIs: OutputIs): Int32Array {
  const positions = outputs.length / (examples * width);
  const boundary = outputIs === "logits" ? 0 : outputIs === "probabilities" ? 0.5 : Math.log(0.5);
  return Int32Array.from({ length: examples * positions }, (_, at) => {
    const start = Math.floor(at / positions) * width * positions + (at % positions);
    if (width === 1) return outputs[start]! > boundary ? 1 : 0;
    let best = 0;
    for (let c = 1; c < width; c++)
      if (outputs[start + c * positions]! > outputs[start + best * positions]!) best = c;
    return best;
  });
}

/** Outputs of a model on every example, shape [examples, ...], as 32-bit floats. */
export async function outputsOf(
  runner: Runner,
  model: SharedModel,
  dataset: Dataset,
  output: string,
  signal?: AbortSignal,
  onBatch?: (done: number, total: number) => void,
): Promise<Float32Array> {
  let all = new Float32Array(0);
  await forward(
    runner,
    model,
    dataset,
    (outputs, start) => {
      const { shape, data, dtype } = outputs[output]!;
      const size = sizeOf(shape.slice(1));
      if (all.length === 0) all = new Float32Array(size * dataset.size);
      all.set(dtype === "float32" ? (data as Float32Array) : toNumbers({ dtype, shape, data }), start * size);
    },
    { signal, onBatch },
  );
  return all;
}
