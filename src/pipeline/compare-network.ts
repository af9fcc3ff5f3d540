/** @file The whole network once a share of every group is gone, repaired and tuned where that is wanted. */
import { createHash } from "node:crypto";
import { chooseChannels } from "../budget/choose.ts";
import { costModelOf, fullCost } from "../channels/cost.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { KeepMasks } from "../channels/plan.ts";
import { type Dataset, fitToInputs } from "../datasets/index.ts";
import { measure } from "../evaluation/measure.ts";
import type { Model } from "../graph/model.ts";
import { operatorOf } from "../ops/index.ts";
import { toFloat32 } from "../passes/to-float32.ts";
import type { NetworkQuality, NetworkRun } from "../report/compare-records.ts";
import { type CompareBench, type CompareSetting, type Stage, workOf } from "./compare-bench.ts";
import { type Judge, type PackedScores, packed } from "./compare-judge.ts";
import { refineryFor } from "./refine.ts";
import { cutTo, survivorOf } from "./survivor.ts";

/** A network as {@link NetworkRun} tells it, with what it did on every example. */
export interface JudgedRun extends NetworkRun {
  readonly scores: {
    readonly cut: PackedScores;
    readonly repaired: PackedScores | null;
    readonly tuned: PackedScores | null;
  };
}

/** Multiply-accumulates that one repair may take: seconds on two cores, since a comparison makes many. */
const affordable = 2e11;

/** Examples that repair looks at, however large or small the network. */
const fewest = 128;
const most = 2000;

/** How many examples repair looks at; the work grows with the depth of the network times its size. */
export function calibrateExamplesFor(analysis: ChannelAnalysis): number {
  const { macs } = fullCost(costModelOf(analysis));
  const layers = analysis.model.graph.nodes.filter((node) => operatorOf(node)?.macs !== undefined).length;
  return Math.min(most, Math.max(fewest, Math.floor(affordable / Math.max(1, (macs * layers) / 2))));
}

/** Which channels stay when so large a share of every group goes by these scores. */
export function masksFor(
  { analysis, groups }: Pick<CompareSetting, "analysis" | "groups">,
  share: number,
  values: readonly (readonly number[])[],
): KeepMasks {
  const scores = analysis.groups.map((_, group) => {
    const place = groups.indexOf(group);
    return place < 0 ? undefined : Float64Array.from(values[place]!);
  });
  const budget = { keep: 1 - share, scope: "group" } as const;
  return chooseChannels({ analysis, costModel: costModelOf(analysis), scores, budget }).masks;
}

/**
 * Cuts, repairs, tunes and judges; equal cuts of one seed are measured once.
 * @param position Of the seed among the seeds; @param share Of every group that goes.
 * @throws {PrunerError} What surgery, repair, training and the network throw.
 */
export async function networkRun(
  bench: CompareBench,
  judge: Judge,
  position: number,
  masks: KeepMasks,
  share: number,
  stage: Stage,
): Promise<JudgedRun> {
  const { parts, output, options, pieces } = bench;
  const seed = bench.seeds[position]!;
  const fingerprints = [parts.calibrate, parts.tune, parts.validate, parts.evaluate].map(
    (part) => part?.fingerprint ?? null,
  );
  const cut = createHash("sha256");
  for (const mask of masks) cut.update(mask).update(";");
  const { settings, lesson, teacher } = options.tune ?? {};
  const tune = options.tune === undefined ? null : { settings, lesson, teacher };
  const key = { kind: "network", cut: cut.digest("hex"), seed, fingerprints, output, tune };
  const found = await pieces.piece(key, () => measured(bench, judge, position, masks, stage));
  return { share, ...found };
}

async function measured(
  bench: CompareBench,
  judge: Judge,
  position: number,
  masks: KeepMasks,
  stage: Stage,
): Promise<Omit<JudgedRun, "share">> {
  const { analysis, runner, output, parts } = bench;
  const seed = bench.seeds[position]!;
  const qualities: NetworkQuality[] = [];
  const scores: PackedScores[] = [];
  const work = workOf(bench, stage);
  const { calibrate, validate } = parts;
  const refinery = refineryFor({
    ...work,
    original: analysis,
    runner,
    output,
    seed,
    calibrate,
    tune: tuningOf(bench, seed),
    validationLoss: validate && ((model) => validationLoss(bench, model, validate)),
    judge: async (model) => {
      const found = await judge(model);
      qualities.push(found.quality);
      scores.push(packed(found.scores));
      return { ...found.quality, accuracyInterval: null, lossInterval: null };
    },
  });
  await refinery.refine(survivorOf(analysis, cutTo(analysis, undefined, masks), masks), 1);
  const { parameters, macs } = refinery.rounds[0]!;
  const inOrder = <T>(all: readonly T[]) => {
    const repaired = calibrate === undefined ? null : all[1]!;
    return { cut: all[0]!, repaired, tuned: parts.tune === undefined ? null : all.at(-1)! };
  };
  return { parameters, macs, ...inOrder(qualities), scores: inOrder(scores) };
}

/** Each seed trains in an order of its own. */
export function tuningOf(
  { parts: { tune, validate }, options, analysis }: CompareSetting,
  seed: number,
): Parameters<typeof refineryFor>[0]["tune"] {
  if (tune === undefined || options.tune === undefined) return undefined;
  const single = toFloat32(analysis.model).graph.inputs; // what networks in training are fed
  return {
    ...options.tune,
    settings: { ...options.tune.settings, seed },
    parts: { train: fitToInputs(tune, single), validate: fitToInputs(validate!, single) },
  };
}

async function validationLoss(
  { runner, output, options: { signal } }: CompareBench,
  model: Model,
  examples: Dataset,
): Promise<number | null> {
  return (await measure(runner, model, examples, { output, signal })).loss?.value ?? null;
}
