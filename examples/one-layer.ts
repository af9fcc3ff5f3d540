/**
 * @file Values the ten channels of one layer of the bundled network, watching the estimates run.
 * Run with: npx tsx examples/one-layer.ts
 */
import { fileURLToPath } from "node:url";
import {
  analyzeChannels,
  estimators,
  fitToInputs,
  networkGame,
  openDataset,
  preparePayoff,
  readModelFile,
  startRunner,
  take,
} from "../src/index.ts";

const asset = (name: string) => fileURLToPath(new URL(`../assets/${name}`, import.meta.url));

/** @returns Channels of the layer "c1" from least to most useful. */
export async function rankFirstLayer(
  onEstimate: (rows: number, values: Float64Array) => void,
): Promise<number[]> {
  const analysis = analyzeChannels(await readModelFile(asset("lenet5-mnist.onnx")));
  const digits = await openDataset(asset("mnist-rank-images.idx3-ubyte.gz"), { pixelScale: 255, limit: 200 });
  const dataset = take(fitToInputs(digits, analysis.model.graph.inputs), [...Array(200).keys()]);
  const runner = await startRunner({ workers: 2 });
  try {
    const payoff = await preparePayoff(analysis, dataset, runner);
    const group = analysis.groups.findIndex(({ id }) => id === "c1");
    const game = await networkGame({ analysis, groups: [group], dataset, payoff, runner });
    let latest = new Float64Array(game.players);
    for await (const { values, rows } of estimators.permutation.run(game, {
      budget: { rows: 20_000 },
      seed: 1,
    })) {
      latest = Float64Array.from(values);
      onEstimate(rows, latest);
    }
    return [...latest.keys()].sort((a, b) => latest[a]! - latest[b]!);
  } finally {
    await runner.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const order = await rankFirstLayer((rows, values) => {
    console.log(`${rows} rows: ${[...values].map((value) => value.toFixed(3)).join(" ")}`);
  });
  console.log(`least useful first: ${order.join(", ")}`);
}
