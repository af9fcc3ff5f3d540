/** @file What every command that touches data and a runtime can be told. */
import { availableParallelism } from "node:os";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { type Dataset, fitToInputs, type OpenOptions, openDataset, split, take } from "../datasets/index.ts";
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
  return fitToInputs(await openDataset(path, options), analysis.model.graph.inputs);
}

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

/**
 * Cuts a data set in disjoint, stratified parts. With test data of its own, all of it serves the final figures.
 * @param needsDecisions Whether a part is wanted that stops the removal (an accuracy floor).
 */
export function cutData(
  data: Dataset,
  test: Dataset | undefined,
  seed: number,
  needsDecisions: boolean,
): DataParts {
  const shares = needsDecisions ? 3 : 2;
  if (test !== undefined && !needsDecisions) return { rank: data, decide: undefined, evaluate: test };
  const each = Math.floor(data.size / (test === undefined ? shares : 2));
  const rank = Math.max(1, Math.min(rankExamples, each));
  const decide = needsDecisions ? Math.max(1, Math.min(2 * rankExamples, each)) : 0;
  const parts: Record<string, number> = { rank };
  if (needsDecisions) parts["decide"] = decide;
  if (test === undefined) parts["evaluate"] = Math.max(1, data.size - rank - decide);
  const indices = split(data, { seed, parts });
  return {
    rank: take(data, indices["rank"]!),
    decide: needsDecisions ? take(data, indices["decide"]!) : undefined,
    evaluate: test ?? take(data, indices["evaluate"]!),
  };
}
