/** @file Scores of the channels of one group from low to high, with their intervals and the cut. */
import * as Plot from "@observablehq/plot";
import { normalQuantile } from "../../../math/quantiles.ts";
import { rankedOrder } from "../../../ranking/order.ts";
import { short, whole } from "../../format.ts";
import type { ScoredGroup } from "../../records.ts";
import { html, type Markup, nothing, tableOf } from "../markup.ts";
import { chart, type LegendEntry } from "./chart.ts";
import { numberAxis } from "./number-axis.ts";
import type { Drawing } from "./plot.ts";

/** One channel with a score. */
interface Bar {
  readonly channel: number;
  /** Place from the left. */
  readonly place: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly removedAfter: number | null;
}

/** Channels up to which each gets a bar of its own. */
const mostBars = 128;

/** Pixels beside the bars, and of a digit. */
const sides = 78;
const digit = 6.5;

/** Two-sided 95%. */
const deviate = normalQuantile(0.975);

/**
 * @param unit What the values are, such as "Shapley value (nats)".
 * @param isSmall Whether it stands among many others.
 */
export function scoresChart(group: ScoredGroup, unit: string, isSmall: boolean): Markup {
  const bars = barsOf(group);
  if (bars.length === 0) return nothing;
  const removed = bars.filter(({ removedAfter }) => removedAfter !== null).length;
  const hasErrors = bars.some(({ low, high }) => low < high);
  const kept: LegendEntry = { label: removed === 0 ? "channel" : "stays", look: "kept", colour: "kept" };
  const legend: LegendEntry[] = [
    kept,
    ...(removed === 0 ? [] : [{ label: "removed", look: "hollow", colour: "removed" } as const]),
    ...(hasErrors ? [{ label: "95% interval", look: "line", colour: "text" } as const] : []),
  ];
  return chart({
    title: `${group.id}: scores of ${whole(group.channels)} ${group.channels === 1 ? "channel" : "channels"}`,
    caption: captionOf(group, bars, removed),
    legend: legend.length > 1 ? legend : [],
    figures: figuresOf(bars),
    draw: (width) => drawing(bars, width, unit),
    isSmall,
  });
}

function barsOf({ values, standardErrors, removedAfter }: ScoredGroup): readonly Bar[] {
  const rankings = new Set(removedAfter.filter((round) => round !== null)).size;
  const roundOf = (channel: number) => (rankings > 1 ? (removedAfter[channel] ?? Number.MAX_VALUE) : 0);
  return [...values.keys()]
    .filter((channel) => values[channel] !== null)
    .sort((a, b) => roundOf(a) - roundOf(b) || values[a]! - values[b]! || a - b)
    .map((channel, place) => {
      const value = values[channel]!;
      const half = deviate * (standardErrors[channel] ?? 0);
      return {
        channel,
        place,
        value,
        low: value - half,
        high: value + half,
        removedAfter: removedAfter[channel] ?? null,
      };
    });
}

/** Where all that went stands left of all that stays; undefined without such a place. */
function cutOf(bars: readonly Bar[]): number | undefined {
  const first = bars.findIndex(({ removedAfter }) => removedAfter === null);
  const isClean = first > 0 && bars.slice(first).every(({ removedAfter }) => removedAfter === null);
  return isClean ? first - 0.5 : undefined;
}

function drawing(bars: readonly Bar[], width: number, unit: string): Drawing {
  const cut = cutOf(bars);
  const longest = Math.max(...bars.map(({ channel }) => String(channel).length));
  const isNamed = (width - sides) / bars.length >= longest * digit + 4;
  return {
    height: 220,
    marginLeft: 58,
    marginTop: 34,
    marginBottom: isNamed ? 40 : 30,
    x: {
      domain: [-0.7, bars.length - 0.3],
      label: isNamed ? "channel number, by score →" : "channels by score →",
      ticks: isNamed ? bars.map(({ place }) => place) : [],
      tickFormat: (place: number) => String(bars[place]?.channel ?? ""),
      tickSize: 0,
    },
    y: {
      label: `↑ ${unit}`,
      labelArrow: "none",
      grid: true,
      ticks: 5,
      nice: true,
      ...numberAxis(bars.flatMap(({ low, high }) => [low, high])),
    },
    marks: [
      ...(bars.length > mostBars ? curve(bars) : columns(bars)),
      Plot.ruleY([0], { stroke: "var(--text)" }),
      ...stepMarks(bars, cut),
      ...(cut === undefined ? [] : cutMarks(cut)),
    ],
  };
}

function columns(bars: readonly Bar[]): Plot.Markish[] {
  const sides = {
    x1: (bar: Bar) => bar.place - 0.38,
    x2: (bar: Bar) => bar.place + 0.38,
    y1: 0,
    y2: "value",
  };
  const stays = bars.filter(({ removedAfter }) => removedAfter === null);
  const gone = bars.filter(({ removedAfter }) => removedAfter !== null);
  const errors = bars.filter(({ low, high }) => low < high);
  return [
    Plot.rect(stays, { ...sides, fill: "var(--kept)", title: told }),
    Plot.rect(gone, { ...sides, fill: "var(--removed-faint)", stroke: "var(--removed)", title: told }),
    Plot.ruleX(errors, {
      x: "place",
      y1: "low",
      y2: "high",
      stroke: "var(--text)",
      strokeWidth: bars.length > 40 ? 1 : 1.5,
    }),
  ];
}

/** Of many channels a curve is seen, with a band for the intervals. */
function curve(bars: readonly Bar[]): Plot.Markish[] {
  return (["removed", "kept"] as const).flatMap((fate) => {
    const own = bars.filter(({ removedAfter }) => (removedAfter === null) === (fate === "kept"));
    const dash = fate === "removed" ? { strokeDasharray: "4 2" } : {};
    return [
      Plot.areaY(own, { x: "place", y1: "low", y2: "high", fill: `var(--${fate})`, fillOpacity: 0.25 }),
      Plot.lineY(own, { x: "place", y: "value", stroke: `var(--${fate})`, strokeWidth: 2, ...dash }),
    ];
  });
}

function cutMarks(cut: number): Plot.Markish[] {
  const beside = (text: string, side: "left" | "right") =>
    Plot.text([cut], {
      x: (place: number) => place,
      text: () => text,
      frameAnchor: "top",
      dy: -9,
      dx: side === "left" ? -7 : 7,
      textAnchor: side === "left" ? "end" : "start",
      fill: "var(--text)",
    });
  return [
    Plot.ruleX([cut], { stroke: "var(--text)", strokeDasharray: "5 3", strokeWidth: 1.5, insetTop: -18 }),
    beside("removed", "left"),
    beside("stays", "right"),
  ];
}

/** Between channels that went after one ranking and those that went after the next. */
function stepMarks(bars: readonly Bar[], cut: number | undefined): Plot.Markish[] {
  const starts = bars.flatMap(({ place, removedAfter }, k) =>
    k > 0 && cut !== undefined && place < cut && bars[k - 1]!.removedAfter !== removedAfter
      ? [place - 0.5]
      : [],
  );
  return [Plot.ruleX(starts, { stroke: "var(--muted)", strokeDasharray: "1 4", strokeWidth: 1.5 })];
}

function told({ channel, value, low, high, removedAfter }: Bar): string {
  const interval = low < high ? ` (95%: ${short(low, 3)} to ${short(high, 3)})` : "";
  const fate = removedAfter === null ? "" : `, removed after ranking ${removedAfter}`;
  return `channel ${channel}: ${short(value, 3)}${interval}${fate}`;
}

function captionOf(group: ScoredGroup, bars: readonly Bar[], removed: number): string {
  const lowest = bars.reduce((low, bar) => (bar.value < low.value ? bar : low));
  const highest = bars.reduce((high, bar) => (bar.value > high.value ? bar : high));
  const spread = `From ${short(lowest.value, 2)} (channel ${lowest.channel}) to ${short(highest.value, 2)} (channel ${highest.channel}).`;
  const rankings = Math.max(0, ...group.removedAfter.map((round) => round ?? 0));
  const many =
    rankings > 1
      ? ` Each channel stands with its score in the last ranking it took part in, those that went first to the left, with a dotted line between rankings; scores of different rankings were taken on different networks.`
      : "";
  const fate = removed === 0 ? "" : ` ${whole(removed)} of ${whole(group.channels)} channels went.${many}`;
  return `${spread}${fate} ${certaintyOf(bars, removed)}`;
}

/** How sure the order is where it matters: at the cut, or at the low end. */
function certaintyOf(bars: readonly Bar[], removed: number): string {
  const errors = bars.map(({ low, high }) => (high - low) / 2 / deviate);
  if (errors.every((error) => error === 0)) return "These scores have no errors of estimation.";
  const stays = bars.flatMap(({ removedAfter }, k) => (removedAfter === null ? [k] : []));
  if (removed === 0) {
    const { ties } = rankedOrder(
      bars.map(({ value }) => value),
      errors,
    );
    const tied = ties[0]?.start === 0 ? ties[0].end : 1;
    return tied === 1
      ? "The lowest channel is set apart from all others by the 95% intervals."
      : `${whole(tied)} channels cannot be told from the lowest one (95%): their order among each other is noise.`;
  }
  const last = Math.max(...bars.map(({ removedAfter }) => removedAfter ?? 0));
  const lowest = stays.reduce((low, k) => (bars[k]!.value < bars[low]!.value ? k : low), stays[0]!);
  const close = bars.filter(
    ({ value, removedAfter }, k) =>
      removedAfter === last &&
      Math.abs(value - bars[lowest]!.value) <= deviate * Math.hypot(errors[k]!, errors[lowest]!),
  ).length;
  return close === 0
    ? "Every channel that went in the last ranking is set apart (95%) from the lowest one that stays."
    : `${whole(close)} of those that went last cannot be told (95%) from the lowest one that stays: there the cut lies within the noise.`;
}

function figuresOf(bars: readonly Bar[]): Markup {
  const shown = bars.slice(0, mostBars);
  const rows = shown.map(({ channel, value, low, high, removedAfter }) => [
    String(channel),
    short(value),
    low < high ? `${short(low)} to ${short(high)}` : "-",
    removedAfter === null ? "stays" : `removed after ranking ${removedAfter}`,
  ]);
  const columns = [
    { title: "channel" },
    { title: "score", align: "right" },
    { title: "95% interval", align: "right" },
    { title: "" },
  ] as const;
  const more =
    bars.length > shown.length
      ? html`<p>${whole(bars.length - shown.length)} more are in the data beside the report.</p>`
      : nothing;
  return html`${tableOf("Scores by channel", columns, rows)}${more}`;
}
