/** @file The rank command: scores for every group of a model, resumable, with running estimates. */

import { rm } from "node:fs/promises";
import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { criteria } from "../criteria/index.ts";
import type { Dataset } from "../datasets/index.ts";
import { runtimeVersion } from "../engine/ort/load.ts";
import type { EstimatorState } from "../estimators/index.ts";
import { type Selection, selectGroups } from "../ranking/select-groups.ts";
import type { Runner } from "../valuation/runner.ts";
import { type PayoffSetup, prepareGradientPayoff, preparePayoff } from "../valuation/targets.ts";
import { checkOutputs } from "./check-outputs.ts";
import { prunableGroups } from "./inspect.ts";
import { type LoadedModel, runnable } from "./load-model.ts";
import type { WorkOptions } from "./progress.ts";
import { checkPlays, type RankContext, type RankEvent, type RankSettings } from "./rank-context.ts";
import { rankGroups } from "./rank-groups.ts";
import { openGroupOf } from "./rank-together.ts";
import {
  headerOf,
  type PartialScores,
  partialPath,
  readPartial,
  type Scores,
  type ScoresHeader,
  scoresDocument,
  writeJson,
} from "./scores-file.ts";
import {
  type DataSettings,
  openFor,
  type PayoffSettings,
  type RuntimeSettings,
  startRuntime,
} from "./settings.ts";

export interface RankOptions extends PayoffSettings, RuntimeSettings, WorkOptions {
  readonly model: LoadedModel;
  readonly data?: DataSettings | undefined;
  readonly settings: RankSettings;
  readonly selection?: Selection | undefined;
  /** File the scores go to; the state of an interrupted run is kept beside it. */
  readonly out?: string | undefined;
  /** Continue what an interrupted run with the same settings and output left. */
  readonly resume?: boolean | undefined;
  /** Milliseconds between two saves of the state of a run with `out`. Default 2,000. */
  readonly saveEveryMs?: number | undefined;
}

/** Whether a criterion looks at data. */
export function needsData(criterion: RankSettings["criterion"]): boolean {
  if (criterion === "shapley") return true;
  const { needs } = criteria[criterion];
  return needs === "activations" || needs === "gradients";
}

/** The groups asked for that have something to remove. @throws {PrunerError} `nothing-prunable`, `unknown-group`, `nothing-selected`. */
export function rankableGroups(analysis: ChannelAnalysis, selection: Selection = {}): number[] {
  const prunable = new Set(prunableGroups(analysis));
  if (prunable.size === 0) throw new PrunerError("nothing-prunable", { groups: analysis.groups.length });
  const selected = selectGroups(analysis.groups, selection).filter((group) => prunable.has(group));
  if (selected.length === 0) throw new PrunerError("nothing-selected", { groups: analysis.groups.length });
  return selected;
}

/**
 * Ranks channels.
 * @throws {PrunerError} Everything models, data, criteria, games and estimators can complain about; `interrupted`
 *   (with the state saved when there is an output file) once `signal` fires.
 */
export async function rank(options: RankOptions): Promise<Scores> {
  return onRankBench(options, payoffFor, (bench) => rankWith(options, bench));
}

/** What a ranking works on. */
export interface RankBench {
  readonly analysis: ChannelAnalysis;
  readonly groups: readonly number[];
  /** Absent when the criterion needs neither data nor a runtime. */
  readonly data: RankContext["data"];
}

/**
 * Checks what a ranking is told, opens its data and does the work; the runtime is closed afterwards.
 * @throws {PrunerError} As `rank`.
 */
export async function onRankBench<T>(
  options: RankOptions,
  prepare: typeof payoffFor,
  work: (bench: RankBench) => Promise<T>,
): Promise<T> {
  checkPlays(options.settings);
  await checkPlaces(options);
  const analysis = runnable(options.model);
  const groups = rankableGroups(analysis, options.selection);
  if (!needsData(options.settings.criterion)) return work({ analysis, groups, data: undefined });
  if (options.data === undefined)
    throw new PrunerError("criterion-needs-data", { criterion: options.settings.criterion });
  const dataset = await openFor(analysis, options.data, options);
  const runner = await startRuntime(options);
  try {
    const payoff = await prepare(options, analysis, dataset, runner);
    return await work({ analysis, groups, data: { dataset, payoff, runner } });
  } finally {
    await runner.close();
  }
}

async function checkPlaces({ out, resume, data, model }: RankOptions): Promise<void> {
  if (resume === true && out === undefined)
    throw new PrunerError("usage", { detail: "--resume continues what --out left: give --out as well." });
  const state = out === undefined ? undefined : partialPath(out);
  await checkOutputs({ out, "out (its state)": state }, [...model.files, data?.path, data?.labels]);
}

/** What games are played for and gradients are taken of; other criteria have no payoff. */
export async function payoffFor(
  options: PayoffSettings & WorkOptions & { readonly settings: RankSettings },
  analysis: ChannelAnalysis,
  dataset: Dataset,
  runner: Runner,
): Promise<PayoffSetup | undefined> {
  const { payoff: kind, output, signal, onRemark } = options;
  const { criterion } = options.settings;
  if (criterion === "shapley") return preparePayoff(analysis, dataset, runner, { kind, output, signal });
  if (criteria[criterion].needs !== "gradients") return undefined;
  if (kind === undefined && dataset.labels === undefined)
    onRemark?.(
      "no labels: gradients are taken of the log-probability of the class the model itself predicts",
    );
  return prepareGradientPayoff(analysis, dataset, runner, { kind, output, signal });
}

async function rankWith(options: RankOptions, { analysis, groups, data }: RankBench): Promise<Scores> {
  const { settings, signal, out } = options;
  const header = rankHeader(options, analysis, groups, data);
  const left = options.resume === true && out !== undefined ? await readPartial(out, header) : undefined;
  const context: RankContext = {
    analysis,
    groups,
    settings,
    data,
    signal,
    onMeasured: reportMeasuring(options),
    onRemark: options.onRemark,
    resume:
      left === undefined
        ? undefined
        : {
            finished: left.finished,
            current: left.current ?? undefined,
            open: left.open,
            asked: left.asked,
          },
  };
  const keeper = stateKeeper(out, header, left, options.saveEveryMs);
  const events = rankGroups(context);
  try {
    for (let next = await events.next(); ; next = await events.next()) {
      if (next.done === true) {
        const scores = scoresDocument(header, next.value);
        if (out !== undefined) await writeJson(out, scores);
        await keeper.drop();
        return scores;
      }
      report(options, next.value);
      await keeper.see(next.value);
    }
  } catch (error) {
    if (signal?.aborted !== true) throw error;
    await keeper.save();
    const next =
      out === undefined
        ? "With --out the state would have been kept, to be continued with --resume."
        : "Run the same command with --resume to continue.";
    throw new PrunerError("interrupted", { next }, { cause: error });
  }
}

function rankHeader(
  options: RankOptions,
  analysis: ChannelAnalysis,
  groups: readonly number[],
  data: RankContext["data"],
): ScoresHeader {
  const { criterion, estimator, players, seed, memory: _, ...settings } = options.settings;
  return headerOf({
    runtime: data === undefined ? null : runtimeText(options),
    model: options.model.hash,
    data: data === undefined ? null : { fingerprint: data.dataset.fingerprint, examples: data.dataset.size },
    criterion,
    estimator: criterion === "shapley" ? estimator : null,
    ...(players === "joint" && { players }),
    payoff: data?.payoff?.kind ?? null,
    output: data?.payoff?.output ?? null,
    ...(data?.payoff?.labels !== undefined && { labels: data.payoff.labels }),
    seed,
    settings,
    groupIds: groups.map((group) => analysis.groups[group]!.id),
  });
}

/** What ran the networks, as far as it can change a number's last digits. */
function runtimeText({ providers, threads = 1 }: RuntimeSettings): string {
  const on = providers === undefined ? "" : ` on ${providers.join(", ")}`;
  return `${runtimeVersion()}${on}${threads === 1 ? "" : `, ${threads} threads a run`}`;
}

/** Milliseconds between two saves of a run's state. */
const defaultSaveEveryMs = 2000;

interface StateKeeper {
  see(event: RankEvent): Promise<void>;
  save(): Promise<void>;
  drop(): Promise<void>;
}

/** Keeps on disk what a run has, often enough that a kill costs little. */
function stateKeeper(
  out: string | undefined,
  header: ScoresHeader,
  left: PartialScores | undefined,
  saveEveryMs = defaultSaveEveryMs,
): StateKeeper {
  const finished = new Map(left?.finished.map((scores) => [scores.id, scores]));
  let current: (() => EstimatorState | null) | undefined = left && (() => left.current);
  const open = new Map((left?.open ?? []).map((group) => [group.id, () => group]));
  let asked = left?.asked ?? [];
  let savedAt = performance.now();
  const save = async () => {
    if (out === undefined) return;
    savedAt = performance.now();
    const state: PartialScores = {
      header,
      finished: [...finished.values()],
      current: current?.() ?? null,
      ...(open.size > 0 && { open: [...open.values()].map((group) => group()), asked }),
    };
    await writeJson(partialPath(out), state);
  };
  return {
    async see(event) {
      if (event.kind === "finished") {
        if (finished.has(event.scores.id)) return; // left by the run before
        finished.set(event.scores.id, event.scores);
        if (header.players !== "joint") current = undefined; // a joint game ends for all its groups at once
      } else if (event.together !== undefined) {
        open.set(event.group, () => openGroupOf(event.group, event.estimate));
        ({ asked } = event.together);
      } else current = event.estimate.state;
      if (performance.now() - savedAt > saveEveryMs) await save();
    },
    save,
    drop: async () => {
      if (out !== undefined) await rm(partialPath(out), { force: true });
    },
  };
}

/** Progress of a ranking event. */
export function report({ onProgress, onRemark }: WorkOptions, event: RankEvent): void {
  if (event.kind === "estimate") {
    const { group, estimate, budget, together } = event;
    const done = together?.rows ?? estimate.rows;
    const note = together?.note;
    onProgress?.({ label: group, done, total: Math.max(budget, done), unit: "rows", note });
    if (estimate.stoppedBy === "settled") onRemark?.(`${group}: settled after ${estimate.rows} rows`);
  }
}

/** Progress while gradients are computed. */
export function reportMeasuring({ onProgress }: WorkOptions): NonNullable<RankContext["onMeasured"]> {
  return (done, total) => onProgress?.({ label: "gradients", done, total, unit: "examples" });
}
