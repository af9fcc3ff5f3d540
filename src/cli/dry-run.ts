/** @file --dry-run: what a command would do and cost, instead of doing it. */
import type { Command } from "commander";
import type { DryRun } from "../report/dry-run-records.ts";
import { formOf } from "./config-form.ts";
import { type Io, print } from "./io.ts";
import type { RawOptions } from "./settings.ts";

/** The option of commands that can tell what they would do. */
export function dryRunOption(command: Command): Command {
  return command.option(
    "--dry-run",
    "check everything, tell what would happen and what it costs, and write nothing",
  );
}

/** Prints what a run would do. */
export async function tellPlan(io: Io, command: Command, options: RawOptions, plan: DryRun): Promise<void> {
  const { dryRunText } = await import("../report/dry-run.ts");
  const writes = command.options.flatMap((option) => {
    const path = options[option.attributeName()];
    const isWritten = typeof path === "string" && formOf(option.parseArg).path === "write";
    return isWritten ? [path] : [];
  });
  print(io, options, { ...plan, writes }, () => dryRunText(plan, writes));
}
