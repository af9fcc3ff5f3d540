/** @file How rankings agree with references and oracle sets. */
import type { CompareRecord, Spread } from "../../compare-records.ts";
import { type DotKind, dotRowsChart } from "../charts/dot-rows.ts";
import { html, type Markup } from "../markup.ts";
import { barOf, barsText, entryName, type Summarised, spreadText } from "../methods.ts";
import type { SectionOf } from "./section.ts";

type Kind = DotKind & { readonly of: (summary: Summarised["summary"]) => Spread | null };

const correlations: readonly Kind[] = [
  { name: "Spearman's rho", colour: "kept", symbol: "circle", of: ({ spearman }) => spearman },
  { name: "Kendall's tau", colour: "removed", symbol: "triangle", of: ({ kendall }) => kendall },
];

const overlaps: readonly Kind[] = [
  { name: "add", colour: "kept", symbol: "circle", of: ({ oracleAdd }) => oracleAdd },
  { name: "remove", colour: "removed", symbol: "triangle", of: ({ oracleRemove }) => oracleRemove },
];

export const compareAgreementSection: SectionOf = ({ comparison }) => {
  if (comparison === null) return undefined;
  const charts = [
    agreementChart(comparison, correlations, {
      title: "Rank correlation with the reference",
      caption: `1 is the same order, 0 what chance gives. ${referenceOf(comparison)}`,
      label: "correlation →",
    }),
    agreementChart(comparison, overlaps, {
      title: "Overlap with oracle sets",
      caption: `Share of the best sets to keep (add) and to remove (remove) that stand at the same end of the ranking. ${oracleOf(comparison)}`,
      label: "overlap, 1 is all →",
    }),
  ];
  return charts.every(({ markup }) => markup === "")
    ? undefined
    : { id: "agreement", title: "Agreement", body: html`${charts}` };
};

function agreementChart(
  record: CompareRecord,
  kinds: readonly Kind[],
  { title, caption, label }: { readonly title: string; readonly caption: string; readonly label: string },
): Markup {
  const rows = record.entries.flatMap((entry) => {
    if (entry.summary === null) return [];
    const { summary } = entry;
    const name = entryName(entry, record);
    const dots = kinds.flatMap(({ name: kind, of }) => {
      const spread = of(summary);
      if (spread === null) return [];
      return [
        { kind, value: spread.mean, ...barOf(spread), told: spreadText(spread, (value) => value.toFixed(3)) },
      ];
    });
    return dots.length === 0 ? [] : [{ name, dots }];
  });
  const least = Math.min(0, ...rows.flatMap(({ dots }) => dots.map(({ low }) => low)));
  return dotRowsChart({
    title,
    caption: `${caption} Means over groups. ${barsText(record)}`,
    label,
    rows,
    kinds,
    domain: [Math.floor(least * 10) / 10, 1],
  });
}

function referenceOf({ groups }: CompareRecord): string {
  const exact = groups.filter(({ reference }) => reference?.kind === "exact").map(({ id }) => id);
  const long = groups.filter(({ reference }) => reference?.kind === "long").length;
  const parts = [
    ...(exact.length === 0 ? [] : [`exact Shapley values for ${listed(exact)}`]),
    ...(long === 0 ? [] : [`a long estimate for ${long} ${long === 1 ? "group" : "groups"}`]),
  ];
  return `The reference is ${parts.join(", and ")}.`;
}

function oracleOf({ groups }: CompareRecord): string {
  const known = groups.filter(({ isOracleKnown }) => isOracleKnown).map(({ id }) => id);
  return `Known for ${listed(known)}, where every coalition was tried.`;
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 6).join(", ");
  return names.length > 6 ? `${shown} and ${names.length - 6} more` : shown;
}
