/** @file Judges parameters under training on examples of their own, without opening a session for each set of them. */
import { mapInOrder } from "../base/map-in-order.ts";
import { batches, type Dataset } from "../datasets/index.ts";
import type { Model } from "../graph/model.ts";
import { type OutputIs, type PayoffKind, payoff } from "../metrics/index.ts";
import { sizeOf, type Tensor, toNumbers } from "../tensor/tensor.ts";
import type { FloatLayout } from "../valuation/jobs.ts";
import type { Runner } from "../valuation/runner.ts";
import type { Targets } from "./batches.ts";
import { arrayOf, type ReadonlyNamedArrays } from "./named-arrays.ts";
import type { TrainingGraph } from "./training-graph.ts";

export interface Judgement {
  /** Mean loss, smaller is better: cross-entropy (nats), squared error, or divergence from the teacher (nats). */
  readonly loss: number;
  /** Share of right answers; absent without class labels. */
  readonly accuracy?: number;
}

/** Judges the network with the given parameters and running statistics. */
export type Validator = (
  parameters: ReadonlyNamedArrays,
  statistics: ReadonlyNamedArrays,
  signal?: AbortSignal,
) => Promise<Judgement>;

export interface ValidationData {
  readonly dataset: Dataset;
  readonly targets: Targets;
  readonly output: string;
  readonly outputIs: OutputIs;
  /** The payoff whose negative is the loss. */
  readonly kind: Extract<PayoffKind, "cross-entropy" | "squared-error" | "agreement">;
}

const batchSize = 64;

export function validatorFor(runner: Runner, graph: TrainingGraph, data: ValidationData): Validator {
  const { model, layout } = evaluationGraph(graph, data.output);
  const setup = { model: runner.share(model), inputs: layout, outputs: { entries: [], size: 0 } };
  const from = new Float32Array(new SharedArrayBuffer(4 * layout.size));
  const into = new Float32Array(0);
  let version = 0;
  return async (parameters, statistics, signal) => {
    version++;
    for (const { name, shape, offset } of layout.entries) {
      const source = parameters.has(name) ? parameters : statistics;
      from.set(arrayOf(source, name, sizeOf(shape)), offset);
    }
    const run = async (examples: Uint32Array) => {
      signal?.throwIfAborted();
      const feeds = data.dataset.batch(examples);
      const outputs = await runner.pool.run(
        { kind: "exchange", setup, feeds, from, version, into },
        { signal },
      );
      return { examples, output: (outputs as Readonly<Record<string, Tensor>>)[data.output]! };
    };
    const totals = { loss: 0, correct: 0 };
    const all = batches(data.dataset.size, { size: batchSize });
    for await (const { examples, output } of mapInOrder(all, run, 2 * runner.workers))
      addTo(totals, data, output, examples);
    const { size } = data.dataset;
    const isClassifier = data.kind === "cross-entropy";
    return { loss: totals.loss / size, ...(isClassifier && { accuracy: totals.correct / size }) };
  };
}

/** The network with what training changes as inputs. */
function evaluationGraph(graph: TrainingGraph, output: string): { model: Model; layout: FloatLayout } {
  const { network } = graph;
  const trained = graph.parameters.entries.map(({ name }) => name);
  const running = graph.statistics.flatMap(({ runningMean, runningVariance }) => [
    runningMean,
    runningVariance,
  ]);
  const initializers = new Map(network.graph.initializers);
  let size = 0;
  const entries = [...new Set([...trained, ...running])].map((name) => {
    const { shape } = initializers.get(name)!;
    initializers.delete(name);
    const entry = { name, shape, offset: size };
    size += sizeOf(shape);
    return entry;
  });
  const inputs = entries.map(({ name, shape }) => ({ name, dtype: "float32" as const, shape }));
  const model: Model = {
    ...network,
    graph: {
      ...network.graph,
      initializers,
      inputs: [...network.graph.inputs, ...inputs],
      outputs: network.graph.outputs.filter(({ name }) => name === output),
    },
  };
  return { model, layout: { entries, size } };
}

function addTo(
  totals: { loss: number; correct: number },
  { targets, outputIs, kind }: ValidationData,
  output: Tensor,
  examples: Uint32Array,
): void {
  const values = output.data instanceof Float32Array ? output.data : toNumbers(output);
  const width = output.shape[1] ?? 1;
  const score = (of: PayoffKind) =>
    payoff(of, { outputIs })
      .rows(values, width, targets.values, new Float64Array(examples.length), examples)
      .reduce((sum, worth) => sum + worth, 0);
  totals.loss -= score(kind);
  if (kind === "cross-entropy") totals.correct += score("accuracy");
}
