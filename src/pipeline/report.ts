/** @file Reports: written at the end of a command with the data beside them, or drawn again from saved results. */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { writeAtomically } from "../base/atomic-file.ts";
import { PrunerError } from "../base/problem.ts";
import type { ReportRecord } from "../report/html/record.ts";
import { checkOutputs } from "./check-outputs.ts";
import { isResult, reportRecordOf, sourcesOfResults } from "./report-record.ts";
import { readJson, writeJson } from "./scores-file.ts";

/** The ends of names browsers take for pages. */
const pageName = /\.html?$/i;

/** Where the data of a report stand. @example dataPath("run/report.html"); // "run/report.json" */
export function dataPath(report: string): string {
  return report.replace(pageName, ".json");
}

/**
 * Refuses a report that cannot be written, before work goes into it.
 * @param others What else the run writes, by option; @param inputs What it reads.
 * @throws {PrunerError} `invalid-option` for other names than pages have, `file-unwritable`, `usage`.
 */
export async function checkReport(
  report: string,
  others: Readonly<Record<string, string | undefined>>,
  inputs: readonly (string | undefined)[],
): Promise<void> {
  checkPageName("report", report);
  await checkOutputs({ ...others, report, "report (its data)": dataPath(report) }, inputs);
}

function checkPageName(option: string, got: string): void {
  if (!pageName.test(got))
    throw new PrunerError("invalid-option", { option, got, expected: "a name that ends in .html" });
}

/** A result under the name it has on a page. */
export interface NamedResult {
  readonly name: string;
  /** What a command or its function in the library found. */
  readonly result: object;
}

/**
 * The page of one result, or of several side by side, as text. Equal results give equal text.
 * @throws {PrunerError} `file-invalid` for what is no result; `invalid-option` without any.
 * @example await reportHtml([{ name: "conv2", result: await oracle(options) }]);
 */
export async function reportHtml(results: readonly NamedResult[]): Promise<string> {
  if (results.length === 0)
    throw new PrunerError("invalid-option", {
      option: "results",
      got: "none",
      expected: "at least one result",
    });
  const { reportPage } = await import("../report/html/page.ts");
  return reportPage(results.map(({ name, result }) => reportRecordOf(asSaved(result), name, name)));
}

/** What JSON cannot hold is lost before a page is drawn too, so that page and data say the same. */
function asSaved(result: object): unknown {
  return JSON.parse(JSON.stringify(result));
}

/**
 * Writes the page, and the document it is drawn from beside it.
 * @param report Ends in .html; the data beside it in .json.
 * @throws {PrunerError} `invalid-option` for another ending, `file-invalid` for what is no result, `file-unwritable`.
 */
export async function writeReport(report: string, document: object): Promise<{ readonly data: string }> {
  checkPageName("report", report);
  const data = dataPath(report);
  const { reportPage } = await import("../report/html/page.ts");
  const saved = asSaved(document);
  const page = reportPage([reportRecordOf(saved, data)]);
  await writeJson(data, saved);
  await writeAtomically(report, page);
  return { data };
}

export interface RedrawOptions {
  /** Files or folders with documents as `--json` prints them. */
  readonly paths: readonly string[];
  readonly out: string;
  readonly onRemark?: ((remark: string) => void) | undefined;
}

/** What was drawn. */
export interface Redrawn {
  readonly schemaVersion: 1;
  readonly out: string;
  readonly results: readonly {
    readonly path: string;
    readonly name: string;
    readonly command: string | null;
  }[];
}

/**
 * Draws one page from saved results; several stand side by side on it.
 * @throws {PrunerError} `file-not-found`, `file-unreadable`, `file-invalid`, `file-unwritable`, `invalid-option`.
 */
export async function redraw({ paths, out, onRemark }: RedrawOptions): Promise<Redrawn> {
  checkPageName("out", out);
  const found: { path: string; record: ReportRecord }[] = [];
  for (const path of paths) found.push(...(await recordsAt(path, paths.length > 1, onRemark)));
  await checkOutputs(
    { out },
    found.map(({ path }) => path),
  );
  const { reportPage } = await import("../report/html/page.ts");
  await writeAtomically(out, reportPage(found.map(({ record }) => record)));
  return {
    schemaVersion: 1,
    out,
    results: found.map(({ path, record: { name, command } }) => ({ path, name, command })),
  };
}

type Found = readonly { readonly path: string; readonly record: ReportRecord }[];

/** Results of a file, or of all files of a folder, by name. */
async function recordsAt(
  path: string,
  isOneOfMany: boolean,
  onRemark: RedrawOptions["onRemark"],
): Promise<Found> {
  const entry = await stat(path).catch(() => undefined);
  if (entry?.isDirectory() !== true)
    return recordsOf(await readJson(path), path, isOneOfMany ? basename(path, ".json") : undefined);
  const names = (await readdir(path)).filter((name) => name.endsWith(".json")).sort();
  const found: Found[] = [];
  for (const name of names) {
    const file = join(path, name);
    const document = await readJson(file);
    if (isResult(document) || isList(document))
      found.push(recordsOf(document, file, basename(name, ".json")));
    else onRemark?.(`${file}: left out, it is no result`);
  }
  if (found.length === 0)
    throw new PrunerError("file-invalid", {
      path,
      detail: `holds no results a report can be drawn from; ${sourcesOfResults}`,
    });
  return found.flat();
}

/** One result, or a list of them, each of which may bring a name. */
function recordsOf(document: unknown, path: string, name?: string): Found {
  if (!isList(document)) return [{ path, record: reportRecordOf(document, path, name) }];
  return document.map((one, k) => {
    const own = (one as { readonly name?: unknown }).name;
    const called = typeof own === "string" ? own : `${name ?? basename(path, ".json")} ${k + 1}`;
    return { path, record: reportRecordOf(one, path, called) };
  });
}

function isList(document: unknown): document is readonly unknown[] {
  return Array.isArray(document) && document.length > 0 && document.every(isResult);
}
