/** @file What playing a network as a game costs on top of running its tail: rows per second of both, in turns. */

import { estimators } from "../../src/estimators/index.ts";
import type { Game } from "../../src/games/game.ts";
import type { Model } from "../../src/graph/model.ts";
import { readModel } from "../../src/onnx/read.ts";
import { encodeModel } from "../../src/onnx/write.ts";
import { allocate } from "../../src/tensor/dtype.ts";
import { float32, type Tensor } from "../../src/tensor/tensor.ts";
import { bytesOf } from "../../src/valuation/byte-masks.ts";
import { copyEntry } from "../../src/valuation/cached.ts";
import type { TailSetup } from "../../src/valuation/jobs.ts";
import { macsOf } from "../../src/valuation/macs.ts";
import { startRunner } from "../../src/valuation/runner.ts";
import { createPool, type Pool } from "../../src/workers/thread-pool.ts";
import { ratioBars } from "../charts/ratio-bars.ts";
import { gameOfGroup, lenet, type NetworkSettings, present } from "../networks.ts";
import { atLeast, type Benchmark, type Claim, type Findings, together } from "../record.ts";
import { ratios, spreadOf, spreadText, takeTurns } from "../statistics.ts";
import { watched } from "../watched.ts";
import type { BareSetup } from "./bare-worker.ts";

const workers = 2;
const rounds = 3;
/** Rows in a batch of the bare loop. */
const bareBatch = 128;
/** Side of the square matrices whose product is the arithmetic limit. */
const side = 1024;

interface Course {
  readonly network: string;
  readonly settings: NetworkSettings;
  readonly group: string;
  /** Rows of the game in one round: whole calls, long enough to fill all threads. */
  readonly rows: number;
}

export const gameAndRuntime: Benchmark = {
  title: "Rows per second of a game against the bare runtime",
  how: `Permutation sampling, ${workers} threads, every example seen before. The bare loop runs the whole tail on one ready batch of ${bareBatch} rows in as many threads; the limit multiplies matrices of ${side} x ${side} there; alone is the game with one thread. All take turns for ${rounds} rounds. Below 1 the game loses against its own arithmetic; far above 1 it adds effects of channels instead of running the layer behind the masks.`,
  minutes: 3,
  draw: (series) => [
    ratioBars(series, {
      name: "ratios",
      title: "Speed of a game",
      alt: "For each group, rows per second of the game in multiples of the bare loop's, and its arithmetic in multiples of a matrix product's.",
      xLabel: "multiples of",
    }),
  ],
  async run() {
    const findings: Findings[] = [];
    for (const course of courses()) findings.push(await compare(course));
    return together(findings);
  },
};

function courses(): readonly Course[] {
  const digits = { ...lenet, examples: 100 };
  return [
    { network: "LeNet-5", settings: digits, group: "f5", rows: 1_638_400 },
    { network: "LeNet-5", settings: digits, group: "c3", rows: 819_200 },
    ...present("resnet20-cifar10", (settings) => [
      { network: "ResNet-20", settings, group: "layer2.1.conv1", rows: 8192 },
    ]),
    ...present("resnet56-cifar10", (settings) => [
      { network: "ResNet-56", settings, group: "layer2.4.conv1", rows: 8192 },
      { network: "ResNet-56", settings, group: "layer3.4.conv1", rows: 8192 },
      { network: "ResNet-56", settings, group: "layer3.8.conv1", rows: 131_072 },
    ]),
  ];
}

async function compare({ network, settings, group, rows }: Course): Promise<Findings> {
  const seen: { tail?: TailSetup } = {};
  const [runner, single] = [watched(await startRunner({ workers }), seen), await startRunner({ workers: 1 })];
  const game = await gameOfGroup(settings, group, runner);
  const alone = await gameOfGroup(settings, group, single);
  await play(game, rows, 0);
  await play(alone, rows, 0);
  const tail = seen.tail!;
  const bare = await startBare(tail.model.bytes, feedsOf(tail));
  const limit = await startBare(encodeModel(product), {
    a: float32([side, side], new Float32Array(side * side).fill(0.5)),
    b: float32([side, side], new Float32Array(side * side).fill(0.25)),
  });
  try {
    let seed = 0;
    const runs = Math.max(1, Math.round(rows / bareBatch / workers / 4));
    const limitRuns = 4;
    const seconds = await takeTurns(
      {
        game: () => play(game, rows, ++seed),
        bare: () => everywhere(bare, runs),
        limit: () => everywhere(limit, limitRuns),
        alone: () => play(alone, rows, ++seed),
      },
      rounds,
    );
    const gameSpeed = seconds.game.map((s) => rows / s);
    const bareSpeed = seconds.bare.map((s) => (runs * workers * bareBatch) / s);
    const limitSpeed = seconds.limit.map((s) => (limitRuns * workers * side ** 3) / s);
    const macs = macsOf(readModel(tail.model.bytes));
    const shares = ratios(gameSpeed, bareSpeed);
    const arithmetic = ratios(
      gameSpeed.map((speed) => speed * macs),
      limitSpeed,
    );
    const scaling = ratios(seconds.alone, seconds.game);
    const line = {
      network,
      group,
      layer: game.method,
      "game rows/s": spreadText(gameSpeed, 0),
      "bare rows/s": spreadText(bareSpeed, 0),
      "game / bare": spreadText(shares),
      "arithmetic / limit": spreadText(arithmetic),
      "2 workers / 1": spreadText(scaling),
    };
    const panel = `${network} ${group}`;
    const series = [
      { panel, name: "the bare loop", points: [{ ...spreadOf(shares) }] },
      { panel, name: "a matrix product", points: [{ ...spreadOf(arithmetic) }] },
    ];
    return { rows: [line], claims: claimsOf({ network, group, shares, arithmetic, scaling }), series };
  } finally {
    await Promise.all([runner.close(), single.close(), bare.close(), limit.close()]);
  }
}

interface Ratios {
  readonly network: string;
  readonly group: string;
  readonly shares: readonly number[];
  readonly arithmetic: readonly number[];
  readonly scaling: readonly number[];
}

function claimsOf({ network, group, shares, arithmetic, scaling }: Ratios): Claim[] {
  if (!network.startsWith("ResNet")) return [];
  const name = `${network} ${group}`;
  const claims = [
    atLeast(`${name}: rows per second against the bare loop`, 0.95, spreadOf(shares).median),
    atLeast(`${name}: evaluation rate with 2 workers against 1`, 1.8, spreadOf(scaling).median),
  ];
  if (network === "ResNet-56")
    claims.push(atLeast(`${name}: arithmetic rate against a matrix product`, 1, spreadOf(arithmetic).median));
  return claims;
}

/** Half of the channels of some examples. */
function feedsOf(tail: TailSetup): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const value of tail.cached) {
    const { name, dtype, shape, entries } = value;
    const examples = entries.pieces.reduce((sum, { length }) => sum + length, 0) / entries.size;
    const batch = allocate(dtype, bareBatch * entries.size);
    for (let row = 0; row < bareBatch; row++) copyEntry(value, row % examples, batch, row);
    feeds[name] = { dtype, shape: [bareBatch, ...shape], data: batch };
  }
  for (const { name, players } of tail.masks)
    feeds[bytesOf(name)] = {
      dtype: "uint8",
      shape: [bareBatch, players],
      data: Uint8Array.from({ length: bareBatch * players }, (_, k) => (k * 7) % 2),
    };
  return feeds;
}

const product: Model = {
  graph: {
    name: "product",
    nodes: [
      { name: "y", opType: "MatMul", domain: "", inputs: ["a", "b"], outputs: ["y"], attributes: new Map() },
    ],
    inputs: [
      { name: "a", dtype: "float32", shape: [side, side] },
      { name: "b", dtype: "float32", shape: [side, side] },
    ],
    outputs: [{ name: "y", dtype: "float32", shape: [side, side] }],
    initializers: new Map(),
    valueInfo: new Map(),
  },
  opsets: new Map([["", 17]]),
  metadata: new Map(),
};

function startBare(bytes: Uint8Array, feeds: Record<string, Tensor>): Promise<Pool<number, void>> {
  const setup: BareSetup = { bytes, feeds };
  return createPool<number, void>({ entry: new URL("./bare-worker.ts", import.meta.url), workers, setup });
}

function everywhere(pool: Pool<number, void>, runs: number): Promise<unknown> {
  return Promise.all(Array.from({ length: workers }, () => pool.run(runs)));
}

async function play(game: Game, rows: number, seed: number): Promise<void> {
  for await (const _ of estimators.permutation.run(game, { budget: { rows }, seed })) void _;
}
