import { networkGame } from "../src/valuation/network-game.ts";
import { startRunner } from "../src/valuation/runner.ts";
import { preparePayoff } from "../src/valuation/targets.ts";
import { cifar, openNetwork } from "./networks.ts";
import { referenceValues } from "./quality/references.ts";

const settings = cifar("resnet56-cifar10", 1000) as any;
const runner = await startRunner({ workers: 2 });
const { analysis, dataset } = await openNetwork(settings);
const payoff = await preparePayoff(analysis, dataset, runner);
const groups = analysis.groups.flatMap(({ id }, k) => (/^layer\d\.\d\.conv1$/.test(id) ? [k] : [])).reverse();
for (const group of groups) {
  const { id, channels } = analysis.groups[group]!;
  const t = performance.now();
  const game = await networkGame({
    analysis,
    groups: [group],
    dataset,
    payoff,
    runner,
    gradients: "welcome",
  });
  await referenceValues(game, { settings, group: id, rows: 800 * channels, estimator: "stratified" });
  await game.close();
  console.log(id, ((performance.now() - t) / 1000).toFixed(0), "s");
}
await runner.close();
