/** @file What might save rows, measured on pairs of walks of real networks: how much of their variance each idea leaves. */

import { strataBy } from "../../src/estimators/strata.ts";
import { writePrefixes } from "../../src/games/coalitions.ts";
import type { GameGradients } from "../../src/games/game.ts";
import { randomOrder, stream } from "../../src/math/random.ts";
import { type NetworkGame, networkGame } from "../../src/valuation/network-game.ts";
import { type Runner, startRunner } from "../../src/valuation/runner.ts";
import { cifar, gameOptions, lenet, type NetworkSettings } from "../networks.ts";
import { type Benchmark, type Findings, together } from "../record.ts";

interface Course {
  readonly network: string;
  readonly settings: NetworkSettings;
  readonly group: string;
}

export const fewerRows: Benchmark = {
  title: "What is left of the variance of a pair of walks",
  how: "A random order and its reverse on each example, all players together; the share of the variance that each idea leaves. Orders: the part that differs between two pairs on one example, all that cleverer orders or surrogates could save. Gradients taken off: at 2 or 4 prefixes of the same pair, and at gates dimmed evenly (1 or 2 openings), with coefficient 1; then the multiple that leaves least and what it leaves, and what is left where examples are drawn by the norm of their gradients. Strata: Neyman allocation over examples by the worse of v(none) and v(all); both: strata of what dimmed gradients leave. Saving: variance times cost of plain pairs over that of strata with two-level controls, gradients at what they are declared to cost. Flat: the part of a walk, from no player on, before the payoff has moved by a hundredth of its range.",
  minutes: 3,
  async run() {
    const runner = await startRunner({ workers: 2 });
    try {
      const found: Findings[] = [];
      for (const course of courses()) found.push({ rows: [await measure(course, runner)], claims: [] });
      return together(found);
    } finally {
      await runner.close();
    }
  },
};

function courses(): Course[] {
  const list: Course[] = [
    { network: "LeNet-5", settings: { ...lenet, examples: 600 }, group: "f5" },
    { network: "LeNet-5", settings: { ...lenet, examples: 600 }, group: "c3" },
  ];
  const add = (network: string, settings: NetworkSettings | string, group: string) => {
    if (typeof settings !== "string") list.push({ network, settings, group });
  };
  add("ResNet-20", cifar("resnet20-cifar10", 300), "layer2.1.conv1");
  add("ResNet-56", cifar("resnet56-cifar10", 150), "layer1.4.conv1");
  add("ResNet-56", cifar("resnet56-cifar10", 150), "layer2.4.conv1");
  add("ResNet-56", cifar("resnet56-cifar10", 300), "layer3.4.conv1");
  add("ResNet-56", cifar("resnet56-cifar10", 300), "layer3.8.conv1");
  return list;
}

type Vectors = readonly Float64Array[];

async function measure(
  { network, settings, group }: Course,
  runner: Runner,
): Promise<Findings["rows"][number]> {
  const game = await networkGame({ ...(await gameOptions(settings, group, runner)), gradients: "needed" });
  const gradients = game.gradients!;
  const pairs = await walkAll(game, 1);
  const again = await walkAll(game, 2);
  const walks = pairs.map(({ marginals }) => marginals);
  const dimmed = await Promise.all(
    [[0.5], [0.2113, 0.7887]].map((gates) => dimmedAll(game, gradients, gates)),
  );
  const coupled = await Promise.all([1, 2].map((each) => coupledAll(game, gradients, pairs, each)));
  const all = spread(walks);
  const left = (controls: Vectors) => spread(minus(walks, controls)) / all;
  const orders =
    walks.reduce((sum, own, k) => sum + squared(own, again[k]!.marginals) / 2, 0) / (walks.length - 1) / all;
  const strata = strataBy(Float64Array.from(pairs, ({ none, whole }) => -Math.min(none, whole)));
  const rest = minus(walks, dimmed[1]!);
  const best = bestMultiple(walks, dimmed[1]!);
  await game.close();
  return {
    network,
    group,
    orders: orders.toFixed(3),
    "prefixes, 2": left(coupled[0]!).toFixed(3),
    "prefixes, 4": left(coupled[1]!).toFixed(3),
    "dimmed, 1": left(dimmed[0]!).toFixed(3),
    "dimmed, 2": left(dimmed[1]!).toFixed(3),
    "best multiple": best.toFixed(2),
    "left with it": left(times(dimmed[1]!, best)).toFixed(3),
    "by norm": (drawnByNorm(rest, dimmed[1]!) / all).toFixed(3),
    strata: (neyman(walks, strata) ** 2 / all).toFixed(3),
    both: (neyman(rest, strata) ** 2 / all).toFixed(3),
    "rows a gradient is said to cost": gradients.rows,
    saving: saving(walks, dimmed[1]!, strata, 2 * game.players, 2 * gradients.rows).toFixed(1),
    flat: (pairs.reduce((sum, { flat }) => sum + flat, 0) / pairs.length).toFixed(2),
  };
}

interface Pair {
  readonly order: Uint32Array;
  /** Mean marginals of the order and its reverse, [players]. */
  readonly marginals: Float64Array;
  readonly none: number;
  readonly whole: number;
  /** Part of the walk along the order before the payoff has moved. */
  readonly flat: number;
}

async function walkAll(game: NetworkGame, seed: number): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (let example = 0; example < game.examples; example += 2) {
    const some = [example, example + 1].filter((one) => one < game.examples);
    pairs.push(
      ...(await Promise.all(
        some.map((one) => walk(game, one, randomOrder(game.players, stream(seed, one)))),
      )),
    );
  }
  return pairs;
}

async function walk({ players, values }: NetworkGame, example: number, order: Uint32Array): Promise<Pair> {
  const rows = players + 1;
  const masks = new Uint8Array(2 * rows * players);
  const orders = [order, order.toReversed()];
  orders.forEach((own, k) => {
    writePrefixes(own, 0, players, masks, k * rows);
  });
  const worth = await values(masks, new Uint32Array(2 * rows).fill(example));
  const marginals = new Float64Array(players);
  orders.forEach((own, k) => {
    own.forEach((player, size) => {
      marginals[player] = marginals[player]! + (worth[k * rows + size + 1]! - worth[k * rows + size]!) / 2;
    });
  });
  const [none, whole] = [worth[0]!, worth[players]!];
  let size = 0;
  while (size < players && Math.abs(worth[size + 1]! - none) < 0.01 * Math.abs(whole - none)) size++;
  return { order, marginals, none, whole, flat: size / players };
}

/** Mean derivatives of every example at gates that are all open by the same amounts. */
async function dimmedAll(
  game: NetworkGame,
  { at }: GameGradients,
  openings: readonly number[],
): Promise<Vectors> {
  const { players, examples } = game;
  const rows = openings.length;
  const gates = new Float32Array(examples * rows * players);
  for (let k = 0; k < examples * rows; k++) gates.fill(openings[k % rows]!, k * players, (k + 1) * players);
  const found = await at(
    gates,
    Uint32Array.from({ length: examples * rows }, (_, k) => Math.floor(k / rows)),
  );
  return Array.from({ length: examples }, (_, k) => meanRows(found, k * rows, rows, players));
}

/** Mean derivatives at `each` prefixes of both walks of every pair. */
async function coupledAll(
  game: NetworkGame,
  { at }: GameGradients,
  pairs: readonly Pair[],
  each: number,
): Promise<Vectors> {
  const { players } = game;
  const rows = 2 * each;
  const gates = new Float32Array(pairs.length * rows * players);
  pairs.forEach(({ order }, k) => {
    [order, order.toReversed()].forEach((own, side) => {
      for (let step = 0; step < each; step++) {
        const start = (k * rows + side * each + step) * players;
        const size = Math.round(((step + 0.5) / each) * players);
        for (const player of own.subarray(0, size)) gates[start + player] = 1;
      }
    });
  });
  const found = await at(
    gates,
    Uint32Array.from({ length: pairs.length * rows }, (_, k) => Math.floor(k / rows)),
  );
  return pairs.map((_, k) => meanRows(found, k * rows, rows, players));
}

function meanRows(values: Float64Array, first: number, rows: number, size: number): Float64Array {
  const mean = new Float64Array(size);
  for (let row = first; row < first + rows; row++)
    for (let k = 0; k < size; k++) mean[k] = mean[k]! + values[row * size + k]! / rows;
  return mean;
}

function minus(vectors: Vectors, others: Vectors): Float64Array[] {
  return vectors.map((own, k) => own.map((value, at) => value - others[k]![at]!));
}

function times(vectors: Vectors, multiple: number): Float64Array[] {
  return vectors.map((own) => own.map((value) => multiple * value));
}

/** The multiple of the controls, one for all players, that leaves the least variance. */
function bestMultiple(walks: Vectors, controls: Vectors): number {
  // var(w - c) = var(w) - 2 cov + var(c)
  const covariance = (spread(walks) + spread(controls) - spread(minus(walks, controls))) / 2;
  return covariance / spread(controls);
}

/** Variance of what is left when examples are drawn in proportion to the norm of their controls and half the mean norm. */
function drawnByNorm(rest: Vectors, controls: Vectors): number {
  const count = rest.length;
  const norms = controls.map((own) => Math.sqrt(squared(own, new Float64Array(own.length))));
  const mean = norms.reduce((sum, norm) => sum + norm, 0) / count;
  const odds = norms.map((norm) => norm + mean / 2);
  const usual = odds.reduce((sum, odd) => sum + odd, 0) / count;
  const none = new Float64Array(rest[0]!.length);
  const square = rest.reduce((sum, own, k) => sum + (squared(own, none) * usual) / odds[k]!, 0) / count;
  const centre = none.map((_, at) => rest.reduce((sum, own) => sum + own[at]!, 0) / count);
  return square - squared(centre, none);
}

function squared(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, k) => sum + (value - b[k]!) ** 2, 0);
}

/** Variance of all players together. */
function spread(vectors: Vectors): number {
  const size = vectors[0]!.length;
  const mean = new Float64Array(size);
  for (const own of vectors) for (let k = 0; k < size; k++) mean[k] = mean[k]! + own[k]! / vectors.length;
  return vectors.reduce((sum, own) => sum + squared(own, mean), 0) / (vectors.length - 1);
}

/** Σ over strata of share times deviation. */
function neyman(vectors: Vectors, strata: readonly Uint32Array[]): number {
  return strata.reduce((sum, own) => {
    const members = Array.from(own, (example) => vectors[example]!);
    return sum + (own.length / vectors.length) * Math.sqrt(spread(members));
  }, 0);
}

/** Variance times cost of plain pairs, over that of the best split between walks and gradients in every stratum. */
function saving(
  walks: Vectors,
  controls: Vectors,
  strata: readonly Uint32Array[],
  walkRows: number,
  gradientRows: number,
): number {
  const rest = neyman(minus(walks, controls), strata) * Math.sqrt(walkRows + gradientRows);
  const between = neyman(controls, strata) * Math.sqrt(gradientRows);
  const alone = neyman(walks, strata) * Math.sqrt(walkRows);
  return (spread(walks) * walkRows) / Math.min((rest + between) ** 2, alone ** 2);
}
