/** @file The output model: plan and origin written into its metadata, the file appearing whole or not at all. */
import { tool } from "../base/version.ts";
import type { PrunePlan } from "../channels/plan.ts";
import type { Model } from "../graph/model.ts";
import { dataFilesOf } from "../onnx/data-files.ts";
import { readModelFile } from "../onnx/read.ts";
import { writeModelFile } from "../onnx/write.ts";
import { sizeOnDisk } from "./load-model.ts";

const prefix = "shapley_pruner";

/** The model with a note of who made it, from what, and by which plan. */
export function withProvenance(model: Model, plan: PrunePlan, parentHash: string): Model {
  return withNotes(model, { parent_sha256: parentHash, plan: JSON.stringify(plan) });
}

/** The model with a note of who trained it, from what, and how; a plan it was pruned by stays on record. */
export function withTraining(model: Model, startHash: string, training: object): Model {
  return withNotes(model, { trained_from_sha256: startHash, training: JSON.stringify(training) });
}

function withNotes(model: Model, notes: Readonly<Record<string, string>>): Model {
  const all = Object.entries({ version: `${tool.name} ${tool.version}`, ...notes });
  const named = all.map(([key, note]) => [`${prefix}.${key}`, note] as const);
  return { ...model, metadata: new Map([...model.metadata, ...named]) };
}

/** Writes the model and returns the bytes it takes on disk. */
export async function writeOutput(model: Model, path: string): Promise<number> {
  await writeModelFile(model, path);
  return sizeOnDisk({ files: [path, ...dataFilesOf(await readModelFile(path))] });
}
