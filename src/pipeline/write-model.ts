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
  const notes = {
    [`${prefix}.version`]: `${tool.name} ${tool.version}`,
    [`${prefix}.parent_sha256`]: parentHash,
    [`${prefix}.plan`]: JSON.stringify(plan),
  };
  return { ...model, metadata: new Map([...model.metadata, ...Object.entries(notes)]) };
}

/** Writes the model and returns the bytes it takes on disk. */
export async function writeOutput(model: Model, path: string): Promise<number> {
  await writeModelFile(model, path);
  return sizeOnDisk({ files: [path, ...dataFilesOf(await readModelFile(path))] });
}
