/** @file Small networks as games, for tests of how their rows are played. */
import { analyzeChannels } from "../../src/channels/groups.ts";
import { type Dataset, fitToInputs } from "../../src/datasets/index.ts";
import type { Model } from "../../src/graph/model.ts";
import type { PayoffKind } from "../../src/metrics/index.ts";
import { openBatch } from "../../src/passes/open-batch.ts";
import { type NetworkGame, networkGame } from "../../src/valuation/network-game.ts";
import type { Runner } from "../../src/valuation/runner.ts";
import { preparePayoff } from "../../src/valuation/targets.ts";
import { graphBuilder } from "./build.ts";
import { batchNorm, conv, head, relu } from "./networks.ts";

/** The game of some groups, given by index or by name. */
export async function gameOf(
  model: Model,
  dataset: Dataset,
  groups: readonly (number | string)[],
  runner: Runner,
  { memory, kind }: { readonly memory?: number | undefined; readonly kind?: PayoffKind } = {},
): Promise<NetworkGame> {
  const analysis = analyzeChannels(openBatch(model));
  const bound = fitToInputs(dataset, analysis.model.graph.inputs);
  const payoff = await preparePayoff(analysis, bound, runner, { kind });
  const indexes = groups.map((group) =>
    typeof group === "number" ? group : analysis.groups.findIndex(({ id }) => id === group),
  );
  return networkGame({ analysis, groups: indexes, dataset: bound, payoff, runner, memory });
}

/** The group ranked feeds a convolution, behind which a shortcut joins. */
export function block(form: "plain" | "shortcut and norm" | "two readers"): Model {
  const g = graphBuilder();
  const x = g.input("x", ["N", 3, 8, 8]);
  const inner = relu(g, conv(g, x, "inner", 3, 24));
  let out = conv(g, inner, "outer", 24, 16);
  if (form === "shortcut and norm")
    out = g.node("Add", [batchNorm(g, out, "norm", 16), conv(g, x, "shortcut", 3, 16)]);
  if (form === "two readers")
    out = g.node("Concat", [relu(g, out), conv(g, inner, "second", 24, 9)], { axis: 1 });
  head(g, relu(g, out), form === "two readers" ? 25 : 16);
  return g.build();
}

/** The largest difference between numbers at the same place. */
export function largestGap(a: Float64Array, b: Float64Array): number {
  return a.reduce((most, value, k) => Math.max(most, Math.abs(value - b[k]!)), 0);
}
