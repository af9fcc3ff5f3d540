/** @file Runs one command line and says how it ended. */
import { CommanderError } from "commander";
import { exitCodes, PrunerError } from "../base/problem.ts";
import { describeError, type Io } from "./io.ts";
import { program } from "./program.ts";

/**
 * @param argv Arguments after the name of the program.
 * @returns The exit code: 0 done, 1 failed, 2 wrong usage, 3 target missed, 4 not supported, 130 interrupted.
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const before = process.exitCode;
  process.exitCode = exitCodes.done;
  const root = program({ ...io, argv });
  const isAsked = (flag: string) =>
    argv.includes(`--${flag}`) || root.commands.some((command) => command.getOptionValue(flag) === true);
  try {
    await root.parseAsync(argv, { from: "user" });
    return Number(process.exitCode);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
    if (error instanceof CommanderError && error.code === "commander.help") return exitCodes.usage; // help is shown
    return explain(codedError(error, io.signal), isAsked, io);
  } finally {
    process.exitCode = before;
  }
}

/** Usage mistakes and interruptions by their codes, whoever noticed them. */
function codedError(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof CommanderError) {
    const text = error.message
      .replace(/^error: /, "")
      .replaceAll("\n", " ")
      .replace(/[.]?$/, ".");
    return new PrunerError("usage", { detail: `${text} Add --help for the options.` }, { cause: error });
  }
  if (!signal.aborted || error instanceof PrunerError) return error;
  return new PrunerError(
    "interrupted",
    { next: "Nothing was written; run the same command again." },
    { cause: error },
  );
}

function explain(error: unknown, isAsked: (flag: string) => boolean, io: Io): number {
  const { code, message, data } = describeError(error);
  if (isAsked("json")) io.out(JSON.stringify({ error: { code, message, data } }, undefined, 1));
  io.err(`error (${code}): ${message}`);
  if (isAsked("debug") && error instanceof Error) io.err(error.stack ?? "");
  return error instanceof PrunerError ? error.exitCode : exitCodes.failed;
}
