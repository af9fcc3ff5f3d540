/** @file Training as a step of a command: settings filled in, progress and epochs told, time taken. */
import type { Model } from "../graph/model.ts";
import { percent, short } from "../report/format.ts";
import { type FitOptions, type FitResult, fitNetwork as train } from "../training/fit.ts";
import type { TrainSettings } from "../training/settings.ts";
import type { EpochRecord, TrainEvent } from "../training/train.ts";
import type { Runner } from "../valuation/runner.ts";
import { frozenBy } from "./freeze.ts";
import type { WorkOptions } from "./progress.ts";
import type { TrainingParts } from "./training-data.ts";
import type { LessonChoices } from "./training-options.ts";

export interface TuneOptions extends WorkOptions {
  readonly runner: Runner;
  /** What is trained, in its own element types. */
  readonly model: Model;
  readonly parts: Pick<TrainingParts, "train" | "validate">;
  /** What `teacherFor` gave. */
  readonly teacher?: Model | undefined;
  readonly settings: TrainSettings;
  readonly lesson: LessonChoices;
  readonly output?: string | undefined;
  readonly checkpoint?: FitOptions["checkpoint"];
}

export interface Tuned extends FitResult {
  /** Steps of this session; fewer than in the history where a run was resumed. */
  readonly steps: number;
  /** Of this session, validation and checkpoints included. */
  readonly seconds: number;
  /** In training steps, without validation and checkpoints; 0 when nothing was left to do. */
  readonly examplesPerSecond: number;
}

/** @throws {PrunerError} What `fit` and `frozenBy` throw; the signal's reason when interrupted. */
export async function tune(options: TuneOptions): Promise<Tuned> {
  const events = train(fitOptionsOf(options));
  const started = performance.now();
  const spent = { steps: 0, examples: 0, ms: 0 };
  for (let before = started; ; before = performance.now()) {
    const next = await events.next();
    if (next.done === true) {
      const seconds = (performance.now() - started) / 1000;
      const examplesPerSecond = spent.ms === 0 ? 0 : (1000 * spent.examples) / spent.ms;
      return { ...next.value, steps: spent.steps, seconds, examplesPerSecond };
    }
    const event = next.value;
    if (event.kind === "step") {
      spent.steps++;
      spent.examples += event.examples;
      spent.ms += performance.now() - before;
    }
    tell(options, event);
  }
}

/** What the training loop is given. */
export function fitOptionsOf(options: TuneOptions): FitOptions {
  const { lesson, parts, settings, model } = options;
  const { temperature, distillWeight, freeze = [] } = lesson;
  return {
    runner: options.runner,
    model,
    dataset: parts.train,
    validation: parts.validate,
    teacher: options.teacher,
    settings,
    output: options.output,
    loss: lesson.loss,
    labelSmoothing: lesson.labelSmoothing,
    distill: {
      ...(temperature !== undefined && { temperature }),
      ...(distillWeight !== undefined && { weight: distillWeight }),
    },
    freeze: freeze.length === 0 ? undefined : frozenBy(model, freeze),
    norm: lesson.freezeNorm === true ? "running" : "batch",
    constantOperators: lesson.constantOperators,
    checkpoint: options.checkpoint,
    signal: options.signal,
  };
}

function tell({ onProgress, onRemark }: TuneOptions, event: TrainEvent): void {
  if (event.kind === "epoch") onRemark?.(epochText(event.record, event.epochs));
  else if (event.kind === "resumed") {
    const now = event.history.changes?.filter(({ step }) => step === event.step) ?? [];
    for (const { setting, from, to } of now)
      onRemark?.(`${setting}: ${from ?? "none"} up to step ${event.step}, ${to ?? "none"} from there on`);
  } else
    onProgress?.({
      label: "training",
      done: event.step,
      total: event.steps,
      unit: "steps",
      each: { count: event.examples, unit: "examples" },
      note: `loss ${short(event.loss, 3)}`,
    });
}

function epochText({ epoch, loss, validation }: EpochRecord, epochs: number): string {
  const held = validation === undefined ? "" : `, on examples kept apart ${short(validation.loss)}`;
  const right = validation?.accuracy === undefined ? "" : ` and ${percent(validation.accuracy)} right`;
  return `epoch ${epoch} of ${epochs}: loss ${short(loss)}${held}${right}`;
}
