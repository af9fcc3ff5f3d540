/** @file Processor time for a row: ranking once, and while removing, with whole orders and with stars near the cut. */
import { estimators } from "../../src/estimators/index.ts";
import { sequentialBy } from "../../src/estimators/sequential.ts";
import type { Game } from "../../src/games/index.ts";
import { startRunner } from "../../src/valuation/runner.ts";
import { gameOfGroups } from "../networks.ts";
import { onLenet, onResnet, type Scene } from "../quality/sequential.ts";
import type { Benchmark, Findings } from "../record.ts";

const contenders = {
  permutation: estimators.permutation,
  "sequential, everyone": sequentialBy({ shareForAll: 1, stagesNearCut: 0, nearErrors: 0 }),
  sequential: estimators.sequential,
};

export const nearCutTime: Benchmark = {
  title: "Processor time of ranking once and while removing",
  minutes: 4,
  how: "Microseconds of processor time for a row, all threads of the process together, one worker, cross-entropy; one run after a shorter one that warms up. LeNet-5 with 300 rows a channel, two blocks of ResNet-20 with 60. Stars change two channels from row to row where orders change one.",
  async run() {
    const resnet = onResnet();
    const rows = [...(await timesOf(onLenet, onLenet.groups, 300))];
    if (!("skipped" in resnet))
      rows.push(...(await timesOf(resnet, ["layer1.1.conv1", "layer3.1.conv1"], 60)));
    return { rows, claims: [] };
  },
};

async function timesOf(
  { rank }: Scene,
  groups: readonly string[],
  perChannel: number,
): Promise<Findings["rows"]> {
  const runner = await startRunner({ workers: 1 });
  try {
    const rows: Record<string, string | number>[] = [];
    for (const group of groups) {
      const game = await gameOfGroups(rank, [group], "cross-entropy", runner);
      const row: Record<string, string | number> = { group, channels: game.players };
      for (const name of Object.keys(contenders) as (keyof typeof contenders)[]) {
        await microseconds(name, game, Math.floor(0.3 * perChannel));
        row[name] = Number((await microseconds(name, game, perChannel)).toPrecision(2));
      }
      rows.push(row);
    }
    return rows;
  } finally {
    await runner.close();
  }
}

/** Of processor time, for a row. */
async function microseconds(name: keyof typeof contenders, game: Game, perChannel: number): Promise<number> {
  const before = process.cpuUsage();
  let rows = 0;
  const run = contenders[name].run(game, { budget: { rows: perChannel * game.players }, seed: 2 });
  for await (const estimate of run) rows = estimate.rows;
  const { user, system } = process.cpuUsage(before);
  return (user + system) / rows;
}
