/** @file What oracle would write of a game nobody played, for tests of what is drawn from it. */
import type {
  OracleFindings,
  OracleRecord,
  RankingRecord,
  SizeRecord,
} from "../../src/report/oracle-records.ts";

/** A record of a group of channels that are worth 1, 2, 3, ... each; of two channels the best set is another one. */
export function oracleRecord(channels: number, search: OracleRecord["search"] = "exhaustive"): OracleRecord {
  const isAll = search === "exhaustive";
  const sizes = isAll ? [0, ...inner(channels), channels] : search === "beam" ? inner(channels) : [2, 3];
  return {
    schemaVersion: 1,
    tool: "shapley-pruner",
    version: "0.1.0",
    runtime: "onnxruntime-node 1.30.0",
    model: "ab".repeat(32),
    data: { fingerprint: "cd".repeat(32), examples: 50 },
    payoff: "cross-entropy",
    output: "logits",
    seed: 0,
    group: "c1",
    channels,
    silent: [],
    search,
    method: "added",
    coalitions: 2 ** Math.min(channels, 20),
    rows: 50 * 2 ** Math.min(channels, 20),
    sets: sizes.map((size) => setOf(size, channels, search)),
    oracle: isAll ? findings(channels) : null,
  };
}

function inner(channels: number): number[] {
  return Array.from({ length: channels - 1 }, (_, k) => k + 1);
}

function setOf(size: number, channels: number, search: OracleRecord["search"]): SizeRecord {
  const all = Array.from({ length: channels }, (_, channel) => channel);
  const keep = size === 2 ? [0, 1] : all.slice(channels - size);
  const isAll = search === "exhaustive";
  const worth = 0 - (channels - size) ** 2 / channels;
  return {
    size,
    keep,
    remove: all.filter((channel) => !keep.includes(channel)),
    worth,
    mean: isAll ? worth - size * (channels - size) * 0.1 : null,
    worst: isAll ? worth - size * (channels - size) * 0.2 : null,
    ties: isAll ? 1 : null,
    guarantee: isAll
      ? { kind: "exact" }
      : search === "beam"
        ? { kind: "none" }
        : { kind: "if-monotone", slack: 0.01, bound: worth + (size === 2 ? 0.3 : 0), isProven: size !== 2 },
    ...(search === "branch-and-bound" && { rises: 4 }),
  };
}

function findings(channels: number): OracleFindings {
  const shapley = Array.from({ length: channels }, (_, channel) => (channel + 1) / channels);
  const ranking = (name: string, values: readonly number[], lost: number, rows: number): RankingRecord => {
    const regret = inner(channels).map((size) => (size % 3) * lost);
    const mean = regret.reduce((sum, one) => sum + one, 0) / regret.length;
    return {
      name,
      title: name,
      values,
      rows,
      judgement: {
        add: Math.max(0, 0.9 - lost),
        remove: Math.max(0, 0.8 - lost),
        addByDepth: [],
        removeByDepth: [],
        overlapAt: regret.map(() => 0.5),
        regret,
        regretMean: mean,
        regretMax: Math.max(...regret),
        regretOfRandom: mean,
        agreement: {
          oracle: { kendall: 1 - lost, spearman: 1 - lost },
          shapley: { kendall: null, spearman: null },
        },
      },
    };
  };
  return {
    nesting: { failures: 1, steps: channels - 2, playersLeftOut: 2, failingSizes: [2] },
    order: {
      order: Array.from({ length: channels }, (_, place) => channels - 1 - place),
      overlap: 10,
      possible: 12,
    },
    shapley,
    depth: 2,
    randomScore: 0.4,
    randomRegret: 0.25,
    rankings: [
      ranking("oracle", shapley, 0.01, 0),
      ranking("shapley", shapley, 0.1, 1000),
      ranking(
        "l1",
        shapley.map((value) => -value),
        0.9,
        0,
      ),
    ],
  };
}
