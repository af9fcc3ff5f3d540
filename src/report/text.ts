/** @file Results as text for a terminal. */
import { criteria } from "../criteria/index.ts";
import { metrics } from "../metrics/index.ts";
import { rankedOrder } from "../ranking/order.ts";
import { bytes, percent, short, whole } from "./format.ts";
import type { ExampleCounts, GroupScores, ModelFigures, ScoringConditions } from "./records.ts";
import { table } from "./table.ts";

/**
 * The table before and after, and what its brackets hold; one column of figures when there is nothing to compare with.
 * @param reference What divergences are measured from.
 */
export function figuresTable(
  before: ModelFigures | null,
  after: ModelFigures,
  reference: "original" | "teacher" = "original",
): string {
  const columns = before === null ? [after] : [before, after];
  const rows: string[][] = [];
  const add = (
    name: string,
    of: (figures: ModelFigures) => string | undefined,
    change?: (a: ModelFigures, b: ModelFigures) => string,
  ) => {
    const cells = columns.map(of);
    if (cells.every((cell) => cell === undefined)) return;
    rows.push([
      name,
      ...cells.map((cell) => cell ?? "-"),
      ...(before === null ? [] : [change?.(before, after) ?? ""]),
    ]);
  };
  const share = (of: (figures: ModelFigures) => number) => (a: ModelFigures, b: ModelFigures) =>
    percent(of(b) / of(a), 1);
  add(
    "accuracy",
    ({ accuracy, accuracyInterval }) =>
      accuracy === null
        ? undefined
        : `${percent(accuracy)} (${percent(accuracyInterval![0])} to ${percent(accuracyInterval![1])})`,
    (a, b) =>
      a.accuracy === null || b.accuracy === null
        ? ""
        : `${signed(100 * (b.accuracy - a.accuracy), 2)} points`,
  );
  add(
    after.accuracy === null ? "squared error" : "cross-entropy (nats)",
    ({ loss, lossInterval }) =>
      loss === null ? undefined : `${short(loss)} (${short(lossInterval![0])} to ${short(lossInterval![1])})`,
    (a, b) => (a.loss === null || b.loss === null ? "" : signed(b.loss - a.loss, 4)),
  );
  add(`divergence from ${reference} (nats)`, ({ divergence }) =>
    divergence === null ? undefined : short(divergence),
  );
  add(
    "parameters",
    ({ parameters }) => whole(parameters),
    share(({ parameters }) => parameters),
  );
  add(
    "MACs",
    ({ macs }) => whole(macs),
    share(({ macs }) => macs),
  );
  add(
    "file",
    ({ bytes: size }) => bytes(size),
    share(({ bytes: size }) => size),
  );
  for (const batch of Object.keys(after.latencyMs ?? {})) {
    add(
      `median latency, batch ${batch}`,
      ({ latencyMs, latencyQuartilesMs }) => {
        if (latencyMs?.[batch] === undefined) return undefined;
        const [low, high] = latencyQuartilesMs![batch]!;
        return `${latencyMs[batch].toFixed(2)} ms (${low.toFixed(2)} to ${high.toFixed(2)})`;
      },
      share(({ latencyMs }) => latencyMs?.[batch] ?? Number.NaN),
    );
  }
  const drawn = table(before === null ? ["", "model"] : ["", "before", "after", "after / before"], rows);
  const note = bracketsNote(after);
  return note === "" ? drawn : `${drawn}\n\n${note}`;
}

/** What stands in brackets behind a figure. */
function bracketsNote({ lossInterval, latencyMs }: ModelFigures): string {
  const parts: string[] = [];
  if (lossInterval !== null) parts.push("95% intervals");
  if (latencyMs !== null)
    parts.push(`${parts.length === 0 ? "" : "for latency "}quartiles of the runs on this machine`);
  return parts.length === 0 ? "" : `In brackets: ${parts.join(", ")}.`;
}

function signed(value: number, digits: number): string {
  return `${value >= 0 ? "+" : ""}${value.toFixed(digits)}`;
}

/** Channels of each group from least to most useful, with the spread of their values. */
export function scoresText(groups: readonly GroupScores[], limit = 5): string {
  const rows = groups.map(({ id, channels, values, standardErrors, rows: spent }) => {
    const order = values.map((_, channel) => channel).sort((a, b) => values[a]! - values[b]! || a - b);
    const isEstimate = standardErrors.some((error) => error !== null);
    const shown = order.slice(0, limit).map((channel) => {
      const error = standardErrors[channel];
      return `${channel}: ${brief(values[channel]!)}${error == null ? "" : ` ±${brief(error)}`}`;
    });
    return [
      id,
      String(channels),
      shown.join(", ") + (order.length > limit ? ", ..." : ""),
      brief(Math.max(...values)),
      isEstimate ? String(tiedWithLowest(values, standardErrors)) : "-",
      whole(spent),
    ];
  });
  const drawn = table(
    ["group", "channels", "least useful channels (value ± standard error)", "largest", "tied", "rows"],
    rows,
    ["left", "right", "left", "right", "right", "right"],
  );
  const hasErrors = groups.some(({ standardErrors }) => standardErrors.some((error) => error !== null));
  return hasErrors ? `${drawn}\n\n${tiedNote}` : drawn;
}

const tiedNote =
  "tied: channels whose value cannot be told from the lowest one's (95%); a larger --budget tells more apart.";

/** Channels that the errors leave open as the least useful one, itself included. */
function tiedWithLowest(values: readonly number[], standardErrors: readonly (number | null)[]): number {
  const { ties } = rankedOrder(
    values,
    standardErrors.map((error) => error ?? Number.NaN),
  );
  return ties[0]?.start === 0 ? ties[0].end : 1;
}

/** Two significant digits: no estimate is better than that. */
function brief(value: number): string {
  return short(value, 2);
}

/** How many channels of each group stay. */
export function keptText(
  groups: readonly { readonly id: string; readonly channels: number; readonly kept: number }[],
): string {
  const rows = groups.map(({ id, channels, kept }) => [
    id,
    String(channels),
    String(kept),
    percent(kept / channels, 0),
  ]);
  return table(["group", "channels", "kept", "share"], rows);
}

/** Which examples served which end, and what the ranking cost. */
export function examplesText(
  { rank, decide, calibrate, tune, validate, evaluate }: ExampleCounts,
  rows: number,
): string {
  const sentences: string[] = [];
  const add = (what: string, examples: number, more = "") => {
    if (examples === 0) return;
    sentences.push(`${what} ${whole(examples)} ${sentences.length === 0 ? "examples" : "others"}${more}.`);
  };
  add("Ranked on", rank, rows === 0 ? "" : ` with ${whole(rows)} rows`);
  add("Accuracy floor held on", decide);
  if (tune === 0) add("Repaired on", calibrate);
  add("Tuned on", tune, calibrate === 0 ? "" : ` (repaired on ${whole(calibrate)} of them)`);
  add("Best epoch chosen on", validate);
  add("Figures from", evaluate);
  return sentences.join(" ");
}

/** What the values of a ranking are and what they were measured on. */
export function scoresNote({ criterion, estimator, players, payoff, data }: ScoringConditions): string {
  const on = data === null ? "" : ` over ${whole(data.examples)} examples`;
  if (criterion !== "shapley") return `value: ${criteria[criterion].description}${on}.`;
  const { title, unit } = metrics[payoff!];
  return [
    `value: what the channel adds to the payoff, "${title.toLowerCase()}" (${unit}), averaged${on} (${estimator}).`,
    players === "joint"
      ? "All groups played one game: their values share out one sum. rows: its coalitions, each on one example, shared out by channels."
      : "rows: coalitions tried, each on one example.",
  ].join("\n");
}
