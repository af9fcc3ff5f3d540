/** @file The finetune command: a model trained further, from its own weights. */
import { type LoadedModel, sizeOnDisk } from "./load-model.ts";
import { finetuneDefaults } from "./training-options.ts";
import type { TrainingRecord } from "./training-record.ts";
import { runTraining, type TrainingRunOptions } from "./training-run.ts";

export interface FinetuneOptions extends TrainingRunOptions {
  readonly model: LoadedModel;
}

/** @throws {PrunerError} As `runTraining`. */
export async function finetune({ model, ...options }: FinetuneOptions): Promise<TrainingRecord> {
  const bytes = await sizeOnDisk(model);
  return runTraining({ command: "finetune", model, bytes, defaults: finetuneDefaults }, options);
}
