/** @file Command lines that are refused: with a code, a status, one line for people, and nothing left behind. */
import { describe, expect, test } from "vitest";
import { command, type Folder } from "./command.ts";

/** Arguments, then the code, the exit status, and what the message has to say. */
export type Case = readonly [
  name: string,
  argv: () => readonly (string | number)[] | Promise<readonly (string | number)[]>,
  code: string | readonly string[],
  exit: number,
  says?: RegExp,
];

/** Declares the cases of a subject, whose files are in the folder. */
export function refusals(folder: Folder): (subject: string, cases: readonly Case[]) => void {
  return (subject, cases) =>
    describe(subject, () => {
      test.each(cases.map((one) => [one[0], one] as const))("%s", (_name, one) => refused(folder, one));
    });
}

async function refused(folder: Folder, [, argv, codes, exit, says]: Case): Promise<void> {
  const args = await argv();
  const before = folder.names();
  const outcome = await command([...args, "--json"]);
  const [, code] = /^error \(([a-z-]+)\): \S.*$/.exec(outcome.err) ?? [];
  expect([codes].flat(), outcome.err).toContain(code);
  expect(outcome.code).toBe(exit);
  if (says !== undefined) expect(outcome.err).toMatch(says);
  const document = JSON.parse(outcome.out) as { error: { code: string; message: string } };
  expect(document.error.code).toBe(code);
  expect(outcome.err).toBe(`error (${code}): ${document.error.message}`);
  expect(outcome.err).not.toMatch(/\n| {4}at |undefined|\[object/);
  expect(outcome.err.trimEnd()).toMatch(/[.)]$/);
  expect(folder.names(), "files left behind").toEqual(before);
}
