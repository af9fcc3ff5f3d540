/** @file Everything a training run needs to go on, to the same final bytes, from where it was interrupted. */
import { PrunerError } from "../base/problem.ts";
import type { MovingAverage } from "./average.ts";
import type { StoppingState } from "./early-stopping.ts";
import type { WatchState } from "./loss-watch.ts";
import type { NamedArrays, ReadonlyNamedArrays } from "./named-arrays.ts";
import type { OptimizerState } from "./optimizers/index.ts";
import { readTensorFile, type StoredArray, writeTensorFile } from "./tensor-file.ts";

/** Changes whenever older files would be misread. */
const format = "shapley-pruner checkpoint 1";

/**
 * What makes two runs the same one: hash of the model, fingerprint of the data, and every setting that has a part in
 * the result. Keys are words for people ("learning rate"), since a mismatch is reported with them.
 */
export type RunIdentity = Readonly<Record<string, string | number | boolean>>;

/** A setting that a resumed run has changed; null where it was or is not stated. */
export interface SettingChange {
  /** Key in the identity. */
  readonly setting: string;
  readonly from: string | number | boolean | null;
  readonly to: string | number | boolean | null;
}

/** What a checkpoint holds, and what this run does otherwise than the one that wrote it. */
export interface SavedRun<History> {
  readonly state: TrainingState<History>;
  readonly changes: readonly SettingChange[];
}

/** A copy of the network at its best, for early stopping and for the end of the run. */
export interface KeptNetwork {
  readonly parameters: NamedArrays;
  readonly statistics: NamedArrays;
}

/**
 * The state between two steps. Random draws are positional (seed, epoch and example name them) and schedules are
 * functions of the step, so neither has a state of its own.
 */
export interface TrainingState<History> {
  /** Steps done in the whole run. */
  readonly step: number;
  readonly parameters: NamedArrays;
  /** Running statistics of batch norms. */
  readonly statistics: NamedArrays;
  readonly optimizer: OptimizerState;
  readonly average: MovingAverage | undefined;
  readonly best: KeptNetwork | undefined;
  readonly stopping: StoppingState;
  readonly watch: WatchState;
  /** Curves so far, as JSON. */
  readonly history: History;
}

/** The part of the state that is written as JSON. */
interface Facts<History> {
  readonly identity: RunIdentity;
  readonly step: number;
  readonly steps: number;
  readonly slots: readonly string[];
  readonly updates?: number | undefined;
  readonly best: boolean;
  readonly stopping: StoppingState;
  readonly watch: WatchState;
  readonly history: History;
}

/**
 * Writes a checkpoint, whole or not at all, over an earlier one of that name.
 * No step may be taken until the promise resolves: the arrays are written as they lie in memory.
 * @throws {PrunerError} `file-unwritable`.
 */
export async function writeCheckpoint<History>(
  path: string,
  identity: RunIdentity,
  state: TrainingState<History>,
): Promise<void> {
  const { step, optimizer, average, best, stopping, watch, history } = state;
  const facts: Facts<History> = {
    identity,
    step,
    steps: optimizer.steps,
    slots: [...optimizer.slots.keys()],
    updates: average?.updates,
    best: best !== undefined,
    stopping,
    watch,
    history,
  };
  await writeTensorFile(path, format, { facts, arrays: flattened(state) });
}

/**
 * Reads a checkpoint of this very run.
 * @param History Shape of the curves; the caller that wrote them knows it.
 * @param mayChange Keys of the identity that may differ. They are reported, not refused.
 * @throws {PrunerError} `file-not-found`, `file-unreadable`, `checkpoint-damaged`, `checkpoint-version`, and
 *   `state-mismatch` when model, data or a setting differ.
 */
export async function readCheckpoint<History>(
  path: string,
  expected: RunIdentity,
  mayChange: readonly string[] = [],
): Promise<SavedRun<History>> {
  const { facts, arrays } = await readTensorFile(path, format);
  const known = facts as Facts<History>; // the checksum vouches that `writeCheckpoint` made it
  const changes = changesFrom(path, known.identity, expected, mayChange);
  const part = (prefix: string): NamedArrays => gathered(arrays, prefix);
  const state: TrainingState<History> = {
    step: known.step,
    parameters: part("parameters"),
    statistics: part("statistics"),
    optimizer: {
      steps: known.steps,
      slots: new Map(known.slots.map((slot) => [slot, part(`optimizer.${slot}`)])),
    },
    average: known.updates === undefined ? undefined : { updates: known.updates, arrays: part("average") },
    best: known.best
      ? { parameters: part("best.parameters"), statistics: part("best.statistics") }
      : undefined,
    stopping: known.stopping,
    watch: known.watch,
    history: known.history,
  };
  return { state, changes };
}

function flattened<History>(state: TrainingState<History>): Map<string, StoredArray> {
  const flat = new Map<string, StoredArray>();
  const add = (prefix: string, arrays: ReadonlyNamedArrays | undefined): void => {
    for (const [name, array] of arrays ?? []) flat.set(`${prefix}/${name}`, array);
  };
  add("parameters", state.parameters);
  add("statistics", state.statistics);
  for (const [slot, arrays] of state.optimizer.slots) add(`optimizer.${slot}`, arrays);
  add("average", state.average?.arrays);
  add("best.parameters", state.best?.parameters);
  add("best.statistics", state.best?.statistics);
  return flat;
}

function gathered(arrays: ReadonlyMap<string, StoredArray>, prefix: string): NamedArrays {
  const found: NamedArrays = new Map();
  for (const [name, array] of arrays) {
    if (name.startsWith(`${prefix}/`)) found.set(name.slice(prefix.length + 1), array as Float32Array);
  }
  return found;
}

function changesFrom(
  path: string,
  saved: RunIdentity,
  expected: RunIdentity,
  mayChange: readonly string[],
): SettingChange[] {
  const keys = new Set([...Object.keys(expected), ...Object.keys(saved)]);
  const changed = [...keys].filter((key) => saved[key] !== expected[key]);
  const refused = changed.find((key) => !mayChange.includes(key));
  if (refused !== undefined) {
    const detail = `its ${refused} is ${saved[refused] ?? "not stated"}, this run has ${expected[refused] ?? "none"}`;
    throw new PrunerError("state-mismatch", { path, detail });
  }
  return changed.map((setting) => ({
    setting,
    from: saved[setting] ?? null,
    to: expected[setting] ?? null,
  }));
}
