/** @file The evaluate command: what a model is worth on data, and beside another one. */

import { PrunerError } from "../base/problem.ts";
import type { LayerTimes } from "../evaluation/layer-times.ts";
import { divergence, type Measurement, measure } from "../evaluation/measure.ts";
import { type PairedAccuracy, pairedAccuracy } from "../metrics/index.ts";
import type { ModelFigures } from "../report/records.ts";
import { chooseOutput } from "../valuation/targets.ts";
import { figuresOf } from "./figures.ts";
import { type LoadedModel, runnable, sizeOnDisk } from "./load-model.ts";
import type { WorkOptions } from "./progress.ts";
import {
  type DataSettings,
  openFor,
  type PayoffSettings,
  type RuntimeSettings,
  startRuntime,
} from "./settings.ts";
import { timeLayers } from "./time-layers.ts";
import { timeModels } from "./time-models.ts";

export interface EvaluateOptions extends Pick<PayoffSettings, "output">, RuntimeSettings, WorkOptions {
  readonly model: LoadedModel;
  /** The model it came from, or any other with the same inputs and outputs. */
  readonly against?: LoadedModel | undefined;
  readonly data: DataSettings;
  readonly latency?: boolean | undefined;
  /** Time by layer, beside `against`. Left out: where latency is measured and did not fall. */
  readonly layerTimes?: boolean | undefined;
}

export interface Evaluation {
  readonly schemaVersion: 1;
  /** Figures of the model compared with; null without one. */
  readonly before: ModelFigures | null;
  readonly after: ModelFigures;
  readonly examples: number;
  /** Accuracy of the model minus accuracy of the other, on the same examples; null without labels or without another. */
  readonly accuracyChange: PairedAccuracy | null;
  /** Time by layer of both models; null where that was not measured. */
  readonly layerTimes: LayerTimes | null;
}

/** @throws {PrunerError} What models, data and the runtime can complain about. */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  if (options.layerTimes === true && options.against === undefined)
    throw new PrunerError("usage", {
      detail: "--layer-times compares layers before and after: give the original with --against.",
    });
  const loaded = options.against === undefined ? [options.model] : [options.against, options.model];
  const analyses = loaded.map(runnable);
  const dataset = await openFor(analyses.at(-1)!, options.data, options);
  const runner = await startRuntime(options);
  try {
    const measured: Measurement[] = [];
    for (const [k, analysis] of analyses.entries()) {
      const output = chooseOutput(analysis.model, options.output);
      const onBatch = (done: number, total: number) =>
        options.onProgress?.({ label: loaded[k]!.path, done, total, unit: "examples" });
      measured.push(
        await measure(runner, analysis.model, dataset, { output, signal: options.signal, onBatch }),
      );
    }
    checkComparable(measured, dataset.size);
    const feeds = (batch: number) => dataset.batch(Array.from({ length: batch }, (_, k) => k % dataset.size));
    const timed = await timeModels(analyses, feeds, options);
    const layerTimes = await timeLayers(analyses, feeds, timed, options);
    const bytes = await Promise.all(loaded.map(sizeOnDisk));
    const output = chooseOutput(analyses[0]!.model, options.output);
    const figures = analyses.map((analysis, k) =>
      figuresOf({
        analysis,
        bytes: bytes[k]!,
        measurement: measured[k],
        divergence: k === 0 ? undefined : divergence(measured[0]!, measured[1]!, analyses[0]!.model, output),
        latencies: timed[k],
      }),
    );
    const [first, second] = measured.map(({ correct }) => correct);
    return {
      schemaVersion: 1,
      before: figures.length > 1 ? figures[0]! : null,
      after: figures.at(-1)!,
      examples: dataset.size,
      accuracyChange: first !== undefined && second !== undefined ? pairedAccuracy(first, second) : null,
      layerTimes,
    };
  } finally {
    await runner.close();
  }
}

/** Two models are compared output by output. */
function checkComparable([first, second]: readonly Measurement[], examples: number): void {
  if (first === undefined || second === undefined || first.outputs.length === second.outputs.length) return;
  const [theirs, ours] = [first, second].map(({ outputs }) => outputs.length / examples);
  throw new PrunerError("usage", {
    detail: `--against: that model gives ${theirs} numbers for an example, this one ${ours}. Compare models of the same task.`,
  });
}
