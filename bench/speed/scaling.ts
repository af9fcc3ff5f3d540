/** @file What more workers bring, and what one session with as many threads brings instead. */
import { availableParallelism } from "node:os";
import { estimators } from "../../src/estimators/index.ts";
import type { Game } from "../../src/games/game.ts";
import { type Runner, startRunner } from "../../src/valuation/runner.ts";
import { scalingCurves } from "../charts/scaling-curves.ts";
import { gameOfGroup, lenet, type NetworkSettings, present } from "../networks.ts";
import { atLeast, type Benchmark, type Claim, type Findings, together } from "../record.ts";
import { ratios, spreadOf, spreadText, takeTurns } from "../statistics.ts";

const rounds = 5;
const cores = availableParallelism();
/** 1, 2, 4 and so on to all cores, and twice as many. */
const counts = [...new Set([...powersBelow(cores), cores, 2 * cores])];

interface Course {
  readonly network: string;
  readonly settings: NetworkSettings;
  readonly group: string;
  /** Rows of the game in one round: whole calls, so many that neither compiling shows nor a thread that waits for the last job. */
  readonly rows: number;
}

export const scaling: Benchmark = {
  title: "Scaling over workers",
  how: `Permutation sampling, every example seen before; ${counts.join(", ")} workers of one thread each on ${cores} processor threads, and one worker whose runtime spreads each run over as many threads. All take turns for ${rounds} rounds; rates are multiples of one worker's in the same round.`,
  minutes: 2,
  draw: scalingCurves,
  async run() {
    const courses: readonly Course[] = [
      { network: "LeNet-5", settings: { ...lenet, examples: 100 }, group: "f5", rows: 3_276_800 },
      ...present("resnet20-cifar10", (settings) => [
        { network: "ResNet-20", settings, group: "layer2.1.conv1", rows: 8192 },
      ]),
      ...present("resnet56-cifar10", (settings) => [
        { network: "ResNet-56", settings, group: "layer3.4.conv1", rows: 8192 },
        { network: "ResNet-56", settings, group: "layer3.8.conv1", rows: 131_072 },
      ]),
    ];
    const parts: Findings[] = [];
    for (const course of courses) parts.push(await measure(course));
    return together(parts);
  },
};

interface Crew {
  readonly name: string;
  readonly size: number;
  readonly kind: "workers" | "threads of one worker";
}

const crews: readonly Crew[] = [
  ...counts.map((size): Crew => ({ name: `${size} workers`, size, kind: "workers" })),
  ...counts
    .filter((size) => size > 1 && size <= cores)
    .map((size): Crew => ({ name: `1 worker of ${size} threads`, size, kind: "threads of one worker" })),
];

async function measure({ network, settings, group, rows }: Course): Promise<Findings> {
  const runners: Runner[] = [];
  try {
    const contenders: Record<string, () => Promise<void>> = {};
    let seed = 0;
    for (const { name, size, kind } of crews) {
      const runner = await startRunner(
        kind === "workers" ? { workers: size } : { workers: 1, threads: size },
      );
      runners.push(runner);
      const game = await gameOfGroup(settings, group, runner);
      contenders[name] = () => play(game, rows, ++seed, 2 * runner.workers);
    }
    const seconds = await takeTurns(contenders, rounds);
    return findingsOf(`${network} ${group}`, rows, seconds);
  } finally {
    for (const runner of runners) await runner.close();
  }
}

function findingsOf(panel: string, rows: number, seconds: Readonly<Record<string, number[]>>): Findings {
  const single = seconds["1 workers"]!;
  const gains = (crew: Crew) => ratios(single, seconds[crew.name]!);
  const lines = crews.map((crew) => ({
    group: panel,
    crew: crew.name.replace(/^1 workers$/, "1 worker"),
    "rows/s": spreadText(
      seconds[crew.name]!.map((s) => rows / s),
      0,
    ),
    "times one worker": spreadText(gains(crew)),
  }));
  const kinds = ["workers", "threads of one worker"] as const;
  const series = kinds.map((kind) => {
    const own = crews.filter((crew) => crew.kind === kind || crew.size === 1);
    return { panel, name: kind, points: own.map((crew) => ({ size: crew.size, ...spreadOf(gains(crew)) })) };
  });
  const two = crews.find(({ kind, size }) => kind === "workers" && size === 2);
  const claims: Claim[] =
    two === undefined || cores < 2
      ? []
      : [atLeast(`${panel}: rate of 2 workers against 1`, 1.8, spreadOf(gains(two)).median)];
  return { rows: lines, claims, series };
}

async function play(game: Game, rows: number, seed: number, concurrency: number): Promise<void> {
  const options = { budget: { rows }, seed, concurrency: Math.max(4, concurrency) };
  for await (const _ of estimators.permutation.run(game, options)) void _;
}

function powersBelow(limit: number): number[] {
  const powers: number[] = [];
  for (let power = 1; power < limit; power *= 2) powers.push(power);
  return powers;
}
