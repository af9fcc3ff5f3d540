/** @file The proof of a slice: the sliced model and the masked one give the same outputs. */
import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { KeepMasks } from "../channels/plan.ts";
import type { Model } from "../graph/model.ts";
import { insertMasks, maskInputName } from "../passes/insert-masks.ts";
import { float32, type Tensor, toNumbers } from "../tensor/tensor.ts";
import type { Runner } from "../valuation/runner.ts";

export interface SliceCheck {
  /** Largest difference of any output, relative to the largest magnitude of that output. */
  readonly difference: number;
  readonly tolerance: number;
  readonly examples: number;
}

/** Room for the rounding of 32-bit sums that are added up in another order. */
const tolerance = 1e-4;

/**
 * Runs both readings of a plan on the same examples.
 * @param feeds Inputs of the model, a batch of examples.
 * @throws {PrunerError} `slice-differs`: a defect of ours; the smaller model must not be used.
 */
export async function verifySlice(
  runner: Runner,
  analysis: ChannelAnalysis,
  masks: KeepMasks,
  sliced: Model,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<SliceCheck> {
  const free = analysis.groups.flatMap((group, k) => (group.locked ? [] : [k]));
  const masked = insertMasks(analysis, free);
  const maskFeeds = free.map((k): [string, Tensor] => {
    const { id, channels } = analysis.groups[k]!;
    return [maskInputName(id), float32([1, channels], Float32Array.from(masks[k]!))];
  });
  const [expected, got] = await Promise.all([
    runner.pool.run({
      kind: "forward",
      model: runner.share(masked),
      feeds: { ...feeds, ...Object.fromEntries(maskFeeds) },
    }),
    runner.pool.run({ kind: "forward", model: runner.share(sliced), feeds }),
  ]);
  const difference = largestDifference(
    expected as Readonly<Record<string, Tensor>>,
    got as Readonly<Record<string, Tensor>>,
  );
  if (!(difference <= tolerance)) throw new PrunerError("slice-differs", { difference, tolerance });
  const examples = Object.values(feeds)[0]!.shape[0]!;
  return { difference, tolerance, examples };
}

function largestDifference(
  expected: Readonly<Record<string, Tensor>>,
  got: Readonly<Record<string, Tensor>>,
): number {
  let largest = 0;
  for (const [name, value] of Object.entries(expected)) {
    const a = toNumbers(value);
    const b = toNumbers(got[name]!);
    if (a.length !== b.length) return Number.POSITIVE_INFINITY;
    let scale = Number.MIN_VALUE;
    let difference = 0;
    for (let k = 0; k < a.length; k++) {
      scale = Math.max(scale, Math.abs(a[k]!));
      const gap = Object.is(a[k], b[k]) ? 0 : Math.abs(a[k]! - b[k]!);
      if (Number.isNaN(gap)) return Number.POSITIVE_INFINITY;
      difference = Math.max(difference, gap);
    }
    largest = Math.max(largest, difference / scale);
  }
  return largest;
}
