/**
 * @file One game under a ceiling, in a process of its own: `tsx memory-run.ts MODEL DATA GROUP EXAMPLES SHARE ROWS`.
 * SHARE is that of the activations of all examples; every visit of an example asks for ROWS rows, examples are visited in
 * shuffled epochs, one and a half in all. Prints figures as JSON.
 */
import { analyzeChannels } from "../../src/channels/groups.ts";
import { purposes, visits } from "../../src/estimators/visits.ts";
import { stream, uniform } from "../../src/math/random.ts";
import { readModelFile } from "../../src/onnx/read.ts";
import { openBatch } from "../../src/passes/open-batch.ts";
import { entryBytes, layoutOf } from "../../src/valuation/cached.ts";
import { networkGame } from "../../src/valuation/network-game.ts";
import { startRunner } from "../../src/valuation/runner.ts";
import { cutTail } from "../../src/valuation/tail.ts";
import { gameOptions } from "../networks.ts";
import { mostHeld } from "./most-held.ts";

const [model, data, group, count, share, each] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const rowsPerVisit = Number(each);
const rowsPerCall = 512;
const runner = await startRunner({ workers: 2 });
const settings = { model, data, options: { pixelScale: 255 }, examples: Number(count) };
const options = await gameOptions(settings, group, runner);
const analysis = analyzeChannels(openBatch(await readModelFile(model)));
const { cached } = cutTail(analysis, options.groups, options.payoff.output);
const all = Number(count) * entryBytes(cached.map((name) => layoutOf(analysis, options.dataset, name)));
const memory = Math.ceil(Number(share) * all);
const before = process.memoryUsage.rss();
const busyBefore = process.resourceUsage().userCPUTime + process.resourceUsage().systemCPUTime;
const started = performance.now();
const game = await networkGame({ ...options, memory });
const total = Math.round((1.5 * game.examples * rowsPerVisit) / rowsPerCall) * rowsPerCall;
const exampleAt = visits(game.examples, 1, purposes.visits);
const random = stream(2, 0);
let next = 0;
async function player(): Promise<void> {
  while (next < total) {
    const first = next;
    next += rowsPerCall;
    const examples = Uint32Array.from({ length: rowsPerCall }, (_, row) =>
      exampleAt(Math.floor((first + row) / rowsPerVisit)),
    );
    const masks = Uint8Array.from({ length: rowsPerCall * game.players }, () =>
      uniform(random) < 0.5 ? 1 : 0,
    );
    await game.values(masks, examples);
  }
}
await Promise.all(Array.from({ length: 4 }, player));
const seconds = (performance.now() - started) / 1000;
const { userCPUTime, systemCPUTime } = process.resourceUsage();
const figures = {
  all,
  memory,
  kept: game.kept,
  method: game.method,
  again: game.recomputedShare(),
  rowsPerSecond: total / seconds,
  cpuMicrosecondsPerRow: (userCPUTime + systemCPUTime - busyBefore) / total,
  grown: mostHeld() - before,
};
console.log(JSON.stringify(figures));
await runner.close();
