/** @file The finetune command: a model trained further, from its own weights. */
import { type LoadedModel, sizeOnDisk } from "./load-model.ts";
import { finetuneDefaults } from "./training-options.ts";
import type { TrainingRecord } from "./training-record.ts";
import { runTraining, type Subject, type TrainingRunOptions } from "./training-run.ts";

export interface FinetuneOptions extends TrainingRunOptions {
  readonly model: LoadedModel;
}

/** @throws {PrunerError} As `runTraining`. */
export async function finetune(options: FinetuneOptions): Promise<TrainingRecord> {
  return runTraining(await finetuneSubject(options), options);
}

/** The model as what is trained. */
export async function finetuneSubject({ model }: FinetuneOptions): Promise<Subject> {
  return { command: "finetune", model, bytes: await sizeOnDisk(model), defaults: finetuneDefaults };
}
