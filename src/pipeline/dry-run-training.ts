/** @file What a training run would do, and what that costs; for train, finetune and the tuning between rounds of prune. */
import { costModelOf, fullCost } from "../channels/cost.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { DryRun, PlannedStage, PlannedTraining } from "../report/dry-run-records.ts";
import type { TrainSettings } from "../training/settings.ts";
import { usualShardSize } from "../training/shard-size.ts";
import { exampleSeconds, stepSeconds } from "./dry-run-probe.ts";
import { valueBytes } from "./dry-run-ranking.ts";
import { onTrainingBench, type Subject, type TrainingRunOptions } from "./training-run.ts";
import type { TuneOptions } from "./tune.ts";

/** Passes through the network that a training step takes: forward, and backward to inputs and to weights. */
const passesOfStep = 3;

/** A network that is to be trained, and how fast it runs. */
export interface TrainingTrial {
  readonly tune: TuneOptions;
  readonly analysis: ChannelAnalysis;
  /** Seconds for one example through the network and, where there is one, through its teacher. */
  readonly exampleSeconds: number;
  readonly teacherSeconds: number | undefined;
}

export interface TrainingPlan {
  readonly training: PlannedTraining;
  readonly stages: readonly PlannedStage[];
  readonly memoryBytes: number;
}

/**
 * Times a few real steps.
 * @throws {PrunerError} What training refuses before its first step.
 */
export async function planTraining(trial: TrainingTrial): Promise<TrainingPlan> {
  const { tune, analysis, exampleSeconds: each, teacherSeconds } = trial;
  const { parts, settings, teacher } = tune;
  const { epochs, batchSize } = settings;
  const stepsPerEpoch = Math.max(1, Math.floor(parts.train.size / batchSize));
  const steps = epochs * stepsPerEpoch;
  const { macs } = fullCost(costModelOf(analysis));
  const examples = steps * Math.min(batchSize, parts.train.size);
  const passes = passesOfStep * examples * macs;
  const seconds = steps * (await stepSeconds(tune));
  const stages: PlannedStage[] = [{ name: "training", amount: steps, unit: "steps", macs: passes, seconds }];
  const add = (name: string, count: number, cost: number, secondsEach: number): void => {
    if (count > 0)
      stages.push({
        name,
        amount: count,
        unit: "examples",
        macs: count * cost,
        seconds: count * secondsEach,
      });
  };
  const isCached = teacher !== undefined && settings.augmentations.length === 0;
  if (isCached) add("teacher", parts.train.size, teacherMacs(trial), teacherSeconds!);
  add("validation", epochs * (parts.validate?.size ?? 0), macs, each);
  return {
    training: { epochs, stepsPerEpoch, batch: batchSize, teacher: teacher !== undefined },
    stages,
    memoryBytes: tune.runner.workers * shardOf(settings, analysis) * 2 * activationBytes(analysis),
  };
}

/** A teacher is as fast for each multiply-accumulate as the network it teaches. */
function teacherMacs({ analysis, exampleSeconds: each, teacherSeconds }: TrainingTrial): number {
  return (fullCost(costModelOf(analysis)).macs * teacherSeconds!) / each;
}

function shardOf({ shardSize, batchSize }: TrainSettings, analysis: ChannelAnalysis): number {
  const size = shardSize === "auto" ? usualShardSize(fullCost(costModelOf(analysis))) : shardSize;
  return Math.min(batchSize, size);
}

/** Bytes of everything an example leaves on its way; the gradients that come back are as many again. */
function activationBytes(analysis: ChannelAnalysis): number {
  const values = analysis.model.graph.nodes.flatMap(({ outputs }) => outputs);
  return values.reduce((sum, name) => sum + valueBytes(analysis, name), 0);
}

/**
 * What a training run would do with these options, and what it would cost. Writes nothing.
 * @throws {PrunerError} What `runTraining` throws before its first step.
 */
export function dryRunTraining(subject: Subject, options: TrainingRunOptions): Promise<DryRun> {
  return onTrainingBench(subject, options, async ({ analysis, parts, runner, settings, teacher }) => {
    const each = await exampleSeconds(runner, analysis.model, parts.test);
    const teacherSeconds = teacher && (await exampleSeconds(runner, teacher.model, parts.test));
    const tune = {
      runner,
      model: subject.model.analysis.model,
      parts,
      teacher: teacher?.model,
      settings,
      lesson: options.training,
      output: options.output,
      signal: options.signal,
    };
    const plan = await planTraining({ tune, analysis, exampleSeconds: each, teacherSeconds });
    const before = fullCost(costModelOf(analysis));
    const looks = parts.test.size * (subject.bytes === undefined ? 1 : 2);
    const stages: PlannedStage[] = [
      ...plan.stages,
      { name: "figures", amount: looks, unit: "examples", macs: looks * before.macs, seconds: looks * each },
    ];
    return {
      dryRun: true,
      command: subject.command,
      before,
      after: null,
      groups: [],
      scoring: null,
      rounds: null,
      examples: {
        "to learn from": parts.train.size,
        ...(parts.validate !== undefined && { "to choose the best epoch": parts.validate.size }),
        "for the final figures": parts.test.size,
      },
      training: plan.training,
      stages,
      seconds: stages.reduce((sum, { seconds }) => sum + seconds, 0),
      workers: runner.workers,
      memoryBytes: plan.memoryBytes,
      notes: options.resume === true ? ["What the checkpoint has done already is not taken off."] : [],
    };
  });
}
