/** @file shapley-pruner inspect: what a model is made of and what can be removed from it. */
import { Command } from "commander";
import { cutOptions, loadSettings, modelArgument, outputOptions } from "./arguments.ts";
import { type Io, print } from "./io.ts";
import type { RawOptions } from "./settings.ts";

/** The command inspect. */
export function inspectCommand(io: Io): Command {
  const command = new Command("inspect").description(
    "List the channel groups of a model, what a channel costs, and what locks the rest",
  );
  cutOptions(modelArgument(command)).option(
    "--explain <group>",
    "why the channels of a group belong together, and what holds those that have to stay",
  );
  return outputOptions(command).action(async (path: string, options: RawOptions) => {
    const { loadModel } = await import("../pipeline/load-model.ts");
    const { inspectModel } = await import("../pipeline/inspect.ts");
    const { inspectionText } = await import("../report/inspection.ts");
    const loaded = await loadModel(path, loadSettings(options));
    const found = inspectModel(loaded, { explain: options["explain"] as string | undefined });
    const { explanation } = found;
    if (explanation === undefined) return print(io, options, found, () => inspectionText(found));
    const { explanationText } = await import("../report/explanation.ts");
    print(io, options, found, () => explanationText(explanation));
  });
}
