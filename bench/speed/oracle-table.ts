/** @file How fast every coalition of a layer is tried: coalitions and rows per second, and the time of the whole table. */

import { wholeGame } from "../../src/games/whole-game.ts";
import { chunkSize } from "../../src/oracle/index.ts";
import { type Runner, startRunner } from "../../src/valuation/runner.ts";
import { gameOfGroup, lenet, wholeGameOfGroup } from "../networks.ts";
import { atMost, type Benchmark } from "../record.ts";
import { spreadOf, spreadText, takeTurns } from "../statistics.ts";

const workers = 2;
const rounds = 5;
const examples = 200;
/** Chunks in one round, spread over the whole table. */
const chunks = 16;
/** Coalitions tried row by row for comparison. */
const slowCoalitions = 512;

export const oracleTable: Benchmark = {
  title: "Every coalition of a convolution of LeNet-5",
  how: `The bundled network, ${examples} examples, ${workers} threads, ${rounds} rounds of ${chunks} chunks spread over the table; row by row takes turns with it on ${slowCoalitions} coalitions. The time of the whole table follows from the median rate.`,
  minutes: 1,
  async run() {
    const runner = await startRunner({ workers });
    try {
      const c1 = await rateOf(runner, "c1");
      const c3 = await rateOf(runner, "c3");
      return {
        rows: [c1.line, c3.line],
        claims: [atMost("c3: minutes for the table of 2^20 coalitions", 15, c3.minutes)],
      };
    } finally {
      await runner.close();
    }
  },
};

async function rateOf(runner: Runner, group: string) {
  const settings = { ...lenet, examples };
  const whole = await wholeGameOfGroup(settings, group, runner);
  const rowByRow = wholeGame(await gameOfGroup(settings, group, runner));
  const { players } = whole;
  const size = Math.min(chunkSize(examples), 2 ** players);
  const stride = 2 ** players / chunks;
  const parts = Array.from({ length: chunks }, (_, k) => masksFrom(Math.floor(k * stride), size, players));
  const some = parts.map((masks) => masks.subarray(0, (slowCoalitions / chunks) * players));
  const seconds = await takeTurns(
    {
      added: () => Promise.all(parts.map((masks) => whole.means(masks))),
      rows: () => Promise.all(some.map((masks) => rowByRow.means(masks))),
    },
    rounds,
  );
  const coalitions = seconds.added.map((s) => (chunks * size) / s);
  const slowRows = seconds.rows.map((s) => (slowCoalitions * examples) / s);
  const { median } = spreadOf(coalitions);
  const minutes = 2 ** players / median / 60;
  const line = {
    group,
    channels: players,
    "coalitions/s": spreadText(coalitions, 0),
    "rows/s": spreadText(
      coalitions.map((rate) => rate * examples),
      0,
    ),
    "row by row, rows/s": spreadText(slowRows, 0),
    "whole table, minutes": minutes.toPrecision(2),
  };
  return { line, minutes };
}

/** Coalitions with the numbers from `first` on, [size, players]; numbers beyond the last begin anew. */
function masksFrom(first: number, size: number, players: number): Uint8Array {
  return Uint8Array.from({ length: size * players }, (_, at) => {
    const number = (first + Math.floor(at / players)) % 2 ** players;
    return (number >>> (at % players)) & 1;
  });
}
