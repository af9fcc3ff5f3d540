/** @file What is done to a network after channels went: repair without training, then tuning. */
import { costModelOf, fullCost } from "../channels/cost.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { Dataset } from "../datasets/index.ts";
import type { Model } from "../graph/model.ts";
import { type LayerRepair, repair } from "../repair/index.ts";
import { short } from "../report/format.ts";
import type { RoundRecord, Stage, StageQuality } from "../report/records.ts";
import type { TrainSettings } from "../training/settings.ts";
import type { Runner } from "../valuation/runner.ts";
import type { KeptWork } from "./kept-work.ts";
import type { WorkOptions } from "./progress.ts";
import type { Refinery } from "./removal.ts";
import type { Survivor } from "./survivor.ts";
import type { TrainingParts } from "./training-data.ts";
import type { LessonChoices } from "./training-options.ts";
import { type Tuned, tune as tuned } from "./tune.ts";

/** How what is left is trained after every round. */
export interface TuneSettings {
  readonly settings: TrainSettings;
  readonly lesson: LessonChoices;
  /** Learn from the original network's outputs as well. */
  readonly teacher: boolean;
}

export interface RefineOptions extends WorkOptions {
  readonly original: ChannelAnalysis;
  readonly runner: Runner;
  readonly output: string;
  readonly seed: number;
  /** Examples that repair is calibrated on; left out, nothing is repaired. */
  readonly calibrate?: Dataset | undefined;
  readonly tune?: (TuneSettings & { readonly parts: Pick<TrainingParts, "train" | "validate"> }) | undefined;
  /** Loss on the examples that choose the best epoch, as the model is fed; null without labels. */
  readonly validationLoss?: ((model: Model) => Promise<number | null>) | undefined;
  /** Quality on the examples for the final figures; decides nothing. */
  readonly judge: (model: Model) => Promise<StageQuality>;
  /** Rounds that an interrupted run has finished, and the training it was at. */
  readonly checkpoint?: KeptWork | undefined;
}

/** A refinery that keeps a record of its rounds. */
export interface RecordingRefinery extends Refinery {
  /** Filled in as rounds go by. */
  readonly rounds: readonly RoundRecord[];
}

/** Repair and tuning as one function of the network that a round has left. */
export function refineryFor(options: RefineOptions): RecordingRefinery {
  const rounds: RoundRecord[] = [];
  const refine: Refinery["refine"] = async (cut, step) => {
    const known = await options.checkpoint?.round(rounds.length);
    if (known !== undefined) {
      rounds.push(known.record);
      return known.model;
    }
    const stages: Stage[] = [{ stage: "sliced", ...(await options.judge(cut.model)) }];
    let { model } = cut;
    let layers: readonly LayerRepair[] | null = null;
    if (options.calibrate !== undefined) {
      ({ model, layers } = await repairCut(options, cut, options.calibrate));
      stages.push({ stage: "repaired", ...(await options.judge(model)) });
    }
    let tuning: RoundRecord["tuning"] = null;
    if (options.tune !== undefined) {
      const done = await tuneCut(options, model, rounds.length);
      const kept = await improves(options, model, done.model);
      tuning = { epochs: done.history.epochs, bestEpoch: done.bestEpoch, stoppedBy: done.stoppedBy, kept };
      if (kept) model = done.model;
      stages.push({ stage: "tuned", ...(await options.judge(model)) });
    }
    const { macs, parameters } = fullCost(costModelOf(cut.analysis));
    const record = { round: rounds.length + 1, step, macs, parameters, stages, repair: layers, tuning };
    await options.checkpoint?.keepRound(rounds.length, model, record);
    rounds.push(record);
    return model;
  };
  return {
    repairs: options.calibrate !== undefined,
    repaired: async (cut) => (await repairCut(options, cut, options.calibrate!)).model,
    refine,
    rounds,
  };
}

async function repairCut(
  { original, runner, seed, signal, onProgress }: RefineOptions,
  { model: pruned, masks }: Survivor,
  dataset: Dataset,
): Promise<{ model: Model; layers: readonly LayerRepair[] }> {
  return repair({
    runner,
    analysis: original,
    masks,
    pruned,
    dataset,
    seed,
    signal,
    onProgress: (done, total) => onProgress?.({ label: "repairing", done, total, unit: "layers" }),
  });
}

/** Each round draws its own order and images. */
async function tuneCut(
  { tune, original, checkpoint, ...options }: RefineOptions,
  model: Model,
  round: number,
): Promise<Tuned> {
  const { teacher, settings, lesson, parts } = tune!;
  return tuned({
    ...options,
    model,
    parts,
    lesson,
    settings: { ...settings, seed: settings.seed + round },
    teacher: teacher ? original.model : undefined,
    checkpoint: await checkpoint?.training(round),
  });
}

/** Whether tuning may replace what it began with: not where it does worse on the examples that chose its best epoch. */
async function improves(
  { validationLoss, onRemark }: RefineOptions,
  before: Model,
  after: Model,
): Promise<boolean> {
  const [was, is] = [await validationLoss?.(before), await validationLoss?.(after)];
  if (typeof was !== "number" || typeof is !== "number" || is <= was) return true;
  onRemark?.(
    `tuning made the network worse on the examples kept apart (loss ${short(was)} -> ${short(is)}), so it was left as it was before. A lower --lr or more epochs may help.`,
  );
  return false;
}
