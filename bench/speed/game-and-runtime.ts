/** @file What playing a network as a game costs on top of running its tail: rows per second of both, in turns. */
import { estimators } from "../../src/estimators/index.ts";
import type { Game } from "../../src/games/game.ts";
import { arrayTypes, type TypedArray } from "../../src/tensor/dtype.ts";
import { sizeOf, type Tensor } from "../../src/tensor/tensor.ts";
import type { Job } from "../../src/valuation/jobs.ts";
import { type Runner, startRunner } from "../../src/valuation/runner.ts";
import { createPool, type Pool } from "../../src/workers/thread-pool.ts";
import { sharedData, sharedModel } from "../../test/helpers/shared.ts";
import { gameOfGroup, type NetworkSettings } from "../networks.ts";
import { atLeast, type Benchmark, type Findings } from "../record.ts";
import { ratios, spreadOf, spreadText, takeTurns } from "../statistics.ts";
import type { BareSetup } from "./bare-worker.ts";

const workers = 2;
const rounds = 5;
const groups = ["layer3.4.conv1", "layer3.8.conv1"];
/** Rows of the game in one round: whole calls, long enough to fill both threads. */
const rowsPerRound = 16_384;

type RowsJob = Extract<Job, { kind: "rows" }>;

export const gameAndRuntime: Benchmark = {
  title: "Rows per second of a game against the bare runtime",
  how: `ResNet-56, blocks of 64 channels, 500 examples, ${workers} threads. The bare loop runs the same tail on one ready batch of the same size, in as many threads; both take turns for ${rounds} rounds.`,
  async run() {
    const model = sharedModel("resnet56-cifar10");
    const data = sharedData("cifar10-test-images.npy");
    if (model.path === undefined) return { skipped: model.reason };
    if (data.path === undefined) return { skipped: data.reason };
    const settings = {
      model: model.path,
      data: data.path,
      examples: 500,
      options: { pixelScale: 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
    };
    const findings: Findings[] = [];
    for (const group of groups) findings.push(await compare(settings, group));
    return { rows: findings.flatMap(({ rows }) => rows), claims: findings.flatMap(({ claims }) => claims) };
  },
};

async function compare(settings: NetworkSettings, group: string): Promise<Findings> {
  const seen: { job?: RowsJob } = {};
  const runner = watched(await startRunner({ workers }), seen);
  const game = await gameOfGroup(settings, group, runner);
  await play(game, 2048, 0);
  const job = seen.job!;
  const batch = job.examples.length;
  const bare = await startBare(job);
  try {
    let seed = 0;
    const runs = Math.round(rowsPerRound / batch / workers);
    const bareRows = runs * workers * batch;
    const seconds = await takeTurns(
      {
        game: () => play(game, rowsPerRound, ++seed),
        bare: () => Promise.all(Array.from({ length: workers }, () => bare.run(runs))),
      },
      rounds,
    );
    const gameSpeed = seconds.game.map((s) => rowsPerRound / s);
    const bareSpeed = seconds.bare.map((s) => bareRows / s);
    const shares = ratios(gameSpeed, bareSpeed);
    const line = {
      group,
      "rows in a batch": batch,
      "game rows/s": spreadText(gameSpeed, 0),
      "bare rows/s": spreadText(bareSpeed, 0),
      ratio: spreadText(shares),
    };
    return { rows: [line], claims: [atLeast(`${group}: ratio`, 0.9, spreadOf(shares).median)] };
  } finally {
    await Promise.all([runner.close(), bare.close()]);
  }
}

/** Notes the largest batch that goes to the threads. */
function watched(runner: Runner, seen: { job?: RowsJob }): Runner {
  const pool: Runner["pool"] = {
    ...runner.pool,
    run(job, options) {
      if (job.kind === "rows" && job.examples.length > (seen.job?.examples.length ?? 0)) seen.job = job;
      return runner.pool.run(job, options);
    },
  };
  return { ...runner, pool };
}

function startBare({ tail, masks, examples }: RowsJob): Promise<Pool<number, void>> {
  const feeds: Record<string, Tensor> = {};
  for (const { name, dtype, shape, data } of tail.cached) {
    const size = sizeOf(shape);
    const batch = new arrayTypes[dtype](examples.length * size) as TypedArray;
    examples.forEach((example, row) => {
      batch.set(data.subarray(example * size, (example + 1) * size) as never, row * size);
    });
    feeds[name] = { dtype, shape: [examples.length, ...shape], data: batch };
  }
  const [mask] = tail.masks;
  feeds[mask!.name] = {
    dtype: "float32",
    shape: [examples.length, mask!.players],
    data: Float32Array.from(masks),
  };
  const setup: BareSetup = { bytes: tail.model.bytes, feeds };
  return createPool<number, void>({ entry: new URL("./bare-worker.ts", import.meta.url), workers, setup });
}

async function play(game: Game, rows: number, seed: number): Promise<void> {
  for await (const _ of estimators.permutation.run(game, { budget: { rows }, seed })) void _;
}
