/** @file Results of studies as files, and as text for a terminal. */
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { circumstances } from "../bench/record.ts";
import { writeAtomically } from "../src/base/atomic-file.ts";
import { tool } from "../src/base/version.ts";
import { table } from "../src/report/table.ts";
import type { Cell, Study, StudyFindings } from "./study.ts";
import type { Workshop } from "./workshop.ts";

/** What a study leaves: its findings, how they were had, and what they cost. */
export interface StudyResult extends StudyFindings {
  readonly schemaVersion: 1;
  readonly name: string;
  readonly title: string;
  readonly version: string;
  readonly where: Readonly<Record<string, string | number>>;
  /** Of all pieces of work together, those kept from earlier runs included. */
  readonly minutes: number;
  /** Highest average number of processes that wanted a core. */
  readonly load: number;
  readonly commands: readonly string[];
}

export function resultOf(
  name: string,
  { title }: Study,
  findings: StudyFindings,
  workshop: Workshop,
): StudyResult {
  const { seconds, load } = workshop.spent();
  const { tables, checks, remarks } = findings;
  return {
    schemaVersion: 1,
    name,
    title,
    version: tool.version,
    where: circumstances(),
    minutes: Number((seconds / 60).toFixed(1)),
    load,
    tables,
    checks,
    remarks,
    commands: workshop.commands(),
  };
}

export async function writeResult(folder: string, result: StudyResult): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeAtomically(join(folder, `${result.name}.json`), `${JSON.stringify(result, undefined, 1)}\n`);
}

/** Results that are there, in the order of the names. */
export async function readResults(folder: string, names: readonly string[]): Promise<StudyResult[]> {
  const paths = names.map((name) => join(folder, `${name}.json`)).filter((path) => existsSync(path));
  return Promise.all(paths.map(async (path) => JSON.parse(await readFile(path, "utf8")) as StudyResult));
}

/** Tables and checks for a terminal. */
export function resultText({ tables, checks, remarks }: StudyFindings): string {
  const drawn = tables.map(({ title, columns, rows, notes }) =>
    [
      title,
      table(
        columns,
        rows.map((row) => row.map(cellText)),
      ),
      ...notes,
    ].join("\n"),
  );
  const held = checks.map(
    ({ says, measured, met }) => `${met ? "met" : "MISSED"}: ${says} (measured ${measured})`,
  );
  return [...drawn, held.join("\n"), remarks.join("\n")].filter((part) => part !== "").join("\n\n");
}

/** A number with thousands separated; a dash for nothing. */
export function cellText(cell: Cell): string {
  if (cell === null) return "-";
  return typeof cell === "number" ? cell.toLocaleString("en-US", { maximumFractionDigits: 4 }) : cell;
}
