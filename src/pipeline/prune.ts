/** @file The prune command: from a model and data (or scores, or a plan) to a smaller model, checked and measured. */
import { PrunerError } from "../base/problem.ts";
import { analyzeChannels } from "../channels/groups.ts";
import { type KeepMasks, type PrunePlan, planOfMasks } from "../channels/plan.ts";
import { divergence } from "../evaluation/measure.ts";
import { verifySlice } from "../evaluation/verify-slice.ts";
import { checkGraph } from "../graph/check.ts";
import type { Model } from "../graph/model.ts";
import { pairedAccuracy } from "../metrics/index.ts";
import { openBatch } from "../passes/open-batch.ts";
import { reopenCaches } from "../passes/reopen-caches.ts";
import { sliceModel } from "../surgery/slice.ts";
import { chooseOutput } from "../valuation/targets.ts";
import { checkOutputs } from "./check-outputs.ts";
import { checkAmounts, checkCombination, checkRemoves } from "./check-prune.ts";
import { settleGroupedCuts } from "./choose-grouped-cuts.ts";
import { decide } from "./decide.ts";
import { figuresOf } from "./figures.ts";
import { type LoadedModel, runnable, sizeOnDisk } from "./load-model.ts";
import { type Bench, feedsOf, measureOn, openParts } from "./prune-bench.ts";
import { checkpointOf, isThere, openPruneCheckpoint, removeCheckpoint } from "./prune-checkpoint.ts";
import { inputsOf, type PruneOptions } from "./prune-options.ts";
import { type PruneResult, resultOf } from "./prune-result.ts";
import { refineryOf } from "./refinery-of.ts";
import { writeJson } from "./scores-file.ts";
import { startRuntime } from "./settings.ts";
import { timeLayers } from "./time-layers.ts";
import { timeModels } from "./time-models.ts";
import { withProvenance, writeOutput } from "./write-model.ts";

/**
 * Prunes a model and writes the result. Nothing is written unless the smaller model passed its check.
 * @throws {PrunerError} Everything models, data, rankings and budgets can complain about; `nothing-removed`,
 *   `slice-differs`, `interrupted`.
 */
export async function prune(options: PruneOptions): Promise<PruneResult> {
  return onPruneBench(options, (bench) => pruneWith(options, bench));
}

/**
 * Checks what a pruning is told, opens and cuts its data and does the work; the runtime is closed afterwards.
 * @throws {PrunerError} As `prune`.
 */
export async function onPruneBench<T>(options: PruneOptions, work: (bench: Bench) => Promise<T>): Promise<T> {
  checkCombination(options);
  await checkOutputs({ out: options.out, "save-plan": options.savePlan }, inputsOf(options));
  const analysis = runnable(options.model);
  checkAmounts(options, analysis);
  const parts = await openParts(options, analysis);
  const wantsRuntime = parts !== undefined || options.verify !== false || options.latency !== false;
  const runner = wantsRuntime ? await startRuntime(options) : undefined;
  try {
    return await work({ analysis, runner, parts });
  } catch (error) {
    if (options.signal?.aborted !== true || error instanceof PrunerError) throw error;
    throw new PrunerError("interrupted", { next: await nextAfter(options) }, { cause: error });
  } finally {
    await runner?.close();
  }
}

/** How to go on after an interruption. */
async function nextAfter(options: PruneOptions): Promise<string> {
  const path = checkpointOf(options);
  const isKept = options.tune !== undefined && (await isThere(path));
  return isKept
    ? `What was finished is in ${path}. Run the same command with --resume to continue.`
    : "Nothing was written. A ranking that can be continued is made with rank --out and used with prune --scores.";
}

async function pruneWith(asked: PruneOptions, given: Bench): Promise<PruneResult> {
  const { options, bench, grouped } = await settleGroupedCuts(asked, given);
  const { analysis, runner } = bench;
  const { model, out, savePlan, verify } = options;
  const output = chooseOutput(analysis.model, options.output);
  const checkpoint = await openPruneCheckpoint(options, analysis, bench.parts);
  const original = await measureOn(options, bench, analysis, output, "original");
  const refinery = refineryOf(options, bench, output, checkpoint);
  const decision = await decide(options, bench, refinery, checkpoint);
  checkRemoves(decision.masks);
  const sliced = sliceModel(model.analysis, decision.masks);
  const cut = analyzeChannels(openBatch(sliced), model.analysis);
  const smaller = decision.left === undefined ? cut : decision.left.analysis;
  const feeds = (batch: number) => feedsOf(bench, batch);
  const check =
    verify === false || runner === undefined
      ? null
      : await verifySlice(runner, analysis, decision.masks, cut.model, feeds(8));
  const pruned = await measureOn(options, bench, smaller, output, "pruned");
  const plan = planOf(model, decision.masks);
  const bytesBefore = await sizeOnDisk(model);
  const [timedBefore, timedAfter] = await timeModels([analysis, smaller], feeds, options);
  const layerTimes = await timeLayers([analysis, smaller], feeds, [timedBefore, timedAfter], options);
  const whole = decision.left === undefined ? sliced : asDeclared(smaller.model, sliced);
  const { model: result, shrunk: caches } =
    model.closed === undefined ? { model: whole, shrunk: null } : reopenCaches(whole, model.closed);
  const bytes = await writeOutput(withProvenance(checkGraph(result), plan, model.hash), out);
  if (savePlan !== undefined) await writeJson(savePlan, plan);
  if (checkpoint !== undefined) await removeCheckpoint(checkpointOf(options));
  const apart =
    original !== undefined && pruned !== undefined
      ? divergence(original, pruned, analysis.model, output)
      : undefined;
  const [first, second] = [original?.correct, pruned?.correct];
  return resultOf(options, bench, {
    accuracyChange: first !== undefined && second !== undefined ? pairedAccuracy(first, second) : null,
    before: figuresOf({ analysis, bytes: bytesBefore, measurement: original, latencies: timedBefore }),
    after: figuresOf({
      analysis: smaller,
      bytes,
      measurement: pruned,
      divergence: apart,
      latencies: timedAfter,
    }),
    plan,
    check,
    rounds: refinery?.rounds ?? [],
    grouped,
    caches,
    layerTimes,
    decision,
  });
}

function planOf({ analysis, closed }: LoadedModel, masks: KeepMasks): PrunePlan {
  const plan = planOfMasks(analysis, masks);
  return closed === undefined ? plan : { ...plan, caches: "shrink" };
}

/** The refined network with inputs and outputs as the file declares them, where its batch was opened for the work. */
function asDeclared(refined: Model, { graph }: Model): Model {
  return { ...refined, graph: { ...refined.graph, inputs: graph.inputs, outputs: graph.outputs } };
}
