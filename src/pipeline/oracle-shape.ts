/** @file The shape of what the oracle command finds, checked because documents come from files. */
import { metrics } from "../metrics/index.ts";
import {
  anything,
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

const channelList = listOf(count());

const set = fields({
  size: count(),
  keep: channelList,
  remove: channelList,
  worth: number,
  mean: nullable(number),
  worst: nullable(number),
  ties: nullable(count(1)),
  guarantee: guaranteeShape,
  rises: optional(count()),
});

function guaranteeShape(value: unknown, at: string): string | undefined {
  const kind = fields({ kind: oneOf(["exact", "none", "if-monotone"]) });
  const bounded = fields({ slack: number, bound: number, isProven: flag });
  const { kind: name } = (value ?? {}) as { readonly kind?: unknown };
  return kind(value, at) ?? (name === "if-monotone" ? bounded(value, at) : undefined);
}

const correlation = fields({ kendall: nullable(number), spearman: nullable(number) });

const ranking = fields({
  name: text,
  rows: count(),
  judgement: fields({
    add: number,
    remove: number,
    regret: listOf(number),
    regretMean: number,
    regretMax: number,
    agreement: mapOf(correlation),
  }),
});

const findings = fields({
  nesting: fields({ failures: count(), steps: count(), playersLeftOut: count() }),
  order: fields({ order: channelList, overlap: number, possible: number }),
  shapley: listOf(number),
  depth: count(1),
  randomScore: number,
  randomRegret: number,
  rankings: listOf(ranking),
});

const document = fields({
  data: fields({ examples: count() }),
  payoff: oneOf(Object.keys(metrics)),
  output: text,
  seed: anything,
  group: text,
  channels: count(1),
  silent: channelList,
  search: oneOf(["exhaustive", "beam", "branch-and-bound"]),
  method: oneOf(["added", "rows"]),
  activations: optional(oneOf(["float16"])),
  coalitions: count(),
  rows: count(),
  sets: listOf(set),
  oracle: nullable(findings),
  run: runShape,
});

interface Sizes {
  readonly channels: number;
  readonly search: string;
  readonly sets: readonly {
    readonly size: number;
    readonly keep: readonly number[];
    readonly remove: readonly number[];
    readonly mean: number | null;
    readonly worst: number | null;
    readonly ties: number | null;
  }[];
  readonly oracle: {
    readonly order: { readonly order: readonly number[] };
    readonly shapley: readonly number[];
    readonly rankings: readonly { readonly judgement: { readonly regret: readonly number[] } }[];
  } | null;
}

export const oracleShape: Shape = (value, at) => document(value, at) ?? disagreement(value as Sizes);

/** The first place where parts that fit by themselves do not fit each other. */
function disagreement({ channels, search, sets, oracle }: Sizes): string | undefined {
  for (const [k, one] of sets.entries()) {
    const all = new Set([...one.keep, ...one.remove]);
    if (one.keep.length !== one.size) return `sets[${k}].keep: expected as many channels as size says`;
    if (
      all.size !== channels ||
      one.keep.length + one.remove.length !== channels ||
      Math.max(...all) >= channels
    )
      return `sets[${k}]: expected keep and remove to share out the channels of the group`;
    if (search === "exhaustive" && (one.mean === null || one.worst === null || one.ties === null))
      return `sets[${k}]: expected mean, worst and ties after an exhaustive search`;
  }
  if ((oracle === null) === (search === "exhaustive"))
    return `oracle: expected ${search === "exhaustive" ? "findings" : "null"} after search ${search}`;
  if (search === "exhaustive" && (sets.length !== channels + 1 || sets.some(({ size }, k) => size !== k)))
    return "sets: expected one set of every size, the smallest first";
  if (oracle === null) return undefined;
  if (oracle.shapley.length !== channels) return "oracle.shapley: expected one entry for each channel";
  if (oracle.order.order.length !== channels)
    return "oracle.order.order: expected one entry for each channel";
  const odd = oracle.rankings.findIndex(({ judgement }) => judgement.regret.length !== channels - 1);
  return odd < 0 ? undefined : `oracle.rankings[${odd}].judgement.regret: expected one entry for each size`;
}
