/** @file The shape of what the compare command finds, checked because documents come from files. */
import { metrics } from "../metrics/index.ts";
import type { CompareRecord } from "../report/compare-records.ts";
import {
  bounds,
  count,
  fields,
  flag,
  listOf,
  mapOf,
  nullable,
  number,
  oneOf,
  optional,
  type Shape,
  text,
} from "./document-shape.ts";
import { runShape } from "./result-shapes.ts";

const spread = fields({ mean: number, deviation: number, count: count(1) });
const quality = fields({ accuracy: nullable(number), loss: nullable(number) });
const curve = listOf(number);

const groupRun = fields({
  id: text,
  order: listOf(count()),
  lowestGone: curve,
  highestGone: curve,
  areaLowest: number,
  areaHighest: number,
  spearman: nullable(number),
  kendall: nullable(number),
  oracle: nullable(fields({ add: number, remove: number, regret: number })),
});

const run = fields({
  seed: count(),
  rows: number,
  seconds: number,
  memoryBytes: number,
  groups: listOf(groupRun),
  network: listOf(
    fields({
      share: number,
      parameters: number,
      macs: number,
      cut: quality,
      repaired: nullable(quality),
      tuned: nullable(quality),
    }),
  ),
});

const summary = fields({
  areaLowest: spread,
  areaHighest: spread,
  spearman: nullable(spread),
  kendall: nullable(spread),
  oracleAdd: nullable(spread),
  oracleRemove: nullable(spread),
  oracleRegret: nullable(spread),
  rows: spread,
  seconds: spread,
  memoryBytes: spread,
  network: listOf(
    fields({ share: number, cut: nullable(spread), repaired: nullable(spread), tuned: nullable(spread) }),
  ),
});

const document = fields({
  examples: mapOf(count()),
  payoff: oneOf(Object.keys(metrics)),
  activations: optional(oneOf(["float16"])),
  output: text,
  seeds: listOf(count()),
  budgets: listOf(count(1)),
  shares: listOf(number),
  original: fields({
    accuracy: nullable(number),
    loss: nullable(number),
    parameters: number,
    macs: number,
  }),
  groups: listOf(
    fields({
      id: text,
      channels: count(1),
      sizes: listOf(count()),
      reference: nullable(fields({ kind: oneOf(["exact", "long"]), rows: number })),
      isOracleKnown: flag,
    }),
  ),
  entries: listOf(
    fields({
      name: text,
      title: text,
      budget: nullable(count(1)),
      missing: nullable(text),
      runs: listOf(run),
      summary: nullable(summary),
    }),
  ),
  contrasts: listOf(
    fields({
      first: text,
      second: text,
      budget: nullable(count(1)),
      measure: text,
      difference: number,
      interval: bounds,
      verdict: oneOf(["ahead", "behind", "within noise"]),
    }),
  ),
  conclusions: listOf(text),
  run: runShape,
});

export const compareShape: Shape = (value, at) => document(value, at) ?? disagreement(value as CompareRecord);

/** The first place where parts that fit by themselves do not fit each other. */
function disagreement({ groups, entries }: CompareRecord): string | undefined {
  for (const [k, { sizes, channels }] of groups.entries()) {
    const isAscending = sizes.every((size, place) => place === 0 || size > sizes[place - 1]!);
    if (sizes[0] !== 0 || sizes.at(-1) !== channels || !isAscending)
      return `groups[${k}].sizes: expected numbers from 0 to the channels of the group, ascending`;
  }
  const bySizes = new Map(groups.map(({ id, sizes }) => [id, sizes.length]));
  for (const [e, { runs }] of entries.entries())
    for (const [r, run] of runs.entries())
      for (const [g, { id, lowestGone, highestGone }] of run.groups.entries()) {
        const place = `entries[${e}].runs[${r}].groups[${g}]`;
        const sizes = bySizes.get(id);
        if (sizes === undefined) return `${place}.id: expected the name of a group that is compared`;
        if (lowestGone.length !== sizes || highestGone.length !== sizes)
          return `${place}: expected curves with a payoff for each size of the group`;
      }
  return undefined;
}
