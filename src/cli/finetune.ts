/** @file shapley-pruner finetune: a model trained further, most often after pruning. */
import { Command } from "commander";
import { dataOptions, loadSettings, modelArgument } from "./arguments.ts";
import { begin, conclude } from "./conclude.ts";
import { outputPath } from "./config-form.ts";
import { dryRunOption, tellPlan } from "./dry-run.ts";
import { type Io, workOptions } from "./io.ts";
import type { RawOptions } from "./settings.ts";
import {
  finetuneInWords,
  runSettings,
  trainingOptions,
  trainingReport,
  trainingRun,
} from "./training-options.ts";

/** The command finetune. */
export function finetuneCommand(io: Io): Command {
  const command = new Command("finetune").description(
    "Train a model further on labels, on the outputs of a larger one, or on both",
  );
  for (const add of [modelArgument, dataOptions]) add(command);
  trainingOptions(command, finetuneInWords);
  trainingRun(command);
  dryRunOption(command);
  return command
    .requiredOption("--out <file>", "where the tuned model goes", outputPath)
    .action(async (path: string, options: RawOptions) => {
      const { loadModel } = await import("../pipeline/load-model.ts");
      const { finetune, finetuneSubject } = await import("../pipeline/finetune.ts");
      const work = workOptions(io, options);
      const invocation = await begin(io, command, options, path);
      try {
        const settings = await runSettings(options);
        const model = await loadModel(path, loadSettings(options));
        const job = { ...work, ...settings, model };
        if (options["dryRun"] === true) {
          const { dryRunTraining } = await import("../pipeline/dry-run-training.ts");
          return await tellPlan(io, command, options, await dryRunTraining(await finetuneSubject(job), job));
        }
        const record = await finetune(job);
        work.finish();
        const text = await trainingReport(record);
        await conclude(invocation, record, () => text);
      } finally {
        work.finish();
      }
    });
}
