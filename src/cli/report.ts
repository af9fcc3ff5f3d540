/** @file shapley-pruner report: the page of a result again, or of several side by side. */
import { Command } from "commander";
import { outputOptions } from "./arguments.ts";
import { type Io, print, workOptions } from "./io.ts";
import type { RawOptions } from "./settings.ts";

/** The command report. */
export function reportCommand(io: Io): Command {
  const command = new Command("report")
    .description("Draw saved results as one HTML page: one in full, or several side by side")
    .argument("<results...>", "documents that --json printed, or folders with such documents");
  outputOptions(command);
  return command
    .option("--open", "open the page when it is written")
    .requiredOption("--out <file>", "where the page goes, such as report.html")
    .action(async (paths: readonly string[], options: RawOptions) => {
      const { redraw } = await import("../pipeline/report.ts");
      const out = options["out"] as string;
      const { onRemark } = workOptions(io, options);
      const drawn = await redraw({ paths, out, onRemark });
      print(io, options, drawn, () => {
        const { length } = drawn.results;
        return `${out}: written from ${length} ${length === 1 ? "result" : "results"}.`;
      });
      if (options["open"] !== true) return;
      const { showPage } = await import("./open-file.ts");
      await showPage(io, out);
    });
}
