/** @file The train command: a reference network from scratch, by its recipe. */
import { createHash } from "node:crypto";
import { analyzeChannels } from "../channels/groups.ts";
import { labelNames, storedInputs } from "../datasets/index.ts";
import {
  buildNetwork,
  type Network,
  type NetworkOptions,
  networkNamed,
  type SizeOptions,
} from "../networks/index.ts";
import { encodeModel } from "../onnx/write.ts";
import type { LoadedModel } from "./load-model.ts";
import type { DataSettings } from "./settings.ts";
import { recipeDefaults } from "./training-options.ts";
import type { TrainingRecord } from "./training-record.ts";
import { runTraining, type Subject, type TrainingRunOptions } from "./training-run.ts";

export interface TrainNetworkOptions extends TrainingRunOptions {
  /** Name in the registry of networks. */
  readonly network: string;
  /** Sizes that differ from what the network usually has. */
  readonly sizes: Omit<NetworkOptions & SizeOptions, "seed">;
}

/**
 * Builds and trains a reference network. Bytes are preprocessed as its recipe says unless the data settings say
 * otherwise; numbers of other types are taken as they are.
 * @throws {PrunerError} `unknown-network`, `invalid-option` for sizes, and as `runTraining`.
 */
export async function trainNetwork(options: TrainNetworkOptions): Promise<TrainingRecord> {
  const { subject, run } = await networkRun(options);
  return runTraining(subject, run);
}

/** The network, freshly built, and the options of its run with the preprocessing filled in. */
export async function networkRun(
  options: TrainNetworkOptions,
): Promise<{ readonly subject: Subject; readonly run: TrainingRunOptions }> {
  const { network: name, sizes, training } = options;
  const network = networkNamed(name);
  const model = built(name, { ...given(sizes), seed: training.seed });
  const [channels] = model.analysis.model.graph.inputs[0]!.shape!.slice(1) as number[];
  const prepare = (data: DataSettings) => prepared(data, network, channels!);
  const data = await prepare(options.data);
  const testData = options.testData === undefined ? undefined : await prepare(options.testData);
  const { pixelScale, mean, std } = data;
  return {
    subject: {
      command: "train",
      model,
      defaults: recipeDefaults(network.recipe),
      notes: { network: name, preprocessing: { pixelScale, mean, std } },
    },
    run: { ...options, data, testData },
  };
}

/** The sizes that were chosen. */
function given<T extends object>(sizes: T): T {
  return Object.fromEntries(Object.entries(sizes).filter(([, size]) => size !== undefined)) as T;
}

function built(name: string, options: NetworkOptions & SizeOptions): LoadedModel {
  const model = buildNetwork(name, options);
  const hash = createHash("sha256").update(encodeModel(model)).digest("hex");
  return { path: name, files: [], hash, analysis: analyzeChannels(model) };
}

/** Data settings with the preprocessing of the network where they state none and hold bytes. */
async function prepared(data: DataSettings, network: Network, channels: number): Promise<DataSettings> {
  const isStated = [data.pixelScale, data.mean, data.std].some((option) => option !== undefined);
  if (isStated) return data;
  const inputs = await storedInputs(data.path, data);
  const images = [...inputs].filter(([input]) => !labelNames.some((one) => one === input));
  if (images.some(([, { dtype }]) => dtype !== "uint8")) return data;
  const { pixelScale, mean, std } = network.preprocessing;
  const stored = images[0]![1].shape;
  const own = data.layout === "nhwc" ? stored.at(-1) : stored[0];
  const perChannel = (list: readonly number[]): readonly number[] =>
    list.length === channels ? list : [list.reduce((sum, x) => sum + x, 0) / list.length];
  // Images of other channels are refused for their shape, with a hint at --layout, not for a mean nobody stated.
  if (own !== channels && perChannel(mean).length > 1) return data;
  return { ...data, pixelScale, mean: perChannel(mean), std: perChannel(std) };
}
