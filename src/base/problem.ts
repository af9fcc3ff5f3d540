/** @file The catalogue of everything that can go wrong for a reason a user can mend: code, message, next step. */

/** Exit status of the command line for each kind of outcome. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  targetMissed: 3,
  notSupported: 4,
  interrupted: 130,
} as const;

export type Outcome = keyof typeof exitCodes;

interface Entry<D> {
  readonly outcome: Outcome;
  /** Says what is wrong, where, and what to do next. */
  readonly explain: (data: D) => string;
}

const entry = <D>(outcome: Outcome, explain: (data: D) => string): Entry<D> => ({ outcome, explain });

/** One entry per code. Programs read `code` and `data`; people read `explain(data)`. */
export const catalogue = {
  "file-not-found": entry("failed", (d: { path: string }) => `${d.path}: no such file. Check the path.`),
  "file-unreadable": entry(
    "failed",
    (d: { path: string; detail: string }) => `${d.path}: cannot be read (${d.detail}). Check permissions.`,
  ),
  "file-unwritable": entry(
    "failed",
    (d: { path: string; detail: string }) =>
      `${d.path}: cannot be written (${d.detail}). Nothing was left behind; choose another place or free some space.`,
  ),
  usage: entry("usage", (d: { detail: string }) => d.detail),
  "invalid-option": entry(
    "usage",
    (d: { option: string; got: string; expected: string }) =>
      `--${d.option}: got "${d.got}", expected ${d.expected}.`,
  ),
  interrupted: entry("interrupted", (d: { next: string }) => `Interrupted. ${d.next}`),
} as const;

export type ProblemCode = keyof typeof catalogue;
export type ProblemData<C extends ProblemCode> = Parameters<(typeof catalogue)[C]["explain"]>[0];

/**
 * An error with a code from the catalogue. Everything a user can cause is thrown as one of these; any other
 * error is a defect of ours.
 */
export class PrunerError<C extends ProblemCode = ProblemCode> extends Error {
  override readonly name = "PrunerError";
  readonly code: C;
  readonly data: ProblemData<C>;

  constructor(code: C, data: ProblemData<C>, options?: { readonly cause?: unknown }) {
    const { explain } = catalogue[code] as Entry<ProblemData<C>>;
    super(explain(data), options);
    this.code = code;
    this.data = data;
  }

  /** Exit status the command line ends with. */
  get exitCode(): number {
    return exitCodes[catalogue[this.code].outcome];
  }
}

/** Narrows an unknown error to a coded one, optionally with a given code. */
export function isProblem<C extends ProblemCode>(error: unknown, code?: C): error is PrunerError<C> {
  return error instanceof PrunerError && (code === undefined || error.code === code);
}
