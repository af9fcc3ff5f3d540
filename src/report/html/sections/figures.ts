/** @file The table before and after. */
import { bytes, percent, short, whole } from "../../format.ts";
import type { ModelFigures } from "../../records.ts";
import { points, shareOf } from "../claims.ts";
import { type Content, html, tableOf } from "../markup.ts";
import type { SectionOf } from "./section.ts";

type Told = (figures: ModelFigures) => Content | undefined;

interface Row {
  readonly name: string;
  readonly told: Told;
  readonly change?: (before: ModelFigures, after: ModelFigures) => string;
}

export const figuresSection: SectionOf = ({ figures }) => {
  if (figures === null) return undefined;
  const { before, after, reference } = figures;
  const columns = before === null ? [after] : [before, after];
  const rows = rowsOf(after, reference).flatMap(({ name, told, change }): Content[][] => {
    const cells = columns.map(told);
    if (cells.every((cell) => cell === undefined)) return [];
    const difference = before === null ? [] : [change?.(before, after) ?? ""];
    return [[name, ...cells.map((cell) => cell ?? "-"), ...difference]];
  });
  const right = { align: "right" } as const;
  const heads =
    before === null
      ? [{ title: "model", ...right }]
      : [
          { title: "before", ...right },
          { title: "after", ...right },
          { title: "after / before", ...right },
        ];
  const latency =
    after.latencyMs === null
      ? ""
      : " Latencies are medians with quartiles, on this machine while the command ran.";
  const intervals =
    after.accuracyInterval === null && after.lossInterval === null
      ? ""
      : " Brackets behind qualities hold 95% intervals.";
  return {
    id: "figures",
    title: before === null ? "Figures" : "Before and after",
    body: html`${tableOf("Figures of the model", [{ title: "" }, ...heads], rows)}
<p class="note">MACs are multiply-accumulates of one example.${intervals}${latency}</p>`,
  };
};

function rowsOf(after: ModelFigures, reference: string): Row[] {
  const ratio = (of: (figures: ModelFigures) => number) => (a: ModelFigures, b: ModelFigures) =>
    shareOf(of(b), of(a));
  const batches = Object.keys(after.latencyMs ?? {});
  return [
    {
      name: "accuracy",
      told: ({ accuracy, accuracyInterval: bounds }) =>
        accuracy === null
          ? undefined
          : ranged(
              percent(accuracy),
              bounds?.map((bound) => percent(bound)),
            ),
      change: (a, b) =>
        a.accuracy === null || b.accuracy === null ? "" : `${points(b.accuracy - a.accuracy)} points`,
    },
    {
      name: after.accuracy === null ? "squared error" : "cross-entropy (nats)",
      told: ({ loss, lossInterval: bounds }) =>
        loss === null
          ? undefined
          : ranged(
              short(loss),
              bounds?.map((bound) => short(bound)),
            ),
      change: (a, b) =>
        a.loss === null || b.loss === null ? "" : `${b.loss < a.loss ? "" : "+"}${short(b.loss - a.loss, 3)}`,
    },
    {
      name: `divergence from ${reference} (nats)`,
      told: ({ divergence }) => (divergence === null ? undefined : short(divergence)),
    },
    {
      name: "parameters",
      told: ({ parameters }) => whole(parameters),
      change: ratio(({ parameters }) => parameters),
    },
    { name: "MACs", told: ({ macs }) => whole(macs), change: ratio(({ macs }) => macs) },
    { name: "file", told: (figures) => bytes(figures.bytes), change: ratio((figures) => figures.bytes) },
    ...batches.map((batch) => latencyRow(batch)),
  ];
}

/** A figure over its interval, which takes less room than one beside the other. */
function ranged(figure: string, ends: readonly string[] | undefined): Content {
  return ends === undefined
    ? figure
    : html`${figure} <span class="interval">(${ends[0]!} to ${ends[1]!})</span>`;
}

function latencyRow(batch: string): Row {
  const of = ({ latencyMs }: ModelFigures) => latencyMs?.[batch];
  return {
    name: `latency, batch ${batch}`,
    told: (figures) => {
      const median = of(figures);
      const quartiles = figures.latencyQuartilesMs?.[batch];
      if (median === undefined) return undefined;
      return ranged(
        `${median.toFixed(2)} ms`,
        quartiles?.map((time) => time.toFixed(2)),
      );
    },
    change: (a, b) => {
      const [first, second] = [of(a), of(b)];
      return first === undefined || second === undefined ? "" : shareOf(second, first);
    },
  };
}
