/** @file shapley-pruner evaluate: quality, size and latency of a model, alone or beside another. */
import { Command } from "commander";
import { PrunerError } from "../base/problem.ts";
import {
  dataOptions,
  layerTimesHelp,
  loadSettings,
  measuredOutputOption,
  modelArgument,
  outputOptions,
  reportOptions,
  runtimeOptions,
} from "./arguments.ts";
import { begin, conclude } from "./conclude.ts";
import { inputPath } from "./config-form.ts";
import { type Io, workOptions } from "./io.ts";
import { dataSettings, type RawOptions, runtimeSettings } from "./settings.ts";

/** The command evaluate. */
export function evaluateCommand(io: Io): Command {
  const command = new Command("evaluate").description(
    "Measure a model on data: accuracy, loss, size, MACs and latency",
  );
  for (const add of [
    modelArgument,
    dataOptions,
    measuredOutputOption,
    runtimeOptions,
    outputOptions,
    reportOptions,
  ])
    add(command);
  return command
    .option("--against <model>", "the model to compare with, usually the original", inputPath)
    .option("--no-latency", "do not measure latency")
    .option("--layer-times", `with --against, ${layerTimesHelp}`)
    .option("--no-layer-times", "do not measure the time of single layers")
    .action(async (path: string, options: RawOptions) => {
      const { loadModel } = await import("../pipeline/load-model.ts");
      const { evaluate } = await import("../pipeline/evaluate.ts");
      const { figuresTable } = await import("../report/text.ts");
      const { layerTimesText } = await import("../report/layer-times.ts");
      const { accuracyChangeText } = await import("../report/training.ts");
      const data = dataSettings(options);
      if (data === undefined)
        throw new PrunerError("usage", { detail: "evaluate needs --data: the examples to measure on." });
      const shapes = loadSettings(options);
      const work = workOptions(io, options);
      const invocation = await begin(io, command, options, path);
      try {
        const result = await evaluate({
          ...work,
          output: options["output"] as string | undefined,
          ...runtimeSettings(options),
          model: await loadModel(path, shapes),
          against:
            options["against"] === undefined
              ? undefined
              : await loadModel(options["against"] as string, shapes),
          data,
          latency: options["latency"] as boolean,
          layerTimes: options["layerTimes"] as boolean | undefined,
        });
        work.finish();
        const { examples, accuracyChange, before, after, layerTimes } = result;
        const change = accuracyChange === null ? "" : ` ${accuracyChangeText(accuracyChange)}`;
        await conclude(invocation, result, () =>
          [figuresTable(before, after), layerTimesText(layerTimes), `${examples} examples.${change}`]
            .filter((part) => part !== "")
            .join("\n\n"),
        );
      } finally {
        work.finish();
      }
    });
}
