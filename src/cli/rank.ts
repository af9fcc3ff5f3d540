/** @file shapley-pruner rank: scores for the channels of every group. */
import { Command } from "commander";
import {
  cutOptions,
  dataOptions,
  loadSettings,
  modelArgument,
  outputOptions,
  payoffOptions,
  rankingOptions,
  reportOptions,
  runtimeOptions,
  selectionOptions,
} from "./arguments.ts";
import { begin, conclude } from "./conclude.ts";
import { outputPath } from "./config-form.ts";
import { dryRunOption, tellPlan } from "./dry-run.ts";
import { type Io, workOptions } from "./io.ts";
import {
  dataSettings,
  payoffSettings,
  type RawOptions,
  rankSettings,
  runtimeSettings,
  selection,
} from "./settings.ts";
import { secondsOption } from "./values.ts";

/** The command rank. */
export function rankCommand(io: Io): Command {
  const command = new Command("rank").description(
    "Score every channel of a model and print them from least to most useful",
  );
  for (const add of [
    modelArgument,
    cutOptions,
    dataOptions,
    rankingOptions,
    payoffOptions,
    selectionOptions,
    runtimeOptions,
    outputOptions,
    reportOptions,
    dryRunOption,
  ])
    add(command);
  return command
    .option(
      "--out <file>",
      "write the scores as JSON; an interrupted run leaves its state beside it",
      outputPath,
    )
    .option("--resume", "continue what an interrupted run with the same settings and --out left")
    .option("--save-every <seconds>", "time between two saves of the state kept with --out", secondsOption, 2)
    .action(async (path: string, options: RawOptions) => {
      const { loadModel } = await import("../pipeline/load-model.ts");
      const { rank } = await import("../pipeline/rank.ts");
      const { scoresNote, scoresText } = await import("../report/text.ts");
      const { lockedGroups } = await import("../pipeline/inspect.ts");
      const work = workOptions(io, options);
      const invocation = await begin(io, command, options, path);
      try {
        const model = await loadModel(path, loadSettings(options));
        const job = {
          ...work,
          ...payoffSettings(options),
          ...runtimeSettings(options),
          model,
          data: dataSettings(options),
          settings: rankSettings(options),
          selection: selection(options),
          out: options["out"] as string | undefined,
          resume: options["resume"] === true,
          saveEveryMs: 1000 * (options["saveEvery"] as number),
        };
        if (options["dryRun"] === true) {
          const { dryRunRank } = await import("../pipeline/dry-run-rank.ts");
          return await tellPlan(io, command, options, await dryRunRank(job));
        }
        const scores = await rank(job);
        work.finish();
        await conclude(invocation, { ...scores, locked: lockedGroups(model) }, () => {
          const written = options["out"] === undefined ? [] : ["", `${options["out"]}: written.`];
          return [scoresText(scores.groups), "", scoresNote(scores), ...written].join("\n");
        });
      } finally {
        work.finish();
      }
    });
}
