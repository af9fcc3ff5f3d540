/**
 * @file What gradients on gates are worth beside walks: how much of the variance of a pair of walks they explain, what a
 * gradient costs, and what a two-level estimate made of both would save.
 */
import { openGates } from "../../src/criteria/gradients/gate-gradients.ts";
import { writePrefixes } from "../../src/games/coalitions.ts";
import { randomOrder, stream } from "../../src/math/random.ts";
import { networkGame } from "../../src/valuation/network-game.ts";
import { engineOver, type Runner, startRunner } from "../../src/valuation/runner.ts";
import { cifar, gameOptions, lenet, type NetworkSettings } from "../networks.ts";
import type { Benchmark, Findings } from "../record.ts";

/** Prefixes of a pair of walks at which gradients are taken, in all. */
const gradientCounts = [2, 4, 8];

interface Course {
  readonly network: string;
  readonly settings: NetworkSettings;
  readonly group: string;
}

export const gradientControl: Benchmark = {
  title: "Gradients on gates as a control variate of walks",
  how: "A random order and its reverse on each example; the control of a player is the gradient at the nearest prefix taken. Residual: the share of variance that the control, with one coefficient for all players, leaves. Saving: variance of plain pairs over that of a two-level estimate of the same cost, V/((√(r(W+G)) + √((1-r)G))²/W), with a gradient at what it takes now (a pass through the whole network) and at three rows of the game. Costs are processor time.",
  minutes: 2,
  async run() {
    const found = courses();
    if (typeof found === "string") return { skipped: found };
    const runner = await startRunner({ workers: 1 });
    try {
      const rows: Findings["rows"][number][] = [];
      for (const course of found) rows.push(...(await measure(course, runner)));
      return { rows, claims: [] };
    } finally {
      await runner.close();
    }
  },
};

function courses(): readonly Course[] | string {
  const [small, large] = [cifar("resnet20-cifar10", 60), cifar("resnet56-cifar10", 40)];
  if (typeof small === "string") return small;
  if (typeof large === "string") return large;
  return [
    { network: "LeNet-5", settings: { ...lenet, examples: 300 }, group: "f5" },
    { network: "LeNet-5", settings: { ...lenet, examples: 300 }, group: "c3" },
    { network: "ResNet-20", settings: small, group: "layer2.1.conv1" },
    { network: "ResNet-56", settings: large, group: "layer3.4.conv1" },
    { network: "ResNet-56", settings: { ...large, examples: 100 }, group: "layer3.8.conv1" },
  ];
}

/** Vectors of all players for every example, and the microseconds that one of what made them takes. */
interface Observed {
  readonly vectors: readonly Float64Array[];
  readonly cost: number;
}

async function measure({ network, settings, group }: Course, runner: Runner): Promise<Findings["rows"]> {
  const options = await gameOptions(settings, group, runner);
  const game = await networkGame(options);
  const { players } = game;
  const orders = Array.from({ length: game.examples }, (_, k) => randomOrder(players, stream(1, k)));
  const pairs = orders.map((order) => [order, order.toReversed()] as const);
  const walks = await observe(pairs, 2 * players, async (pair, example) => {
    const rows = players + 1;
    const masks = new Uint8Array(2 * rows * players);
    pair.forEach((order, k) => {
      writePrefixes(order, 0, players, masks, k * rows);
    });
    const worth = await game.values(masks, new Uint32Array(2 * rows).fill(example));
    return average(pair, (k, size) => worth[k * rows + size + 1]! - worth[k * rows + size]!);
  });
  const gates = await openGates({ ...options, engine: engineOver(runner) });
  const rows: Record<string, string | number>[] = [];
  for (const count of gradientCounts) {
    const each = count / 2;
    const controls = await observe(pairs, count, async (pair, example) => {
      const masks = new Uint8Array(count * players);
      pair.forEach((order, k) => {
        for (let at = 0; at < each; at++) {
          const size = Math.round(((at + 0.5) / each) * players);
          for (const player of order.subarray(0, size)) masks[(k * each + at) * players + player] = 1;
        }
      });
      const { values } = await gates.rows(new Uint32Array(count).fill(example), masks);
      return average(pair, (k, size, player) => {
        const nearest = Math.min(each - 1, Math.floor((size / players) * each));
        return values[(k * each + nearest) * players + player]!;
      });
    });
    const residual = residualOf(walks.vectors, controls.vectors);
    const inRows = controls.cost / walks.cost;
    rows.push({
      network,
      group,
      gradients: count,
      residual: residual.toFixed(3),
      "rows a gradient costs": inRows.toFixed(1),
      "saving now": saving(residual, 2 * players, count * inRows).toFixed(2),
      "at three rows": saving(residual, 2 * players, count * 3).toFixed(2),
    });
  }
  await gates.close();
  return rows;
}

type Pair = readonly [Uint32Array, Uint32Array];

async function observe(
  pairs: readonly Pair[],
  each: number,
  work: (pair: Pair, example: number) => Promise<Float64Array>,
): Promise<Observed> {
  const vectors: Float64Array[] = [];
  const warm = Math.min(5, pairs.length - 1);
  let started = process.cpuUsage();
  for (const [example, pair] of pairs.entries()) {
    if (example === warm) started = process.cpuUsage();
    vectors.push(await work(pair, example));
  }
  const { user, system } = process.cpuUsage(started);
  return { vectors, cost: (user + system) / ((pairs.length - warm) * each) };
}

/** Mean over both walks of a number for each player. */
function average(pair: Pair, of: (walk: number, size: number, player: number) => number): Float64Array {
  const out = new Float64Array(pair[0].length);
  pair.forEach((order, k) => {
    order.forEach((player, size) => {
      out[player] = out[player]! + of(k, size, player) / 2;
    });
  });
  return out;
}

/** Share of the variance, all players together, that is left after the best multiple of the controls is taken off. */
function residualOf(values: readonly Float64Array[], controls: readonly Float64Array[]): number {
  const players = values[0]!.length;
  let [vv, cc, vc] = [0, 0, 0];
  for (let player = 0; player < players; player++) {
    const [v, c] = [centred(values, player), centred(controls, player)];
    v.forEach((value, k) => {
      vv += value * value;
      cc += c[k]! * c[k]!;
      vc += value * c[k]!;
    });
  }
  return 1 - (vc * vc) / (vv * cc);
}

function centred(vectors: readonly Float64Array[], player: number): Float64Array {
  const own = Float64Array.from(vectors, (vector) => vector[player]!);
  const centre = own.reduce((sum, value) => sum + value, 0) / own.length;
  return own.map((value) => value - centre);
}

/** Best split of the cost between pairs with gradients and gradients alone. */
function saving(residual: number, walk: number, gradients: number): number {
  const root = Math.sqrt(residual * (walk + gradients)) + Math.sqrt((1 - residual) * gradients);
  return walk / (root * root);
}
