/** @file How many channels of each group stay. */
import * as Plot from "@observablehq/plot";
import { percent, whole } from "../../format.ts";
import { type Markup, tableOf } from "../markup.ts";
import { chart } from "./chart.ts";
import { rowLabels } from "./labels.ts";

interface Kept {
  readonly id: string;
  readonly channels: number;
  readonly kept: number;
}

export function keptChart(groups: readonly Kept[]): Markup {
  const rows = groups.map((group, row) => ({ ...group, row, share: group.kept / group.channels }));
  const [least, most] = [...rows]
    .sort((a, b) => a.share - b.share)
    .flatMap((row, k, all) => (k === 0 || k === all.length - 1 ? [row] : []));
  const all = rows.reduce((sum, { channels }) => sum + channels, 0);
  const left = rows.reduce((sum, { kept }) => sum + kept, 0);
  const extremes =
    most === undefined || least!.share === most.share
      ? ""
      : ` The smallest share stays in ${least!.id} (${percent(least!.share, 0)}), the largest in ${most.id} (${percent(most.share, 0)}).`;
  return chart({
    title: "Channels that stay, by group",
    caption: `${whole(left)} of ${whole(all)} channels stay.${extremes}`,
    legend: [
      { label: "stays", look: "kept", colour: "kept" },
      { label: "removed", look: "hollow", colour: "removed" },
    ],
    figures: tableOf(
      "Channels by group",
      [
        { title: "group" },
        ...["channels", "stay", "share"].map((title) => ({ title, align: "right" as const })),
      ],
      rows.map(({ id, channels, kept, share }) => [id, whole(channels), whole(kept), percent(share, 1)]),
    ),
    draw: (width) => {
      const { labels, margin } = rowLabels(
        groups.map(({ id }) => id),
        width,
      );
      const told = ({ id, channels, kept }: Kept) => `${id}: ${kept} of ${channels} channels stay`;
      return {
        height: 44 + rows.length * 24,
        marginLeft: margin,
        marginRight: 78,
        marginTop: 4,
        x: { domain: [0, 1], tickFormat: "%", label: null, ticks: width < 500 ? 3 : 6 },
        y: {
          label: null,
          domain: rows.map(({ row }) => row),
          tickFormat: (row: number) => labels[row] ?? "",
          tickSize: 0,
        },
        marks: [
          Plot.barX(rows, {
            x: 1,
            y: "row",
            fill: "var(--removed-faint)",
            stroke: "var(--removed)",
            title: told,
            insetTop: 2,
            insetBottom: 2,
          }),
          Plot.barX(rows, {
            x: "share",
            y: "row",
            fill: "var(--kept)",
            title: told,
            insetTop: 2,
            insetBottom: 2,
          }),
          Plot.text(rows, {
            x: 1,
            y: "row",
            text: ({ channels, kept }: Kept) => `${kept} of ${channels}`,
            textAnchor: "start",
            dx: 8,
            fill: "var(--text)",
          }),
        ],
      };
    },
  });
}
