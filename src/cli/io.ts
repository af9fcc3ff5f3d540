/** @file Where a command reads its signal from and writes to; tests bring their own. */
import { PrunerError } from "../base/problem.ts";
import type { Progress, WorkOptions } from "../pipeline/progress.ts";
import { progressBar } from "./progress-bar.ts";

export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether stderr is a terminal, where progress is drawn. */
  readonly isTerminal: boolean;
  readonly signal: AbortSignal;
  /** The command line after the name of the program, for records. */
  readonly argv?: readonly string[] | undefined;
}

export interface OutputOptions {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

/** Results go to stdout: text for people, one JSON document for programs. */
export function print(io: Io, options: OutputOptions, document: unknown, text: () => string): void {
  io.out(options.json === true ? JSON.stringify(document, undefined, 1) : text());
}

/** Signal, progress and remarks for a piece of work; `finish` clears the bar. */
export function workOptions(io: Io, options: OutputOptions): WorkOptions & { readonly finish: () => void } {
  const bar = io.isTerminal && options.quiet !== true ? progressBar() : undefined;
  const show = (progress: Progress) => bar?.show(progress);
  return {
    signal: io.signal,
    onProgress: show,
    onRemark: (remark) => {
      if (options.quiet === true) return;
      bar?.clear();
      io.err(remark);
    },
    finish: () => bar?.clear(),
  };
}

/** What an error looks like to people, or to programs. */
export function describeError(error: unknown): {
  readonly code: string;
  readonly message: string;
  readonly data: unknown;
} {
  if (error instanceof PrunerError) return { code: error.code, message: error.message, data: error.data };
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: "defect",
    message: `This is a defect of ours: ${message}. Run again with --debug and report what it prints.`,
    data: {},
  };
}
