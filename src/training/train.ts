/** @file The training loop: batches, steps, validation, checkpoints. */
import { isProblem, type PrunerError } from "../base/problem.ts";
import { averageFrom, type MovingAverage, updateAverage } from "./average.ts";
import { type BatchSource, shardsOf, stepsPerEpoch } from "./batches.ts";
import { type RunIdentity, type SettingChange, type TrainingState, writeCheckpoint } from "./checkpoint.ts";
import { clipByNorm, clipByValue, globalNorm } from "./clip.ts";
import { type EarlyStopping, nothingObserved, observe } from "./early-stopping.ts";
import type { Projection } from "./hooks.ts";
import { divergenceError, nothingWatched, watchLoss } from "./loss-watch.ts";
import { copyInto, copyOf, type NamedArrays, type ReadonlyNamedArrays } from "./named-arrays.ts";
import { defineOptimizer, type Optimizer } from "./optimizers/index.ts";
import { learningRateAt } from "./schedules.ts";
import type { TrainSettings } from "./settings.ts";
import type { StepLoss, Stepper } from "./stepper.ts";
import type { Judgement, Validator } from "./validator.ts";
import { weightDecayBy } from "./weight-decay.ts";
import { applyMasks, applyMasksToState, masksOfZeros, type WeightMasks } from "./weight-masks.ts";

export interface TrainContext {
  readonly stepper: Stepper;
  readonly source: BatchSource;
  readonly settings: TrainSettings;
  /** Judges the network after every epoch; the best one is the result. Left out, the last one is. */
  readonly validate?: Validator | undefined;
  readonly projections?: readonly Projection[] | undefined;
  readonly checkpoint?: { readonly path: string; readonly identity: RunIdentity } | undefined;
  /** Where an earlier run of the same identity stopped. */
  readonly resume?: TrainingState<History> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One pass over the data. */
export interface EpochRecord {
  readonly epoch: number;
  /** Mean loss over the steps of the epoch, penalties included. */
  readonly loss: number;
  /** At the last step, as the learning rate is. */
  readonly penalties: Readonly<Record<string, number>>;
  readonly learningRate: number;
  readonly validation?: Judgement | undefined;
}

/** The curves of a run, as plain data. */
export interface History {
  readonly epochs: EpochRecord[];
  /** Loss of every step. */
  readonly losses: number[];
  /** Settings that changed when the run was resumed, from a step (counted from 0) on; absent where none did. */
  readonly changes?: readonly (SettingChange & { readonly step: number })[];
}

export type TrainEvent =
  /** The run goes on from a checkpoint. */
  | { readonly kind: "resumed"; readonly step: number; readonly history: History }
  | {
      readonly kind: "step";
      readonly step: number;
      readonly steps: number;
      readonly examples: number;
      readonly loss: number;
    }
  | { readonly kind: "epoch"; readonly record: EpochRecord; readonly epochs: number };

export interface TrainOutcome {
  readonly parameters: ReadonlyNamedArrays;
  readonly statistics: ReadonlyNamedArrays;
  readonly history: History;
  readonly stoppedBy: "epochs" | "patience";
  /** Epoch the result comes from: the best one where the run was validated, else the last. */
  readonly bestEpoch: number;
}

/** A run under way. */
interface Draft {
  readonly context: TrainContext;
  readonly optimizer: Optimizer;
  readonly decayOf: (name: string) => number;
  readonly masks: WeightMasks;
  readonly perEpoch: number;
  readonly steps: number;
  readonly rule: EarlyStopping;
  state: TrainingState<History>;
  stopped: boolean;
  lastSaved: number;
  /** Step of the state in the checkpoint file; undefined before there is one. */
  savedStep: number | undefined;
}

/** Milliseconds between checkpoints within an epoch. They do not change the result. */
const saveEvery = 60_000;

/**
 * Trains the stepper's parameters in place.
 * @throws {PrunerError} `training-diverged`, `file-unwritable` for the checkpoint; the signal's reason when aborted,
 *   after the state has been saved.
 */
export async function* train(context: TrainContext): AsyncGenerator<TrainEvent, TrainOutcome, undefined> {
  const draft = begin(context);
  const { source, signal } = context;
  if (lacksJudgement(draft)) yield await judgeEpoch(draft);
  let next = draft.state.step < draft.steps ? shardsOf(source, draft.state.step) : [];
  while (draft.state.step < draft.steps && !draft.stopped) {
    if (signal?.aborted === true) {
      await save(draft);
      signal.throwIfAborted();
    }
    const { step } = draft.state;
    const examples = next.reduce((sum, shard) => sum + shard.examples, 0);
    const running = context.stepper.run(next);
    running.catch(() => undefined); // awaited below, after the next batch has been prepared
    if (step + 1 < draft.steps) next = shardsOf(source, step + 1);
    const loss = await running;
    update(draft, step, loss);
    yield { kind: "step", step: step + 1, steps: draft.steps, examples, loss: loss.loss };
    if ((step + 1) % draft.perEpoch === 0) yield await endEpoch(draft, loss);
    else if (performance.now() - draft.lastSaved > saveEvery) {
      checkFinite(draft);
      await save(draft);
    }
  }
  return outcomeOf(draft);
}

function begin(context: TrainContext): Draft {
  const { stepper, source, settings, resume } = context;
  const shapes = new Map(source.graph.parameters.entries.map(({ name, shape }) => [name, shape]));
  const optimizer = defineOptimizer(settings.optimizer);
  const perEpoch = stepsPerEpoch(source);
  const masks: WeightMasks =
    settings.keepZeros === true ? masksOfZeros(layersOf(stepper.parameters, shapes)) : new Map();
  if (resume !== undefined) {
    copyInto(resume.parameters, stepper.parameters);
    copyInto(resume.statistics, stepper.statistics);
  }
  const { parameters, statistics } = stepper;
  const rule: EarlyStopping = { better: "lower", patience: Number.POSITIVE_INFINITY, ...settings.stopping };
  const fresh = (): TrainingState<History> => ({
    step: 0,
    parameters,
    statistics,
    optimizer: optimizer.init(shapes),
    average: settings.averageDecay === undefined ? undefined : averageFrom(joined(parameters, statistics)),
    best: undefined,
    stopping: nothingObserved,
    watch: nothingWatched,
    history: { epochs: [], losses: [] },
  });
  return {
    context,
    optimizer,
    decayOf: weightDecayBy(shapes, settings.weightDecay),
    masks,
    perEpoch,
    steps: settings.epochs * perEpoch,
    rule,
    state: resume === undefined ? fresh() : { ...resume, parameters, statistics },
    stopped: resume !== undefined && resume.stopping.waited >= rule.patience,
    lastSaved: performance.now(),
    savedStep: resume?.step,
  };
}

/** Weights proper: zeros in biases and shifts are where training starts, not what pruning left. */
function layersOf(
  parameters: ReadonlyNamedArrays,
  shapes: ReadonlyMap<string, readonly number[]>,
): NamedArrays {
  return new Map([...parameters].filter(([name]) => shapes.get(name)!.length > 1));
}

function joined(parameters: ReadonlyNamedArrays, statistics: ReadonlyNamedArrays): NamedArrays {
  return new Map([...parameters, ...statistics]);
}

/** Moves the parameters by the gradients of the step just run. */
function update(draft: Draft, step: number, { loss }: StepLoss): void {
  const { context, masks, optimizer, state } = draft;
  const { stepper, settings } = context;
  const { parameters, gradients } = stepper;
  applyMasks(masks, gradients);
  const gradientNorm =
    settings.clipNorm === undefined ? globalNorm(gradients) : clipByNorm(gradients, settings.clipNorm);
  const learningRate = rateAt(draft, step);
  const { state: watch, wrong } = watchLoss(state.watch, { step, loss, gradientNorm });
  if (wrong !== undefined) throw diverged(draft, step, wrong);
  if (settings.clipValue !== undefined) clipByValue(gradients, settings.clipValue);
  optimizer.step(parameters, gradients, state.optimizer, { learningRate, weightDecayOf: draft.decayOf });
  applyMasks(masks, parameters);
  applyMasksToState(masks, state.optimizer);
  for (const project of context.projections ?? []) project(parameters, step);
  if (state.average !== undefined)
    updateAverage(state.average, joined(parameters, stepper.statistics), settings.averageDecay!);
  state.history.losses.push(loss);
  draft.state = { ...state, step: step + 1, watch };
}

function diverged(draft: Draft, step: number, wrong: string): PrunerError<"training-diverged"> {
  const { clipNorm } = draft.context.settings;
  return divergenceError(step, wrong, keptText(draft), { learningRate: rateAt(draft, step), clip: clipNorm });
}

function keptText({ context: { checkpoint }, savedStep }: Draft): string {
  if (checkpoint === undefined || savedStep === undefined) return "No state had been saved before that.";
  return `The last good state, after step ${savedStep}, is in ${checkpoint.path}: --resume goes on from it, with another --lr, --schedule or --clip if they are given.`;
}

/**
 * The loss of a step is that of the parameters before it, so it does not show what the last step did.
 * @throws {PrunerError} `training-diverged` for parameters or running statistics that are not finite.
 */
function checkFinite(draft: Draft): void {
  const { parameters, statistics } = draft.context.stepper;
  for (const [name, values] of [...parameters, ...statistics])
    if (!values.every(Number.isFinite))
      throw diverged(draft, draft.state.step - 1, `"${name}" is no longer finite`);
}

function rateAt({ context, steps, perEpoch }: Draft, step: number): number {
  const { schedule, learningRate } = context.settings;
  return learningRateAt(schedule, learningRate, step, { totalSteps: steps, stepsPerEpoch: perEpoch });
}

async function endEpoch(draft: Draft, last: StepLoss): Promise<TrainEvent> {
  const { perEpoch } = draft;
  const { history, step } = draft.state;
  const losses = history.losses.slice(-perEpoch);
  history.epochs.push({
    epoch: history.epochs.length + 1,
    loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
    penalties: last.penalties,
    learningRate: rateAt(draft, step - 1),
  });
  return judgeEpoch(draft);
}

/** Whether the run was interrupted while the network was judged at the end of an epoch. */
function lacksJudgement({ context, state }: Draft): boolean {
  const last = state.history.epochs.at(-1);
  return context.validate !== undefined && last !== undefined && last.validation === undefined;
}

/** Judges the network after the epoch recorded last, and keeps a copy of it where it is the best so far. */
async function judgeEpoch(draft: Draft): Promise<TrainEvent> {
  const { context, rule } = draft;
  checkFinite(draft);
  const { epochs } = draft.state.history;
  const { parameters, statistics } = resultOf(draft);
  let record = epochs.at(-1)!;
  if (context.validate !== undefined) {
    const judging = context.validate(parameters, statistics, context.signal);
    const validation = await orSave(draft, orDiverged(draft, judging));
    record = { ...record, validation };
    epochs[epochs.length - 1] = record;
    const { state, isBest, shouldStop } = observe(draft.state.stopping, validation.loss, record.epoch, rule);
    const best = isBest
      ? { parameters: copyOf(parameters), statistics: copyOf(statistics) }
      : draft.state.best;
    draft.state = { ...draft.state, stopping: state, best };
    draft.stopped = shouldStop;
  }
  await save(draft);
  return { kind: "epoch", record, epochs: context.settings.epochs };
}

/** Outputs on the examples kept apart that overflow are training gone wrong, not a fault of the examples. */
async function orDiverged<T>(draft: Draft, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isProblem(error, "output-not-finite")) throw error;
    const wrong = "on the examples kept apart the outputs are no longer finite";
    throw diverged(draft, draft.state.step - 1, wrong);
  }
}

/** Waits for work that an interruption may end; the state is saved then. */
async function orSave<T>(draft: Draft, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (draft.context.signal?.aborted === true) await save(draft);
    throw error;
  }
}

/** The network as it would be handed over now: the moving average where there is one. */
function resultOf({ context, state }: Draft): {
  parameters: ReadonlyNamedArrays;
  statistics: ReadonlyNamedArrays;
} {
  const { parameters, statistics } = context.stepper;
  if (state.average === undefined) return { parameters, statistics };
  return splitAverage(state.average, parameters);
}

function splitAverage(
  { arrays }: MovingAverage,
  parameters: ReadonlyNamedArrays,
): { parameters: ReadonlyNamedArrays; statistics: ReadonlyNamedArrays } {
  const isParameter = ([name]: readonly [string, Float32Array]) => parameters.has(name);
  const all = [...arrays];
  return {
    parameters: new Map(all.filter(isParameter)),
    statistics: new Map(all.filter((entry) => !isParameter(entry))),
  };
}

async function save(draft: Draft): Promise<void> {
  const { checkpoint } = draft.context;
  if (checkpoint === undefined) return;
  await writeCheckpoint(checkpoint.path, checkpoint.identity, draft.state);
  draft.lastSaved = performance.now();
  draft.savedStep = draft.state.step;
}

function outcomeOf(draft: Draft): TrainOutcome {
  const { best, history, stopping } = draft.state;
  const { parameters, statistics } = best ?? resultOf(draft);
  return {
    parameters,
    statistics,
    history,
    stoppedBy: draft.stopped ? "patience" : "epochs",
    bestEpoch: best === undefined ? history.epochs.length : stopping.best!.at,
  };
}
