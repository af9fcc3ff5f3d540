/** @file What the run cost, and every setting it had. */
import { duration, whole } from "../../format.ts";
import { type Content, html, type Markup, nothing, tableOf } from "../markup.ts";
import type { ReportRecord } from "../record.ts";
import type { SectionOf } from "./section.ts";

export const costSection: SectionOf = (record) => {
  const cost = costRows(record);
  const settings = settingRows({ ...record.run?.options, ...record.settings });
  if (cost.length === 0 && settings.length === 0) return undefined;
  return {
    id: "cost",
    title: "Cost and settings",
    body: html`${listOf("Cost", cost)}${listOf("Settings", settings)}`,
  };
};

function listOf(title: string, rows: readonly (readonly Content[])[]): Markup {
  if (rows.length === 0) return nothing;
  return html`<p class="chart-title">${title}</p>
${tableOf(title, [{ title: "" }, { title: "value" }], rows)}`;
}

/** What examples served for, in words. */
const ends: Readonly<Record<string, string>> = {
  rank: "ranking",
  curves: "curves of payoffs",
  decide: "the accuracy floor",
  calibrate: "repair",
  tune: "tuning",
  train: "training",
  validate: "choosing the epoch",
  evaluate: "the final figures",
  test: "the final figures",
};

function costRows({ rows, examples, run }: ReportRecord): string[][] {
  const served = Object.entries(examples)
    .filter(([, count]) => count > 0)
    .map(([end, count]) => `${whole(count)} for ${ends[end] ?? end}`);
  return [
    ...(rows === null || rows === 0 ? [] : [["coalitions evaluated, one example each", whole(rows)]]),
    ...(served.length === 0 ? [] : [["examples", served.join(", ")]]),
    ...(run === null
      ? []
      : [
          ["wall-clock time", duration(run.seconds)],
          [
            "machine",
            `${whole(run.machine.cores)} ${run.machine.cores === 1 ? "core" : "cores"}, Node ${run.machine.node}`,
          ],
          [
            "versions",
            [
              `${run.tool} ${run.version}`,
              ...(run.machine.runtime === null ? [] : [run.machine.runtime]),
            ].join(", "),
          ],
        ]),
  ];
}

function settingRows(settings: Readonly<Record<string, unknown>>): Content[][] {
  return Object.entries(settings)
    .filter(([, value]) => value !== undefined && value !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => [nameOf(name), html`<code>${told(value)}</code>`]);
}

/** Options as they are spelled on the command line. @example nameOf("targetMacs"); // "target-macs" */
function nameOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function told(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
