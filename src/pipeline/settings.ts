/** @file What every command that touches data and a runtime can be told. */
import { availableParallelism } from "node:os";
import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import {
  type Dataset,
  datasetOf,
  fitToInputs,
  labelNames,
  type OpenOptions,
  openDataset,
  split,
  take,
} from "../datasets/index.ts";
import type { ValueInfo } from "../graph/model.ts";
import type { PayoffKind } from "../metrics/index.ts";
import { type Runner, startRunner } from "../valuation/runner.ts";

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

/** Opens data and binds them to the inputs of a model. */
export async function openFor(
  analysis: ChannelAnalysis,
  { path, ...options }: DataSettings,
): Promise<Dataset> {
  const { inputs } = analysis.model.graph;
  const opened = await openDataset(path, options);
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

/** Examples for ranking, for decisions along the way, and for the figures at the end; disjoint. */
export interface DataParts {
  readonly rank: Dataset;
  readonly decide: Dataset | undefined;
  readonly evaluate: Dataset;
}

/** Most examples a ranking needs: orders and examples are drawn together, so more of them add little. */
const rankExamples = 1000;

/** Fewest examples of a part. */
const fewestExamples = 2;

/**
 * Cuts a data set in disjoint, stratified parts. With test data of its own, all of that serves the final figures. At
 * most 1,000 examples rank where others are wanted for other ends, at most 2,000 where none are.
 * @param needsDecisions Whether a part is wanted that stops the removal (an accuracy floor).
 * @throws {PrunerError} `usage` for fewer than two examples a part.
 */
export function cutData(
  data: Dataset,
  test: Dataset | undefined,
  seed: number,
  needsDecisions: boolean,
): DataParts {
  if (test !== undefined && !needsDecisions) {
    const most = 2 * rankExamples;
    const rank = data.size <= most ? data : take(data, split(data, { seed, parts: { rank: most } }).rank);
    return { rank, decide: undefined, evaluate: test };
  }
  const shares = needsDecisions && test === undefined ? 3 : 2;
  const each = Math.floor(data.size / shares);
  if (each < fewestExamples)
    throw new PrunerError("usage", {
      detail: `${data.name}: ${data.size} examples are too few to be cut into ${shares} parts that serve ranking, decisions and final figures apart. Give more examples, or some of their own with --test-data.`,
    });
  const rank = Math.min(rankExamples, each);
  const decide = needsDecisions ? Math.min(2 * rankExamples, each) : 0;
  const parts: Record<string, number> = { rank };
  if (needsDecisions) parts["decide"] = decide;
  if (test === undefined) parts["evaluate"] = data.size - rank - decide;
  const indices = split(data, { seed, parts });
  return {
    rank: take(data, indices["rank"]!),
    decide: needsDecisions ? take(data, indices["decide"]!) : undefined,
    evaluate: test ?? take(data, indices["evaluate"]!),
  };
}
