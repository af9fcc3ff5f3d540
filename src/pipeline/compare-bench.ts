/** @file What everything in a comparison is measured with. */
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { Dataset } from "../datasets/index.ts";
import type { PayoffKind } from "../metrics/index.ts";
import type { Runner } from "../valuation/runner.ts";
import { type PayoffSetup, preparePayoff } from "../valuation/targets.ts";
import type { CompareParts } from "./compare-data.ts";
import type { SettledOptions } from "./compare-options.ts";
import type { PieceKey, PieceStore } from "./piece-store.ts";
import type { WorkOptions } from "./progress.ts";

/** What is settled before anything is measured or written. */
export interface CompareSetting {
  readonly options: SettledOptions;
  readonly analysis: ChannelAnalysis;
  /** Indexes into `analysis.groups`. */
  readonly groups: readonly number[];
  readonly runner: Runner;
  /** Of all data that are cut into the parts. */
  readonly fingerprint: string;
  readonly parts: CompareParts;
  /** What coalitions are worth unless a method says otherwise. */
  readonly payoff: PayoffKind;
  readonly output: string;
  readonly seeds: readonly number[];
  /** Shape [groups][sizes]: numbers of removed channels at which curves are measured. */
  readonly sizes: readonly (readonly number[])[];
  /** What ran the networks. */
  readonly runtime: string;
}

export interface CompareBench extends CompareSetting {
  readonly pieces: PieceStore;
}

/** One piece of the work, and its place among all of its kind. */
export interface Stage {
  readonly kind: "ranking" | "reference" | "curves" | "network";
  readonly place: number;
  readonly of: number;
  /** What this one is about, such as "shapley, seed 3". */
  readonly about: string;
}

/** Signal and progress for a piece of work. */
export function workOf({ options }: CompareBench, { kind, place, of, about }: Stage): WorkOptions {
  const { signal, onProgress, onRemark } = options;
  signal?.throwIfAborted();
  return {
    signal,
    onRemark,
    onProgress: (progress) =>
      onProgress?.({ ...progress, label: `${kind} ${place} of ${of} (${about}): ${progress.label}` }),
  };
}

/** The payoff on some examples. */
export function payoffOn(
  { analysis, runner, output, options }: CompareSetting,
  dataset: Dataset,
  kind: PayoffKind,
): Promise<PayoffSetup> {
  return preparePayoff(analysis, dataset, runner, { kind, output, signal: options.signal });
}

/** Part of the key of all that is played on some examples. */
export function gameKey(
  { analysis, output, options: { activations } }: CompareBench,
  groups: readonly number[],
  dataset: Dataset,
  payoff: PayoffKind,
): PieceKey {
  const ids = groups.map((group) => analysis.groups[group]!.id);
  const kept = activations === "float16" ? { activations } : {};
  return { groups: ids, examples: dataset.fingerprint, payoff, output, ...kept };
}
