/** @file The prune command: from a model and data (or scores, or a plan) to a smaller model, checked and measured. */

import { PrunerError } from "../base/problem.ts";
import type { Budget } from "../budget/budget.ts";
import { saysHowMuch } from "../budget/budget.ts";
import { checkReachable } from "../budget/choose.ts";
import type { Steps } from "../budget/target.ts";
import { costModelOf } from "../channels/cost.ts";
import { analyzeChannels, type ChannelAnalysis } from "../channels/groups.ts";
import { type KeepMasks, masksOfPlan, type PrunePlan, planOfMasks } from "../channels/plan.ts";
import type { Dataset } from "../datasets/index.ts";
import { divergence, type Measurement, measure } from "../evaluation/measure.ts";
import { type SliceCheck, verifySlice } from "../evaluation/verify-slice.ts";
import { openBatch } from "../passes/open-batch.ts";
import type { Selection } from "../ranking/select-groups.ts";
import type { GroupScores, ModelFigures } from "../report/records.ts";
import { sliceModel } from "../surgery/slice.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Runner } from "../valuation/runner.ts";
import { chooseOutput } from "../valuation/targets.ts";
import { checkOutputs } from "./check-outputs.ts";
import { figuresOf } from "./figures.ts";
import { type LoadedModel, runnable, sizeOnDisk } from "./load-model.ts";
import type { WorkOptions } from "./progress.ts";
import { pruneChannels } from "./prune-channels.ts";
import { randomFeeds } from "./random-feeds.ts";
import { needsData, payoffFor, rankableGroups, report, reportCaching } from "./rank.ts";
import type { RankSettings } from "./rank-groups.ts";
import type { PruneEvent, PruneOutcome } from "./removal.ts";
import { type Scores, writeJson } from "./scores-file.ts";
import {
  cutData,
  type DataParts,
  type DataSettings,
  openFor,
  type PayoffSettings,
  type RuntimeSettings,
  startRuntime,
} from "./settings.ts";
import { timeModels } from "./time-models.ts";
import { withProvenance, writeOutput } from "./write-model.ts";

export interface PruneOptions extends PayoffSettings, RuntimeSettings, WorkOptions {
  readonly model: LoadedModel;
  readonly out: string;
  readonly data?: DataSettings | undefined;
  /** Examples for the final figures alone; left out, a part of `data` is kept for them. */
  readonly testData?: DataSettings | undefined;
  readonly settings: RankSettings;
  readonly selection?: Selection | undefined;
  readonly budget: Budget;
  readonly steps?: Steps | undefined;
  readonly minAccuracy?: number | undefined;
  /** Applies this plan instead of ranking. */
  readonly plan?: PrunePlan | undefined;
  /** Scores of an earlier ranking of this model, used instead of ranking again. */
  readonly scores?: Scores | undefined;
  /** File the plan goes to. */
  readonly savePlan?: string | undefined;
  /** Compare sliced with masked on real or random inputs. Default true. */
  readonly verify?: boolean | undefined;
  /** Measure latency. Default true. */
  readonly latency?: boolean | undefined;
}

export interface PruneResult {
  readonly schemaVersion: 1;
  readonly before: ModelFigures;
  readonly after: ModelFigures;
  readonly plan: PrunePlan;
  readonly groups: readonly { readonly id: string; readonly channels: number; readonly kept: number }[];
  readonly check: SliceCheck | null;
  /** Rows spent on ranking, all rounds together. */
  readonly rows: number;
  readonly steps: number;
  readonly reached: boolean;
  readonly stoppedBy: PruneOutcome["stoppedBy"] | "plan";
  readonly examples: { readonly rank: number; readonly evaluate: number } | null;
  readonly out: string;
}

interface Bench {
  readonly analysis: ChannelAnalysis;
  readonly runner: Runner | undefined;
  readonly parts: DataParts | undefined;
}

/**
 * Prunes a model and writes the result. Nothing is written unless the smaller model passed its check.
 * @throws {PrunerError} Everything models, data, rankings and budgets can complain about; `nothing-removed`,
 *   `slice-differs`, `interrupted`.
 */
export async function prune(options: PruneOptions): Promise<PruneResult> {
  checkCombination(options);
  await checkOutputs({ out: options.out, "save-plan": options.savePlan }, inputsOf(options));
  const analysis = runnable(options.model);
  checkAmounts(options, analysis);
  const wantsRuntime =
    options.data !== undefined ||
    options.verify !== false ||
    options.latency !== false ||
    ranksWithData(options);
  const parts = await openParts(options, analysis);
  const runner = wantsRuntime ? await startRuntime(options) : undefined;
  try {
    return await pruneWith(options, { analysis, runner, parts });
  } catch (error) {
    if (options.signal?.aborted !== true || error instanceof PrunerError) throw error;
    throw new PrunerError(
      "interrupted",
      {
        next: "Nothing was written. A ranking that can be continued is made with rank --out and used with prune --scores.",
      },
      { cause: error },
    );
  } finally {
    await runner?.close();
  }
}

function inputsOf({ model, data, testData }: PruneOptions): (string | false | undefined)[] {
  return [...model.files, data?.path, data?.labels, testData?.path, testData?.labels];
}

/** A plan that does not fit and targets out of reach are told before anything is measured or ranked. */
function checkAmounts(options: PruneOptions, analysis: ChannelAnalysis): void {
  const { plan, budget } = options;
  if (plan !== undefined) checkRemoves(masksOfPlan(analysis, plan));
  else if (saysHowMuch(budget))
    checkReachable(analysis, costModelOf(analysis), groupsOf(options, analysis), budget);
}

/** @throws {PrunerError} `nothing-removed` when every channel stays. */
function checkRemoves(masks: KeepMasks): void {
  if (masks.every((mask) => !mask.includes(0))) throw new PrunerError("nothing-removed", {});
}

function ranksWithData({ plan, scores, steps, settings }: PruneOptions): boolean {
  return plan === undefined && (scores === undefined || (steps ?? 1) !== 1) && needsData(settings.criterion);
}

function checkCombination(options: PruneOptions): void {
  const { plan, scores, budget, minAccuracy, data, model } = options;
  const refuse = (detail: string): never => {
    throw new PrunerError("usage", { detail });
  };
  const { settings, steps } = options;
  if (steps === "all" && settings.budget !== undefined && "seconds" in settings.budget)
    refuse("--budget: a time cannot be shared out over --steps all; give rows for each group, such as 10k.");
  const asks = saysHowMuch(budget) || minAccuracy !== undefined;
  if (plan !== undefined && (asks || scores !== undefined))
    refuse("--plan says what stays: leave out targets, --min-accuracy and --scores.");
  if (plan === undefined && !asks) throw new PrunerError("budget-missing", {});
  if (scores !== undefined && scores.model !== model.hash)
    refuse("--scores: these scores belong to another model (its hash differs). Rank this one again.");
  if (minAccuracy !== undefined && data === undefined)
    refuse("--min-accuracy needs labelled --data to judge the accuracy by.");
  if (data === undefined && ranksWithData(options))
    throw new PrunerError("criterion-needs-data", { criterion: options.settings.criterion });
}

async function openParts(options: PruneOptions, analysis: ChannelAnalysis): Promise<DataParts | undefined> {
  if (options.data === undefined) {
    if (options.testData === undefined) return undefined;
    const evaluate = await openFor(analysis, options.testData);
    return { rank: evaluate, decide: undefined, evaluate };
  }
  const data = await openFor(analysis, options.data);
  const test = options.testData === undefined ? undefined : await openFor(analysis, options.testData);
  if (!ranksWithData(options) && options.minAccuracy === undefined)
    return { rank: data, decide: undefined, evaluate: test ?? data };
  return cutData(data, test, options.settings.seed, options.minAccuracy !== undefined);
}

async function pruneWith(options: PruneOptions, bench: Bench): Promise<PruneResult> {
  const { analysis } = bench;
  const output = chooseOutput(analysis.model, options.output);
  const before = await measureOn(options, bench, analysis, output, "original");
  const outcome = await decide(options, bench);
  checkRemoves(outcome.masks);
  const sliced = sliceModel(options.model.analysis, outcome.masks);
  const after = sliced === options.model.analysis.model ? analysis : analyzeChannels(openBatch(sliced));
  const feeds = (batch: number) => feedsOf(bench, batch);
  const check =
    options.verify === false || bench.runner === undefined
      ? null
      : await verifySlice(bench.runner, analysis, outcome.masks, after.model, feeds(8));
  const quality = await measureOn(options, bench, after, output, "pruned");
  const plan = planOfMasks(options.model.analysis, outcome.masks);
  const bytesBefore = await sizeOnDisk(options.model);
  const [timedBefore, timedAfter] = await timeModels([analysis, after], feeds, options);
  const bytes = await writeOutput(withProvenance(sliced, plan, options.model.hash), options.out);
  if (options.savePlan !== undefined) await writeJson(options.savePlan, plan);
  const apart =
    before !== undefined && quality !== undefined
      ? divergence(before, quality, analysis.model, output)
      : undefined;
  return {
    schemaVersion: 1,
    before: figuresOf({
      analysis,
      bytes: bytesBefore,
      measurement: before,
      latencies: timedBefore,
    }),
    after: figuresOf({
      analysis: after,
      bytes,
      measurement: quality,
      divergence: apart,
      latencies: timedAfter,
    }),
    plan,
    groups: analysis.groups.flatMap(({ id, channels, fixedChannels }, k) => {
      const kept = outcome.masks[k]!.reduce((sum, stays) => sum + stays, 0) + fixedChannels;
      return channels === 0 ? [] : [{ id, channels: channels + fixedChannels, kept }];
    }),
    check,
    rows: outcome.rankings.flat().reduce((sum, scores) => sum + scores.rows, 0),
    steps: outcome.steps,
    reached: outcome.reached,
    stoppedBy: outcome.stoppedBy,
    examples:
      bench.parts === undefined
        ? null
        : { rank: ranksWithData(options) ? bench.parts.rank.size : 0, evaluate: bench.parts.evaluate.size },
    out: options.out,
  };
}

interface Decision extends Pick<PruneOutcome, "masks" | "reached" | "steps"> {
  readonly stoppedBy: PruneResult["stoppedBy"];
  readonly rankings: readonly (readonly GroupScores[])[];
}

async function decide(options: PruneOptions, bench: Bench): Promise<Decision> {
  if (options.plan !== undefined) {
    return {
      masks: masksOfPlan(bench.analysis, options.plan),
      reached: true,
      steps: 0,
      stoppedBy: "plan",
      rankings: [],
    };
  }
  const { analysis, runner, parts } = bench;
  const data =
    parts === undefined || runner === undefined || !ranksWithData(options)
      ? undefined
      : { dataset: parts.rank, payoff: await payoffFor(options, analysis, parts.rank, runner), runner };
  const groups = groupsOf(options, analysis);
  const events = pruneChannels({
    analysis,
    groups,
    settings: options.settings,
    data,
    signal: options.signal,
    onCached: reportCaching(options),
    prune: { budget: options.budget, steps: options.steps ?? 1, minAccuracy: options.minAccuracy },
    scores: options.scores?.groups,
    accuracyOf: options.minAccuracy === undefined ? undefined : await accuracyJudge(options, bench),
  });
  for (let next = await events.next(); ; next = await events.next()) {
    if (next.done === true) return next.value;
    remark(options, next.value);
  }
}

/** Groups channels may go from. */
function groupsOf(options: PruneOptions, analysis: ChannelAnalysis): number[] {
  return options.scores === undefined
    ? rankableGroups(analysis, options.selection)
    : scoredGroups(options, analysis);
}

/** Groups that the scores speak of, cut down to the selection. */
function scoredGroups({ scores, selection }: PruneOptions, analysis: ChannelAnalysis): number[] {
  const known = new Map(scores!.groups.map((group) => [group.id, group.values.length]));
  const groups = rankableGroups(analysis, selection).filter(
    (group) => known.get(analysis.groups[group]!.id) === analysis.groups[group]!.channels,
  );
  if (groups.length === 0) throw new PrunerError("nothing-selected", { groups: analysis.groups.length });
  return groups;
}

/** Accuracy of a plan on the examples kept for decisions. @throws {PrunerError} `floor-not-held` when even the original is below the floor. */
async function accuracyJudge(
  options: PruneOptions,
  { analysis, runner, parts }: Bench,
): Promise<(masks: KeepMasks) => Promise<number>> {
  const floor = options.minAccuracy!;
  const examples = parts!.decide!;
  const output = chooseOutput(analysis.model, options.output);
  const judge = async (model: ChannelAnalysis["model"]) => {
    const { accuracy } = await measure(runner!, model, examples, { output, signal: options.signal });
    if (accuracy === undefined) throw new PrunerError("labels-missing", { path: examples.name });
    return accuracy.value;
  };
  const original = await judge(analysis.model);
  if (original < floor) throw new PrunerError("floor-not-held", { floor, accuracy: original });
  return async (masks) =>
    masks.every((mask) => !mask.includes(0)) ? original : judge(sliceModel(analysis, masks));
}

function remark(options: PruneOptions, event: PruneEvent): void {
  if (event.kind !== "step") {
    report(options, event);
    return;
  }
  const { choice, accuracy, step } = event;
  if (accuracy === null && (options.steps ?? 1) === 1) return;
  const held = accuracy === null ? "" : `, accuracy ${(100 * accuracy).toFixed(2)}%`;
  options.onRemark?.(`step ${step}: ${Math.round(choice.cost.macs).toLocaleString("en")} MACs left${held}`);
}

async function measureOn(
  options: PruneOptions,
  { runner, parts }: Bench,
  { model }: ChannelAnalysis,
  output: string,
  which: string,
): Promise<Measurement | undefined> {
  if (runner === undefined || parts === undefined) return undefined;
  const { signal, onProgress } = options;
  return measure(runner, model, parts.evaluate, {
    output,
    signal,
    onBatch: (done, total) =>
      onProgress?.({ label: `evaluating the ${which} model`, done, total, unit: "examples" }),
  });
}

/** A batch of real examples where there are data, of random numbers otherwise. */
function feedsOf({ analysis, parts }: Bench, batch: number): Readonly<Record<string, Tensor>> {
  const examples: Dataset | undefined = parts?.evaluate;
  if (examples === undefined) return randomFeeds(analysis, batch);
  return examples.batch(Array.from({ length: batch }, (_, k) => k % examples.size));
}
