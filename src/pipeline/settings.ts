/** @file What every command that touches data and a runtime can be told. */
import { availableParallelism } from "node:os";
import type { ChannelAnalysis } from "../channels/groups.ts";
import {
  type Dataset,
  datasetOf,
  fitToInputs,
  labelNames,
  type OpenOptions,
  openDataset,
} from "../datasets/index.ts";
import type { ValueInfo } from "../graph/model.ts";
import type { PayoffKind } from "../metrics/index.ts";
import { type Runner, startRunner } from "../valuation/runner.ts";
import type { WorkOptions } from "./progress.ts";

export interface DataSettings extends OpenOptions {
  readonly path: string;
}

export interface RuntimeSettings {
  /** Threads that run networks; default all cores. */
  readonly workers?: number | undefined;
  readonly providers?: readonly string[] | undefined;
  /** Threads inside one run; default 1, which keeps results the same for any number of workers. */
  readonly threads?: number | undefined;
}

export interface PayoffSettings {
  readonly payoff?: PayoffKind | undefined;
  /** Output of the model the payoff reads; default the first. */
  readonly output?: string | undefined;
}

/**
 * Opens data and binds them to the inputs of a model.
 * @param work What hears of data that are unpacked or decoded, and may stop that.
 */
export async function openFor(
  analysis: ChannelAnalysis,
  { path, ...options }: DataSettings,
  { signal, onProgress }: WorkOptions = {},
): Promise<Dataset> {
  const { inputs } = analysis.model.graph;
  const opened = await openDataset(path, { signal, onProgress, ...options });
  return fitToInputs(options.labels === false ? withoutLabelArrays(opened, inputs) : opened, inputs);
}

/** With --no-labels the labels an .npz holds are no inputs either, unless the model has an input of that name. */
function withoutLabelArrays(dataset: Dataset, expected: readonly ValueInfo[]): Dataset {
  const isLabels = (name: string) =>
    labelNames.some((one) => one === name) && expected.every((input) => input.name !== name);
  const inputs = new Map([...dataset.inputs].filter(([name]) => !isLabels(name)));
  return inputs.size === 0 ? dataset : datasetOf({ ...dataset, inputs });
}

/** Starts the threads that run networks: as many as asked for, or one for each core. */
export function startRuntime({ workers, providers, threads }: RuntimeSettings): Promise<Runner> {
  return startRunner({ workers: workers ?? availableParallelism(), providers, threads });
}
