/** @file How a command that measures ends: it prints the result with the circumstances, and writes the report. */
import type { Command } from "commander";
import { PrunerError } from "../base/problem.ts";
import type { RunRecord } from "../report/records.ts";
import { type Io, print } from "./io.ts";
import type { RawOptions } from "./settings.ts";

/** A command under way. */
export interface Invocation {
  readonly io: Io;
  readonly options: RawOptions;
  readonly command: string;
  /** The model or network as it was given. */
  readonly subject: string;
  readonly started: number;
}

/** Options that name files a command reads. */
const inputs = ["data", "labels", "testData", "testLabels", "plan", "scores", "teacher", "against"] as const;

/** Commands whose --out is the result as JSON: the data of a report are the same with circumstances, and may take its name. */
const writeResults = new Set(["compare", "oracle"]);

/** Options that say how results are told, and nothing about them. */
const aboutOutput = new Set(["json", "quiet", "debug", "open", "report"]);

/**
 * Notes when a command began; refuses a report that cannot be written before work goes into it.
 * @throws {PrunerError} `usage`, `file-unwritable`.
 */
export async function begin(
  io: Io,
  command: Command,
  options: RawOptions,
  subject: string,
): Promise<Invocation> {
  const invocation = { io, options, command: command.name(), subject, started: performance.now() };
  const report = options["report"] as string | undefined;
  if (report === undefined) {
    if (options["open"] === true)
      throw new PrunerError("usage", { detail: "--open opens what --report FILE writes. Add that option." });
    return invocation;
  }
  const { checkReport, dataPath } = await import("../pipeline/report.ts");
  const { savePlan, checkpoint, ...paths } = options as Readonly<Record<string, string | undefined>>;
  const isData = writeResults.has(command.name()) && paths["out"] === dataPath(report);
  const out = isData ? undefined : paths["out"];
  const read = inputs.map((name) => options[name]).filter((path) => typeof path === "string");
  await checkReport(report, { out, "save-plan": savePlan, checkpoint }, [subject, ...read]);
  return invocation;
}

/** Prints the result, then writes and opens the report where one is asked for. */
export async function conclude(
  { io, options, command, subject, started }: Invocation,
  result: object,
  text: () => string,
): Promise<void> {
  const { runRecord } = await import("../pipeline/run-record.ts");
  const run: RunRecord = runRecord({
    command,
    subject,
    arguments: io.argv ?? [],
    options: Object.fromEntries(Object.entries(options).filter(([name]) => !aboutOutput.has(name))),
    seconds: (performance.now() - started) / 1000,
  });
  const document = { ...result, run };
  print(io, options, document, text);
  const report = options["report"] as string | undefined;
  if (report === undefined) return;
  const { writeReport } = await import("../pipeline/report.ts");
  const { data } = await writeReport(report, document);
  if (options["json"] !== true) io.out(`${report}: report written, its data in ${data}.`);
  if (options["open"] !== true) return;
  const { showPage } = await import("./open-file.ts");
  await showPage(io, report);
}
