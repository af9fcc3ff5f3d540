/** @file Figures of the benchmarks between runs, and the page and the pictures that are made from them. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { standalone } from "./pictures.ts";
import type { Benchmark, circumstances, Findings, Picture } from "./record.ts";

/** What a benchmark found, where, and how long that took. */
export type Measured = Findings & {
  readonly where: ReturnType<typeof circumstances>;
  readonly minutes?: number;
};

/** What each benchmark found when it was last run, by its name. */
export type Results = Readonly<
  Record<
    string,
    | Measured
    | {
        readonly where: ReturnType<typeof circumstances>;
        readonly minutes?: number;
        readonly skipped: string;
      }
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

/** Writes pictures, tables and claims into the page, in the order of the benchmarks. */
export async function writePage(
  results: Results,
  benchmarks: Readonly<Record<string, Benchmark>>,
  docs: string,
): Promise<void> {
  const path = join(docs, "performance.md");
  const page = await readFile(path, "utf8");
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined)
    throw new Error(`${path} has no lines "${begin}" and "${end}"`);
  const sections: string[] = [];
  for (const [name, benchmark] of Object.entries(benchmarks)) {
    const findings = results[name];
    if (findings === undefined || "skipped" in findings) continue;
    const pictures = benchmark.draw?.(findings.series ?? []) ?? [];
    for (const picture of pictures)
      await writeFile(join(docs, "images", fileOf(name, picture)), standalone(picture));
    sections.push(section(name, benchmark, findings, pictures));
  }
  await writeFile(path, `${before}${begin}\n\n${sections.join("\n\n")}\n\n${end}${after}`);
}

function fileOf(benchmark: string, { name }: Picture): string {
  return `performance-${benchmark}-${name}.svg`;
}

function section(
  name: string,
  { title, how }: Benchmark,
  { rows, claims, where, minutes }: Measured,
  pictures: readonly Picture[],
): string {
  const machine = `${where["cpu"]}, ${where["threads"]} threads, Node ${where["node"]}, ${where["runtime"]}`;
  const lines = [
    `### ${title}`,
    "",
    `\`npm run bench -- ${name}\`${minutes === undefined ? "" : ` (${minutes} min)`} on ${machine}.`,
    how,
    "",
    ...pictures.flatMap((picture) => [`![${picture.alt}](images/${fileOf(name, picture)})`, ""]),
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
