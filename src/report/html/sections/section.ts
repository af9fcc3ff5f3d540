/** @file A part of the page under a heading of its own. */
import type { Markup } from "../markup.ts";
import type { ReportRecord } from "../record.ts";

export interface Section {
  /** For links inside the page. */
  readonly id: string;
  readonly title: string;
  readonly body: Markup;
}

/** Draws a part; undefined where the record has nothing for it. */
export type SectionOf = (record: ReportRecord) => Section | undefined;
