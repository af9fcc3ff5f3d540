/** @file The refinery that prune's options ask for. */
import { costModelOf, fullCost } from "../channels/cost.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { type Dataset, fitToInputs } from "../datasets/index.ts";
import { measure } from "../evaluation/measure.ts";
import type { Model } from "../graph/model.ts";
import { operatorOf } from "../ops/index.ts";
import { toFloat32 } from "../passes/to-float32.ts";
import type { StageQuality } from "../report/records.ts";
import { atMost } from "./cut-data.ts";
import { boundsOf } from "./figures.ts";
import type { KeptWork } from "./kept-work.ts";
import type { Bench } from "./prune-bench.ts";
import type { PruneOptions } from "./prune-options.ts";
import { type RecordingRefinery, refineryFor } from "./refine.ts";

/**
 * Multiply-accumulates that repair may take before it looks at fewer examples: a few minutes on two cores. Every layer
 * that is refitted runs the network up to itself again, so the work grows with depth times size.
 */
const affordable = 2e13;

/** Examples that repair looks at however large the network. */
const fewest = 256;

/** Repair and tuning over the parts of the data cut for them; undefined when neither is wanted or there are no data. */
export function refineryOf(
  options: PruneOptions,
  { analysis, runner, parts }: Bench,
  output: string,
  checkpoint?: KeptWork,
): RecordingRefinery | undefined {
  if (runner === undefined || parts === undefined) return undefined;
  const { calibrate, tune, validate, evaluate } = parts;
  if (calibrate === undefined && tune === undefined) return undefined;
  const { signal, onProgress, onRemark } = options;
  const judge = async (model: Model): Promise<StageQuality> => {
    const { accuracy, loss } = await measure(runner, model, evaluate, { output, signal });
    return {
      accuracy: accuracy?.value ?? null,
      loss: loss?.value ?? null,
      accuracyInterval: boundsOf(accuracy),
      lossInterval: boundsOf(loss),
    };
  };
  const single = toFloat32(analysis.model).graph.inputs; // what networks in training are fed
  return refineryFor({
    original: analysis,
    runner,
    output,
    seed: options.settings.seed,
    calibrate: calibrate && affordableExamples(options, analysis, calibrate),
    tune: tune && {
      ...options.tune!,
      parts: { train: fitToInputs(tune, single), validate: fitToInputs(validate!, single) },
    },
    validationLoss:
      validate === undefined
        ? undefined
        : async (model) => (await measure(runner, model, validate, { output, signal })).loss?.value ?? null,
    judge,
    checkpoint,
    signal,
    onProgress,
    onRemark,
  });
}

/** As many of the examples as repair can look at in reasonable time. */
export function affordableExamples(
  { settings, onRemark }: Pick<PruneOptions, "settings" | "onRemark">,
  analysis: ChannelAnalysis,
  calibrate: Dataset,
): Dataset {
  const { macs } = fullCost(costModelOf(analysis));
  const layers = analysis.model.graph.nodes.filter((node) => operatorOf(node)?.macs !== undefined).length;
  const most = Math.max(fewest, Math.floor(affordable / Math.max(1, (macs * layers) / 2)));
  if (calibrate.size <= most) return calibrate;
  onRemark?.(
    `repair looks at ${most} of ${calibrate.size} examples: on a network of this size more would take long.`,
  );
  return atMost(calibrate, most, settings.seed);
}
