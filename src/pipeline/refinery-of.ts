/** @file The refinery that prune's options ask for. */
import { fitToInputs } from "../datasets/index.ts";
import { measure } from "../evaluation/measure.ts";
import type { Model } from "../graph/model.ts";
import { toFloat32 } from "../passes/to-float32.ts";
import type { StageQuality } from "../report/records.ts";
import type { Bench } from "./prune-bench.ts";
import type { PruneOptions } from "./prune-options.ts";
import { type RecordingRefinery, refineryFor } from "./refine.ts";

/** Repair and tuning over the parts of the data cut for them; undefined when neither is wanted or there are no data. */
export function refineryOf(
  options: PruneOptions,
  { analysis, runner, parts }: Bench,
  output: string,
): RecordingRefinery | undefined {
  if (runner === undefined || parts === undefined) return undefined;
  const { calibrate, tune, validate, evaluate } = parts;
  if (calibrate === undefined && tune === undefined) return undefined;
  const { signal, onProgress, onRemark } = options;
  const judge = async (model: Model): Promise<StageQuality> => {
    const { accuracy, loss } = await measure(runner, model, evaluate, { output, signal });
    return { accuracy: accuracy?.value ?? null, loss: loss?.value ?? null };
  };
  const single = toFloat32(analysis.model).graph.inputs; // what networks in training are fed
  return refineryFor({
    original: analysis,
    runner,
    output,
    seed: options.settings.seed,
    calibrate,
    tune: tune && {
      ...options.tune!,
      parts: { train: fitToInputs(tune, single), validate: fitToInputs(validate!, single) },
    },
    judge,
    signal,
    onProgress,
    onRemark,
  });
}
