/** @file shapley-pruner inspect: what a model is made of and what can be removed from it. */
import { Command } from "commander";
import { modelArgument, outputOptions } from "./arguments.ts";
import { type Io, print } from "./io.ts";
import type { RawOptions } from "./settings.ts";

export function inspectCommand(io: Io): Command {
  const command = new Command("inspect").description(
    "List the channel groups of a model, what a channel costs, and what locks the rest",
  );
  return outputOptions(modelArgument(command)).action(async (path: string, options: RawOptions) => {
    const { loadModel } = await import("../pipeline/load-model.ts");
    const { inspectModel } = await import("../pipeline/inspect.ts");
    const { inspectionText } = await import("../report/text.ts");
    const found = inspectModel(await loadModel(path, { inputShapes: options["inputShape"] as never }));
    print(io, options, found, () => inspectionText(found));
  });
}
