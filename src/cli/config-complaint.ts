/** @file A complaint about one field of a configuration file. */
import { PrunerError } from "../base/problem.ts";

/** Letters of a wrong value that a message repeats. */
const shown = 60;

/** @param field Path to the field, such as "mean[1]"; empty for the whole file. */
export function configInvalid(
  path: string,
  field: string,
  expected: string,
  got: unknown,
  { nearest = [], cause }: { readonly nearest?: readonly string[]; readonly cause?: unknown } = {},
): PrunerError<"config-invalid"> {
  return new PrunerError("config-invalid", { path, field, expected, got: inWords(got), nearest }, { cause });
}

function inWords(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length <= shown ? text : `${text.slice(0, shown)}…`;
}
