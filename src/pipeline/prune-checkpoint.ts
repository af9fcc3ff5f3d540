/** @file What a pruning with training has finished, in a folder beside its output, so that one that was killed goes on. */
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { readModelFile } from "../onnx/read.ts";
import { writeModelFile } from "../onnx/write.ts";
import type { RoundRecord } from "../report/records.ts";
import type { DataParts } from "./cut-data.ts";
import type { KeptWork } from "./kept-work.ts";
import { openPieces, ownerFile, type PieceKey, type PieceStore } from "./piece-store.ts";
import type { PruneOptions } from "./prune-options.ts";

/** The folder that belongs to an output. */
export function checkpointOf({ out }: Pick<PruneOptions, "out">): string {
  return `${out}.checkpoint`;
}

/**
 * Opens the checkpoint of a pruning: what an earlier run left where it is to be resumed, an empty one otherwise.
 * @returns Undefined where nothing is trained: such a run is short, or its ranking can be kept with
 *   `rank --out`.
 * @throws {PrunerError} `usage` for resuming without training; `checkpoint-missing` when there is nothing to resume; `state-mismatch` when it is of another run;
 *   `file-unwritable` when the folder is there and is no checkpoint; `pieces-corrupt`.
 */
export async function openPruneCheckpoint(
  options: PruneOptions,
  analysis: ChannelAnalysis,
  parts: DataParts | undefined,
): Promise<KeptWork | undefined> {
  const path = checkpointOf(options);
  if (options.tune === undefined) {
    if (options.resume !== true) return undefined;
    const detail = "--resume goes on with rounds and their training, and without --finetune none are kept";
    throw new PrunerError("usage", { detail: `${detail}. Leave it out.` });
  }
  if (options.resume !== true) await clear(path, options);
  else if (!(await isThere(path))) throw new PrunerError("checkpoint-missing", { path });
  return checkpointIn(path, await openOwn(path, identityOf(options, analysis, parts)));
}

/** Deletes a checkpoint, and nothing else that may have its name. */
export async function removeCheckpoint(path: string): Promise<void> {
  if (await isThere(join(path, ownerFile))) await rm(path, { recursive: true });
}

/** Makes room for a new one. */
async function clear(path: string, { onRemark }: PruneOptions): Promise<void> {
  if (!(await isThere(path))) return;
  if (!(await isThere(join(path, ownerFile))))
    throw new PrunerError("file-unwritable", { path, detail: "it is there, and no checkpoint of prune" });
  onRemark?.(`${path}: left by an earlier run, replaced by this one (--resume continues it)`);
  await removeCheckpoint(path);
}

async function openOwn(path: string, identity: PieceKey): Promise<PieceStore> {
  return openPieces(path, identity).catch((cause: unknown) => {
    if (!(cause instanceof PrunerError) || cause.code !== "pieces-foreign") throw cause;
    const { detail } = cause.data as { readonly detail: string };
    throw new PrunerError("state-mismatch", { path, detail }, { cause });
  });
}

function checkpointIn(path: string, pieces: PieceStore): KeptWork {
  const modelFile = (round: number): string => join(path, `round-${round}.onnx`);
  const trainingFile = (round: number): string => join(path, `training-${round}`);
  return {
    ranking: (round) => pieces.held({ ranking: round }),
    keepRanking: (round, scores) => pieces.keep({ ranking: round }, scores),
    async round(round) {
      const record = await pieces.held<RoundRecord>({ round });
      return record && { record, model: await readModelFile(modelFile(round)) };
    },
    async keepRound(round, model, record) {
      await writeModelFile(model, modelFile(round));
      await pieces.keep({ round }, record);
      await rm(trainingFile(round), { force: true });
    },
    async training(round) {
      const file = trainingFile(round);
      return { path: file, identity: { round }, resume: await isThere(file) };
    },
  };
}

/** Whether there is anything by that name. */
export async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** What two runs have to share to end with the same bytes; keys are words for people. */
function identityOf(
  options: PruneOptions,
  analysis: ChannelAnalysis,
  parts: DataParts | undefined,
): PieceKey {
  const { model, settings, selection, budget, steps, minAccuracy, repair, tune, plan, scores } = options;
  const { memory: _, ...ranking } = settings;
  const { payoff, output, threads = 1, providers } = options;
  const data = Object.entries(parts ?? {}).map(([part, examples]) => [part, examples?.fingerprint]);
  const inputs = analysis.model.graph.inputs.map(({ name, shape }) => `${name}: ${shape}`);
  const stated = {
    model: model.hash,
    inputs,
    "way to cut grouped convolutions": model.analysis.groupedCut,
    "set of data": Object.fromEntries(data),
    ranking,
    "selection of groups": selection,
    budget,
    "number of steps": steps,
    "accuracy to hold": minAccuracy,
    repair,
    training: tune,
    plan,
    "set of scores": scores,
    payoff,
    output,
    "number of threads": threads,
    provider: providers,
  };
  return JSON.parse(JSON.stringify(stated)) as PieceKey;
}
