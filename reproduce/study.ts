/** @file What a study of published results is, and what it finds. */
import type { NeededFile } from "./places.ts";
import type { Workshop } from "./workshop.ts";

export type Cell = string | number | null;

/** A table as the terminal and the page show it; numbers stand to the right, null is a dash. */
export interface StudyTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  readonly notes: readonly string[];
}

/** Something that has to hold, and whether it did. */
export interface Check {
  readonly says: string;
  readonly measured: string;
  readonly met: boolean;
}

export interface StudyFindings {
  readonly tables: readonly StudyTable[];
  readonly checks: readonly Check[];
  /** What a reader has to know besides: how it was measured, what the figures do not say. */
  readonly remarks: readonly string[];
}

export interface Study {
  readonly title: string;
  /** What will be done, in a sentence or two. */
  readonly plan: string;
  /** About how long on two quiet cores. */
  readonly minutes: number;
  readonly needs: readonly NeededFile[];
  run(workshop: Workshop): Promise<StudyFindings>;
}

/** The mean with the lowest and highest, or the only value. @example spread([1, 3], 1); // "2.0 (1.0 to 3.0)" */
export function spread(values: readonly number[], digits: number): string {
  if (values.length === 0) return "-";
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return mean.toFixed(digits);
  return `${mean.toFixed(digits)} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`;
}
