/** @file The accuracy that --min-accuracy holds a plan to. */
import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { KeepMasks } from "../channels/plan.ts";
import { measure } from "../evaluation/measure.ts";
import { sliceModel } from "../surgery/slice.ts";
import { chooseOutput } from "../valuation/targets.ts";
import type { Bench } from "./prune-bench.ts";
import type { PruneOptions } from "./prune-options.ts";

/** Accuracy of a plan on the examples kept for decisions. @throws {PrunerError} `floor-not-held` when even the original is below the floor. */
export async function accuracyJudge(
  options: PruneOptions,
  { analysis, runner, parts }: Bench,
): Promise<(masks: KeepMasks) => Promise<number>> {
  const floor = options.minAccuracy!;
  const examples = parts!.decide!;
  const output = chooseOutput(analysis.model, options.output);
  const judge = async (model: ChannelAnalysis["model"]) => {
    const { accuracy } = await measure(runner!, model, examples, { output, signal: options.signal });
    if (accuracy === undefined) throw new PrunerError("labels-missing", { path: examples.name });
    return accuracy.value;
  };
  const original = await judge(analysis.model);
  if (original < floor) throw new PrunerError("floor-not-held", { floor, accuracy: original });
  return async (masks) =>
    masks.every((mask) => !mask.includes(0)) ? original : judge(sliceModel(analysis, masks));
}
