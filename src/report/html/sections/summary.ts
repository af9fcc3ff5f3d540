/** @file What came out, at a glance. */
import { bytes, compact, percent, short } from "../../format.ts";
import type { ModelFigures } from "../../records.ts";
import { accuracyChangeClaim, shareOf } from "../claims.ts";
import { html, type Markup, nothing } from "../markup.ts";
import type { ReportRecord } from "../record.ts";
import type { SectionOf } from "./section.ts";
import { type Tile, tilesOf } from "./tiles.ts";

export const summarySection: SectionOf = (record) => {
  const { figures } = record;
  const sentences = sentencesOf(record);
  if (figures === null && sentences.length === 0) return undefined;
  return {
    id: "summary",
    title: "At a glance",
    body: html`${figures === null ? nothing : figuresAtAGlance(figures.before, figures.after)}
${sentences.map((sentence) => html`<p>${sentence}</p>\n`)}`,
  };
};

function figuresAtAGlance(before: ModelFigures | null, after: ModelFigures): Markup {
  const share = (of: (figures: ModelFigures) => number) =>
    before === null || of(before) === 0 ? "" : `${shareOf(of(after), of(before))} of ${compact(of(before))}`;
  return tilesOf([
    ...qualityTile(before, after),
    { name: "MACs per example", value: compact(after.macs), note: share(({ macs }) => macs) },
    { name: "parameters", value: compact(after.parameters), note: share(({ parameters }) => parameters) },
    {
      name: "file",
      value: bytes(after.bytes),
      note: before === null ? "" : `before: ${bytes(before.bytes)}`,
    },
  ]);
}

function qualityTile(before: ModelFigures | null, after: ModelFigures): Tile[] {
  const note = (value: number | null | undefined, told: (value: number) => string) =>
    value == null ? "" : `before: ${told(value)}`;
  if (after.accuracy !== null)
    return [
      {
        name: "accuracy",
        value: percent(after.accuracy),
        note: note(before?.accuracy, (value) => percent(value)),
      },
    ];
  if (after.loss === null) return [];
  const told = (value: number) => short(value, 3);
  return [{ name: "squared error", value: told(after.loss), note: note(before?.loss, told) }];
}

function sentencesOf({ accuracyChange, removal, check, figures, rounds }: ReportRecord): string[] {
  const sentences: string[] = [];
  if (accuracyChange !== null) sentences.push(accuracyChangeClaim(accuracyChange));
  else if (figures?.after.accuracy === null && figures.after.loss === null)
    sentences.push("No quality was measured: there were no labels to measure it with.");
  if (removal !== null) sentences.push(endOf(removal));
  if (check !== null)
    sentences.push(
      `${rounds.length === 0 ? "The" : "Before repair or tuning the"} sliced network equals the masked one within ${check.difference.toExponential(1)} of the output's scale on ${check.examples} examples (allowed: ${check.tolerance.toExponential(0)}).`,
    );
  return sentences;
}

function endOf({ reached, stoppedBy }: NonNullable<ReportRecord["removal"]>): string {
  if (stoppedBy === "plan") return "A plan said which channels stay.";
  if (stoppedBy === "floor")
    return `The accuracy floor ended the removal${reached ? "." : " before the target was reached."}`;
  if (stoppedBy === "nothing-left")
    return `Nothing more could go${reached ? "." : ", and the target was not reached."}`;
  return reached ? "The target was reached." : "The target was not reached.";
}
