/** @file All channels of all groups at a glance: how high each scores within its group, and which went. */
import * as Plot from "@observablehq/plot";
import { short, whole } from "../../format.ts";
import type { ScoredGroup } from "../../records.ts";
import { type Markup, tableOf } from "../markup.ts";
import { chart } from "./chart.ts";
import { rowLabels } from "./labels.ts";
import type { Drawing } from "./plot.ts";

/** One or several neighbouring channels. */
interface Cell {
  readonly row: number;
  readonly from: number;
  readonly to: number;
  /** Mean score scaled to 0...1 within the group; undefined without scores. */
  readonly share: number | undefined;
  readonly isRemoved: boolean;
  readonly told: string;
}

/** Cells in a row at the most. */
const mostCells = 256;

export function heatMap(groups: readonly ScoredGroup[]): Markup {
  const perCell = Math.max(...groups.map(({ channels }) => Math.ceil(channels / mostCells)));
  const cells = groups.flatMap((group, row) => cellsOf(group, row, perCell));
  const removed = countRemoved(groups);
  const all = groups.reduce((sum, { channels }) => sum + channels, 0);
  const merged =
    perCell === 1
      ? ""
      : ` A cell stands for up to ${perCell} neighbouring channels, and counts as removed where most of them are.`;
  const fate =
    removed === 0
      ? "Nothing was removed."
      : `${whole(removed)} of ${whole(all)} channels went, drawn as low cells; ${mostCut(groups)}`;
  return chart({
    title: "Channels by group",
    caption: `Every row is a group, every cell a channel; the stronger the colour, the higher its score between the lowest and the highest of its group. Colours of different groups do not compare. ${fate}${merged}`,
    legend: [
      { label: removed === 0 ? "channel" : "stays", look: "kept", colour: "kept" },
      ...(removed === 0 ? [] : [{ label: "removed", look: "removed", colour: "removed" } as const]),
    ],
    figures: figuresOf(groups),
    draw: (width) => drawing(groups, cells, width),
  });
}

function countRemoved(groups: readonly ScoredGroup[]): number {
  return groups.reduce((sum, group) => sum + removedOf(group), 0);
}

function removedOf({ removedAfter }: ScoredGroup): number {
  return removedAfter.filter((round) => round !== null).length;
}

/** The group that lost the largest share. */
function mostCut(groups: readonly ScoredGroup[]): string {
  const shareOf = (group: ScoredGroup) => removedOf(group) / group.channels;
  const most = groups.reduce((best, group) => (shareOf(group) > shareOf(best) ? group : best));
  return `the largest share went from ${most.id} (${whole(removedOf(most))} of ${whole(most.channels)}).`;
}

function cellsOf(group: ScoredGroup, row: number, perCell: number): Cell[] {
  const known = group.values.filter((value) => value !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const cells: Cell[] = [];
  for (let from = 0; from < group.channels; from += perCell) {
    const to = Math.min(from + perCell, group.channels);
    const values = group.values.slice(from, to).filter((value) => value !== null);
    const gone = group.removedAfter.slice(from, to).filter((round) => round !== null).length;
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const share = values.length === 0 ? undefined : high > low ? (mean - low) / (high - low) : 1;
    const which = to - from === 1 ? `channel ${from}` : `channels ${from} to ${to - 1}`;
    const score = values.length === 0 ? "not ranked" : short(mean, 3);
    const fate = gone === 0 ? "" : to - from === 1 ? ", removed" : `, ${gone} removed`;
    const told = `${group.id}, ${which}: ${score}${fate}`;
    cells.push({ row, from, to, share, isRemoved: gone > (to - from) / 2, told });
  }
  return cells;
}

function drawing(groups: readonly ScoredGroup[], cells: readonly Cell[], width: number): Drawing {
  const { labels, margin } = rowLabels(
    groups.map(({ id }) => id),
    width,
  );
  const height = Math.min(34, Math.max(14, 420 / groups.length));
  const gap = Math.max(...groups.map(({ channels }) => channels)) > width / 8 ? 0 : 1;
  const common = {
    x1: "from",
    x2: "to",
    y: "row",
    title: "told",
    fillOpacity: ({ share }: Cell) => (share === undefined ? 0.1 : 0.18 + 0.82 * share),
    insetRight: gap,
  } as const;
  return {
    height: 50 + groups.length * height,
    marginLeft: margin,
    marginTop: 8,
    marginBottom: 42,
    x: { label: "channel number →", ticks: width < 500 ? 4 : 8, labelArrow: "none" },
    y: {
      label: null,
      type: "band",
      domain: groups.map((_, row) => row),
      tickFormat: (row: number) => labels[row] ?? "",
      tickSize: 0,
      padding: 0.12,
    },
    opacity: { type: "identity" },
    marks: [
      Plot.barX(
        cells.filter(({ isRemoved }) => !isRemoved),
        { ...common, fill: "var(--kept)" },
      ),
      Plot.barX(
        cells.filter(({ isRemoved }) => isRemoved),
        { ...common, fill: "var(--removed)", insetTop: 0.33 * height, insetBottom: 0.33 * height },
      ),
    ],
  };
}

function figuresOf(groups: readonly ScoredGroup[]): Markup {
  const rows = groups.map((group) => {
    const known = group.values.filter((value) => value !== null);
    return [
      group.id,
      whole(group.channels),
      whole(removedOf(group)),
      known.length === 0 ? "-" : short(Math.min(...known), 3),
      known.length === 0 ? "-" : short(Math.max(...known), 3),
    ];
  });
  const columns = [
    { title: "group" },
    { title: "channels", align: "right" },
    { title: "removed", align: "right" },
    { title: "lowest score", align: "right" },
    { title: "highest score", align: "right" },
  ] as const;
  return tableOf("Scores by group", columns, rows);
}
