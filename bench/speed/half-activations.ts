/** @file What float16 activations save under a ceiling: games that compute activations again, and what it does to rankings. */
import { estimators } from "../../src/estimators/index.ts";
import { purposes, visits } from "../../src/estimators/visits.ts";
import { writePrefixes } from "../../src/games/coalitions.ts";
import type { Game } from "../../src/games/game.ts";
import { randomOrder, stream, uniform } from "../../src/math/random.ts";
import { spearman } from "../../src/math/ranks.ts";
import { entryBytes } from "../../src/valuation/cached.ts";
import { type NetworkGame, type NetworkGameOptions, networkGame } from "../../src/valuation/network-game.ts";
import { startRunner } from "../../src/valuation/runner.ts";
import { cifar, gameOptions } from "../networks.ts";
import type { Benchmark, Findings } from "../record.ts";
import { ratios, spreadOf, takeTurns } from "../statistics.ts";

type Visit = "4 rows" | "walks";

const cases: readonly {
  readonly network: "resnet20-cifar10" | "resnet56-cifar10";
  readonly group: string;
  readonly examples: number;
  readonly visits: readonly Visit[];
}[] = [
  { network: "resnet20-cifar10", group: "layer1.0.conv1", examples: 700, visits: ["4 rows"] },
  { network: "resnet20-cifar10", group: "layer3.1.conv1", examples: 3000, visits: ["4 rows"] },
  { network: "resnet56-cifar10", group: "layer2.4.conv1", examples: 1300, visits: ["4 rows"] },
  { network: "resnet56-cifar10", group: "layer3.8.conv1", examples: 3000, visits: ["4 rows", "walks"] },
];
const shares = [0.5, 0.25, 0.1];
const types = ["float32", "float16"] as const;
const rounds = 3;
/** Rows for a channel of the rankings that are compared. */
const perChannel = 200;

type Row = Findings["rows"][number];

export const halfActivations: Benchmark = {
  title: "Activations in float16 under a ceiling",
  minutes: 9,
  how: `2 workers; two games under the same ceiling, a share of all activations in float32, take turns with half an epoch each for ${rounds} rounds after a whole one that warms up. Examples are visited in shuffled epochs; a visit asks for 4 random coalitions or for a pair of walks. Kept: share of the examples. Again: work on activations that had been computed before, as a share of the work on rows. Times: rows per second against float32, median of the rounds. Rankings: permutation with one seed, ${perChannel} rows a channel, in either type with room for all; the largest difference in standard errors, and the agreement with another seed in float32.`,
  async run() {
    const rows: Row[] = [];
    const runner = await startRunner({ workers: 2 });
    try {
      for (const { network, group, examples, visits: kinds } of cases) {
        const settings = cifar(network, examples);
        if (typeof settings === "string") return { skipped: settings };
        const options = await gameOptions(settings, group, runner);
        const all = await bytesOfAll(options);
        const ranking = await agreement(options);
        for (const visit of kinds)
          for (const share of shares)
            rows.push({
              network,
              group,
              visit,
              ceiling: share,
              ...(await sideBySide({ ...options, memory: Math.ceil(share * all) }, visit)),
              ...ranking,
            });
      }
    } finally {
      await runner.close();
    }
    return { rows, claims: [] };
  },
};

/** Bytes of the activations of all examples in float32. */
async function bytesOfAll(options: NetworkGameOptions): Promise<number> {
  const game = await networkGame(options);
  await game.close();
  return game.examples * entryBytes(game.activations.values);
}

/** Rows per second of both types under one ceiling. */
async function sideBySide(options: NetworkGameOptions, visit: Visit): Promise<Row> {
  const [single, half] = [
    await networkGame({ ...options, activations: "float32" }),
    await networkGame({ ...options, activations: "float16" }),
  ];
  const players = { float32: player(single, visit), float16: player(half, visit) };
  for (const type of types) for (let k = 0; k < 2; k++) await players[type]();
  const seconds = await takeTurns(players, rounds);
  const rows = (single.examples / 2) * rowsOfVisit(single, visit);
  const rate = (type: (typeof types)[number]) => (rows / spreadOf(seconds[type]).median).toFixed(0);
  const times = spreadOf(ratios(seconds.float32, seconds.float16));
  await Promise.all([single.close(), half.close()]);
  return {
    method: single.method === half.method ? single.method : `${single.method}, ${half.method}`,
    "kept, float32": percent(single.kept / single.examples),
    "kept, float16": percent(half.kept / half.examples),
    "again, float32": percent(single.recomputedShare()),
    "again, float16": percent(half.recomputedShare()),
    "rows/s, float32": rate("float32"),
    "rows/s, float16": rate("float16"),
    times: `${times.median.toFixed(2)} (${times.low.toFixed(2)} to ${times.high.toFixed(2)})`,
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(0)}%`;

function rowsOfVisit({ players }: Game, visit: Visit): number {
  return visit === "walks" ? 2 * (players + 1) : 4;
}

/** Plays half an epoch more each time, several calls at once. */
function player(game: NetworkGame, visit: Visit): () => Promise<void> {
  const each = rowsOfVisit(game, visit);
  const exampleAt = visits(game.examples, 1, purposes.visits);
  const perCall = Math.max(1, Math.round(512 / each));
  let next = 0;
  const call = async (end: number): Promise<void> => {
    while (next < end) {
      const first = next;
      const count = Math.min(perCall, end - first);
      next += count;
      const examples = Uint32Array.from({ length: count * each }, (_, row) => {
        return exampleAt(first + Math.floor(row / each));
      });
      await game.values(masksOf(game, visit, first, count), examples);
    }
  };
  return async () => {
    const end = next + game.examples / 2;
    await Promise.all(Array.from({ length: 4 }, () => call(end)));
  };
}

function masksOf({ players }: Game, visit: Visit, first: number, count: number): Uint8Array {
  const random = stream(2, first);
  if (visit === "4 rows")
    return Uint8Array.from({ length: 4 * count * players }, () => (uniform(random) < 0.5 ? 1 : 0));
  const masks = new Uint8Array(2 * (players + 1) * count * players);
  for (let k = 0; k < count; k++) {
    const order = randomOrder(players, random);
    writePrefixes(order, 0, players, masks, 2 * k * (players + 1));
    writePrefixes(order.toReversed(), 0, players, masks, (2 * k + 1) * (players + 1));
  }
  return masks;
}

/** Rankings of one seed in both types, and how far another seed is from them. */
async function agreement(options: NetworkGameOptions): Promise<Row> {
  const estimate = async (activations: (typeof types)[number], seed: number) => {
    const game = await networkGame({ ...options, activations });
    const budget = { rows: perChannel * game.players };
    let last: { readonly values: Float64Array; readonly standardErrors: Float64Array } | undefined;
    for await (const now of estimators.permutation.run(game, { budget, seed, concurrency: 4 })) last = now;
    await game.close();
    return last!;
  };
  const single = await estimate("float32", 1);
  const half = await estimate("float16", 1);
  const other = await estimate("float32", 2);
  const off = half.values.map((value, k) => {
    const difference = Math.abs(value - single.values[k]!);
    return difference === 0 ? 0 : difference / single.standardErrors[k]!; // both are 0 for channels that are never on
  });
  return {
    "rank correlation": spearman(single.values, half.values).toFixed(5),
    "standard errors": Math.max(...off).toPrecision(1),
    "another seed": spearman(single.values, other.values).toFixed(3),
  };
}
