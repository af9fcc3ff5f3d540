/** @file Under which circumstances a command ran, as plain JSON. */
import { availableParallelism } from "node:os";
import { tool } from "../base/version.ts";
import { runtimeVersion } from "../engine/ort/load.ts";
import type { RunRecord } from "../report/records.ts";

/** The record of a run that ends now. Of the machine it tells cores and versions, no names and no places. */
export function runRecord({
  command,
  subject,
  arguments: argv,
  options,
  seconds,
}: Pick<RunRecord, "command" | "subject" | "arguments" | "options" | "seconds">): RunRecord {
  return {
    tool: tool.name,
    version: tool.version,
    command,
    subject,
    arguments: argv,
    options: plain(options) as Readonly<Record<string, unknown>>,
    seconds: Number(seconds.toFixed(2)),
    machine: { cores: availableParallelism(), node: process.version, runtime: installedRuntime() },
  };
}

/** Options as JSON has them: maps as objects, what is undefined left out. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, entry: unknown) => (entry instanceof Map ? Object.fromEntries(entry) : entry)),
  );
}

/** Null without a runtime: some commands need none. */
function installedRuntime(): string | null {
  try {
    return runtimeVersion();
  } catch {
    return null;
  }
}
