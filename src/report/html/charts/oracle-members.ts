/** @file Which channels are in the best set of which size: a triangle where sets are nested, holes where they are not. */
import * as Plot from "@observablehq/plot";
import { whole } from "../../format.ts";
import type { OracleRecord, SizeRecord } from "../../oracle-records.ts";
import { type Markup, tableOf } from "../markup.ts";
import { chart } from "./chart.ts";

/** Sizes that are drawn at the most. */
const mostRows = 48;

/** Pixels beside the cells, and of a digit. */
const sides = 58;
const digit = 6.5;

/** Channels up to which each is named. */
const mostNamed = 40;

/** Neighbouring cells of one row that look alike. */
interface Run {
  readonly row: number;
  readonly from: number;
  readonly to: number;
  readonly fate: "kept" | "left out";
  readonly told: string;
}

export function oracleMembersChart(record: OracleRecord): Markup {
  const sizes = record.sets.filter(({ size }) => size > 0 && size < record.channels);
  const shown = thinned(sizes);
  const columns = record.oracle?.order.order ?? byMembership(record);
  const runs = shown.flatMap((set, row) => runsOf(set, shown[row - 1], columns, row));
  const left = runs.filter(({ fate }) => fate === "left out");
  const longest = Math.max(...columns.map((channel) => String(channel).length));
  const isNamed = columns.length <= mostNamed;
  return chart({
    title: `Channels in the best ${record.search === "exhaustive" ? "sets" : "sets found"}, by size`,
    caption: captionOf(record, sizes.length, shown.length, left.length),
    legend: [
      { label: "kept", look: "kept", colour: "kept" },
      ...(left.length === 0
        ? []
        : [
            {
              label: "left out again, though in the set one row up",
              look: "hollow",
              colour: "removed",
            } as const,
          ]),
    ],
    figures: figuresOf(sizes),
    draw: (width) => {
      const height = Math.min(20, Math.max(9, 420 / shown.length));
      const every = Math.ceil(shown.length / 24);
      const labelled = isNamed && (width - sides) / columns.length > longest * digit + 3;
      return {
        height: 54 + shown.length * height,
        marginLeft: sides - 12,
        marginRight: 12,
        marginTop: 10,
        marginBottom: 40,
        x: {
          domain: [-0.5, columns.length - 0.5],
          label: labelled ? `channel number, ${orderName(record)} →` : `channels, ${orderName(record)} →`,
          labelArrow: "none",
          ticks: labelled ? columns.map((_, place) => place) : [],
          tickFormat: (place: number) => String(columns[place] ?? ""),
          tickSize: 0,
        },
        y: {
          type: "band",
          domain: shown.map((_, row) => row),
          label: "kept ↓",
          labelArrow: "none",
          ticks: shown.map((_, row) => row),
          tickFormat: (row: number) => (row % every === 0 ? String(shown[row]?.size ?? "") : ""),
          tickSize: 0,
          padding: 0.12,
        },
        marks: [
          Plot.barX(
            runs.filter(({ fate }) => fate === "kept"),
            { x1: "from", x2: "to", y: "row", fill: "var(--kept)", title: "told", insetRight: 1 },
          ),
          Plot.barX(left, {
            x1: "from",
            x2: "to",
            y: "row",
            fill: "var(--removed-faint)",
            stroke: "var(--removed)",
            strokeWidth: 1.5,
            title: "told",
            insetRight: 1,
          }),
        ],
      };
    },
  });
}

/** Evenly spaced sizes, the first and the last among them. */
function thinned(sizes: readonly SizeRecord[]): readonly SizeRecord[] {
  const ascending = [...sizes].sort((a, b) => a.size - b.size);
  if (ascending.length <= mostRows) return ascending;
  return Array.from(
    { length: mostRows },
    (_, k) => ascending[Math.round((k * (ascending.length - 1)) / (mostRows - 1))]!,
  );
}

/** Channels in the most sets first, then by number. */
function byMembership({ sets, channels }: OracleRecord): readonly number[] {
  const counts = new Map<number, number>();
  for (const { keep } of sets)
    for (const channel of keep) counts.set(channel, (counts.get(channel) ?? 0) + 1);
  const all = Array.from({ length: channels }, (_, channel) => channel);
  return all.sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0) || a - b);
}

function runsOf(
  set: SizeRecord,
  smaller: SizeRecord | undefined,
  columns: readonly number[],
  row: number,
): Run[] {
  const kept = new Set(set.keep);
  const before = new Set(smaller?.keep);
  const fateOf = (channel: number | undefined) =>
    channel === undefined
      ? undefined
      : kept.has(channel)
        ? "kept"
        : before.has(channel)
          ? "left out"
          : undefined;
  const runs: Run[] = [];
  for (let from = 0; from < columns.length; ) {
    const fate = fateOf(columns[from]);
    let to = from + 1;
    while (to < columns.length && columns.length > mostNamed && fateOf(columns[to]) === fate) to++;
    if (fate !== undefined) {
      const channels = columns.slice(from, to);
      const which = channels.length === 1 ? `channel ${channels[0]}` : `${channels.length} channels`;
      runs.push({ row, from: from - 0.5, to: to - 0.5, fate, told: `best ${set.size}: ${which} ${fate}` });
    }
    from = to;
  }
  return runs;
}

function orderName({ oracle }: OracleRecord): string {
  return oracle === null ? "by number of sets they are in" : "in the order closest to the sets";
}

function captionOf(
  { oracle, search, channels }: OracleRecord,
  sizes: number,
  rows: number,
  left: number,
): string {
  const seen =
    "Every row is a set, every column a channel. Sets that contain each other make a staircase without holes";
  const part = rows < sizes ? ` ${whole(rows)} of ${whole(sizes)} sizes are drawn.` : "";
  if (oracle === null) {
    const holes =
      left === 0 ? "here no channel of a smaller set is missing from the next one drawn" : "here they do not";
    return `${seen}; ${holes}. They are the best sets ${search === "beam" ? "beam search" : "branch and bound"} found, not oracle sets.${part}`;
  }
  const { nesting, order } = oracle;
  const nested =
    nesting.failures === 0
      ? "here they are nested, and one order follows them all"
      : `here that fails at ${nesting.failures} of ${nesting.steps} steps, where ${nesting.playersLeftOut} ${nesting.playersLeftOut === 1 ? "channel is" : "channels are"} left out again: no ranking can follow all of them`;
  return `${seen}; ${nested}. The order of the columns shares ${order.overlap} of ${order.possible} places with the sets of sizes 1 to ${channels - 1}, more than any other.`;
}

function figuresOf(sizes: readonly SizeRecord[]): Markup {
  const rows = sizes.map(({ size, keep }) => [String(size), keep.join(" ")]);
  return tableOf("Channels by size", [{ title: "kept" }, { title: "channels" }], rows);
}
