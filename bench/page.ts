/** @file Figures of the benchmarks between runs, and the page that is made from them. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Benchmark, circumstances, Findings } from "./record.ts";

/** What each benchmark found when it was last run, by its name. */
export type Results = Readonly<
  Record<
    string,
    { readonly where: ReturnType<typeof circumstances> } & (Findings | { readonly skipped: string })
  >
>;

const schemaVersion = 2;
const fileName = "latest.json";

/** Results of earlier runs; none when there are none or they have another form. */
export async function readResults(folder: string): Promise<Results> {
  const text = await readFile(join(folder, fileName), "utf8").catch(() => "{}");
  const file = JSON.parse(text) as { readonly schemaVersion?: number; readonly results?: Results };
  return file.schemaVersion === schemaVersion ? file.results! : {};
}

export async function writeResults(folder: string, results: Results): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, fileName), `${JSON.stringify({ schemaVersion, results }, undefined, 1)}\n`);
}

/** Lines between these come from results; everything else on the page is written by hand and stays. */
const begin = "<!-- results: begin -->";
const end = "<!-- results: end -->";

/** Writes tables and claims into the page. */
export async function writePage(
  results: Results,
  benchmarks: Readonly<Record<string, Benchmark>>,
  path: string,
): Promise<void> {
  const page = await readFile(path, "utf8");
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined)
    throw new Error(`${path} has no lines "${begin}" and "${end}"`);
  const sections = Object.entries(results).flatMap(([name, findings]) => {
    const benchmark = benchmarks[name];
    return benchmark === undefined || "skipped" in findings ? [] : [section(name, benchmark, findings)];
  });
  await writeFile(path, `${before}${begin}\n\n${sections.join("\n\n")}\n\n${end}${after}`);
}

function section(
  name: string,
  { title, how }: Benchmark,
  { rows, claims, where }: Findings & { readonly where: Results[string]["where"] },
): string {
  const machine = `${where["cpu"]}, ${where["threads"]} threads, Node ${where["node"]}, ${where["runtime"]}`;
  const lines = [
    `### ${title}`,
    "",
    `\`npm run bench -- ${name}\` on ${machine}.`,
    how,
    "",
    ...tableOf(rows),
  ];
  if (claims.length > 0) lines.push("", "| target | measured | |", "| --- | ---: | --- |");
  for (const { claim, measured, met } of claims)
    lines.push(`| ${claim} | ${Number(measured.toPrecision(3))} | ${met ? "met" : "missed"} |`);
  return lines.join("\n");
}

function tableOf(rows: Findings["rows"]): string[] {
  const columns = Object.keys(rows[0] ?? {});
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(columns),
    line(columns.map((column) => (typeof rows[0]?.[column] === "number" ? "---:" : "---"))),
    ...rows.map((row) => line(columns.map((column) => String(row[column] ?? "")))),
  ];
}
