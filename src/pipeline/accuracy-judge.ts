/** @file The accuracy that --min-accuracy holds a plan to. */
import { PrunerError } from "../base/problem.ts";
import { measure } from "../evaluation/measure.ts";
import type { Model } from "../graph/model.ts";
import { chooseOutput } from "../valuation/targets.ts";
import type { Bench } from "./prune-bench.ts";
import type { PruneOptions } from "./prune-options.ts";

/** Accuracy of a network on the examples kept for decisions. @throws {PrunerError} `floor-not-held` when even the original is below the floor. */
export async function accuracyJudge(
  options: PruneOptions,
  { analysis, runner, parts }: Bench,
): Promise<(model: Model) => Promise<number>> {
  const floor = options.minAccuracy!;
  const examples = parts!.decide!;
  const output = chooseOutput(analysis.model, options.output);
  const judge = async (model: Model) => {
    const { accuracy } = await measure(runner!, model, examples, { output, signal: options.signal });
    if (accuracy === undefined) throw new PrunerError("labels-missing", { path: examples.name });
    return accuracy.value;
  };
  const original = await judge(analysis.model);
  if (original < floor) throw new PrunerError("floor-not-held", { floor, accuracy: original });
  return judge;
}
