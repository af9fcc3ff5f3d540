/** @file Networks as games, set up as the rank command does. */
import { join } from "node:path";
import { analyzeChannels, type ChannelAnalysis } from "../src/channels/groups.ts";
import { type Dataset, fitToInputs, type OpenOptions, openDataset, take } from "../src/datasets/index.ts";
import type { Game } from "../src/games/game.ts";
import type { WholeGame } from "../src/games/whole-game.ts";
import type { PayoffKind } from "../src/metrics/index.ts";
import { readModelFile } from "../src/onnx/read.ts";
import { openBatch } from "../src/passes/open-batch.ts";
import { fillWhole } from "../src/valuation/activation-cache.ts";
import { type NetworkGame, type NetworkGameOptions, networkGame } from "../src/valuation/network-game.ts";
import type { Runner } from "../src/valuation/runner.ts";
import { preparePayoff } from "../src/valuation/targets.ts";
import { wholeNetworkGame } from "../src/valuation/whole-network-game.ts";
import { sharedData, sharedModel } from "../test/helpers/shared.ts";
import { isMeasuredOnce } from "./statistics.ts";

export const assets = join(import.meta.dirname, "../assets");

export interface NetworkSettings {
  readonly model: string;
  readonly data: string;
  readonly options: OpenOptions;
  readonly examples: number;
}

/** The bundled LeNet-5 on the bundled digits for ranking. */
export const lenet: NetworkSettings = {
  model: join(assets, "lenet5-mnist.onnx"),
  data: join(assets, "mnist-rank-images.idx3-ubyte.gz"),
  options: { pixelScale: 255 },
  examples: 1000,
};

/** A shared network for CIFAR-10 on shared test images, or why it is not there. */
export function cifar(
  network: "resnet20-cifar10" | "resnet56-cifar10",
  examples: number,
): NetworkSettings | string {
  const [model, data] = [sharedModel(network), sharedData("cifar10-test-images.npy")];
  if (model.path === undefined) return model.reason;
  if (data.path === undefined) return data.reason;
  const options = { pixelScale: 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
  return { model: model.path, data: data.path, options, examples };
}

/**
 * What to measure on the first images of a shared network's data; nothing where all that counts is whether it runs, and
 * nothing, with a word why, where the network is not there.
 */
export function present<T>(
  network: Parameters<typeof cifar>[0],
  courses: (settings: NetworkSettings) => readonly T[],
): readonly T[] {
  if (isMeasuredOnce()) return [];
  const settings = cifar(network, 20);
  if (typeof settings !== "string") return courses(settings);
  console.log(`${network} is left out: ${settings}`);
  return [];
}

/** The game of one group under the default payoff. */
export async function gameOfGroup(
  settings: NetworkSettings,
  group: string,
  runner: Runner,
): Promise<NetworkGame> {
  return withActivations(await networkGame(await gameOptions(settings, group, runner)), runner);
}

/** Loading is left out of what is measured. */
async function withActivations(game: NetworkGame, runner: Runner): Promise<NetworkGame> {
  await fillWhole(game.activations, 2 * runner.workers + 1, undefined);
  return game;
}

/** The game of several groups together under any payoff. */
export async function gameOfGroups(
  settings: NetworkSettings,
  ids: readonly string[],
  kind: PayoffKind,
  runner: Runner,
): Promise<Game> {
  const { analysis, dataset } = await openNetwork(settings);
  const groups = ids.map((id) => indexOfGroup(analysis, id));
  const payoff = await preparePayoff(analysis, dataset, runner, { kind });
  return withActivations(await networkGame({ analysis, groups, dataset, payoff, runner }), runner);
}

/** The same game, asked for whole coalitions. */
export async function wholeGameOfGroup(
  settings: NetworkSettings,
  group: string,
  runner: Runner,
): Promise<WholeGame> {
  return wholeNetworkGame(await gameOptions(settings, group, runner));
}

/** What such games are made from. */
export async function gameOptions(
  settings: NetworkSettings,
  group: string,
  runner: Runner,
): Promise<NetworkGameOptions> {
  const { analysis, dataset } = await openNetwork(settings);
  const payoff = await preparePayoff(analysis, dataset, runner);
  return { analysis, groups: [indexOfGroup(analysis, group)], dataset, payoff, runner, gradients: "welcome" };
}

function indexOfGroup({ groups }: ChannelAnalysis, id: string): number {
  const index = groups.findIndex((group) => group.id === id);
  if (index < 0) throw new Error(`no group ${id} among ${groups.map((group) => group.id).join(", ")}`);
  return index;
}

export async function openNetwork({ model, data, options, examples }: NetworkSettings): Promise<{
  readonly analysis: ChannelAnalysis;
  readonly dataset: Dataset;
}> {
  const analysis = analyzeChannels(openBatch(await readModelFile(model)));
  const all = fitToInputs(await openDataset(data, options), analysis.model.graph.inputs);
  return {
    analysis,
    dataset: take(
      all,
      Array.from({ length: Math.min(examples, all.size) }, (_, k) => k),
    ),
  };
}
