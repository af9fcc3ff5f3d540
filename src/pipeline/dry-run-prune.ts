/** @file The prune command told what it would do: what stays as far as that is known, rounds, repair, tuning, cost. */
import { costModelOf, fullCost } from "../channels/cost.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { type KeepMasks, masksOfPlan } from "../channels/plan.ts";
import { fitToInputs } from "../datasets/index.ts";
import { toFloat32 } from "../passes/to-float32.ts";
import type { DryRun, PlannedStage } from "../report/dry-run-records.ts";
import { sliceModel } from "../surgery/slice.ts";
import { chooseOutput } from "../valuation/targets.ts";
import { checkRemoves } from "./check-prune.ts";
import { exampleSeconds } from "./dry-run-probe.ts";
import { payoffOnFew, trialOn } from "./dry-run-rank.ts";
import { planRanking, type RankingPlan, secondsPerMac } from "./dry-run-ranking.ts";
import { macsOf, repairStage, times } from "./dry-run-stages.ts";
import { planTraining, type TrainingPlan } from "./dry-run-training.ts";
import { onPruneBench } from "./prune.ts";
import type { Bench } from "./prune-bench.ts";
import { pruneChannels } from "./prune-channels.ts";
import { groupsOf, type PruneOptions, ranksWithData, usesRankExamples } from "./prune-options.ts";
import { needsData } from "./rank.ts";
import type { RankContext } from "./rank-context.ts";
import { affordableExamples } from "./refinery-of.ts";
import { countOf, type Survivor, survivorOf } from "./survivor.ts";

/** Runs that latencies are taken over, those for warming up included, and examples in a run of each kind. */
const latencyExamples = 23 * (1 + 32);

/** A network that would be left, or one of its size. */
interface Stand {
  readonly survivor: Survivor;
  /** Whether the numbers of channels are what they would be. */
  readonly isExact: boolean;
}

/** Everything a plan is made from. */
interface Scene {
  readonly options: PruneOptions;
  readonly bench: Bench;
  readonly context: RankContext;
  readonly stand: Stand | undefined;
  readonly rounds: number;
  /** Seconds for one example through the original network; undefined without data. */
  readonly exampleSeconds: number | undefined;
}

/**
 * What `prune` would do with these options, and what it would cost. Writes nothing.
 * @throws {PrunerError} What `prune` throws before it begins.
 */
export function dryRunPrune(options: PruneOptions): Promise<DryRun> {
  return onPruneBench(options, async (bench) => {
    chooseOutput(bench.analysis.model, options.output);
    const context = await contextOf(options, bench);
    const stand = await standFor(options, context);
    const rounds = roundsOf(options, context, stand);
    const scene = { options, bench, context, stand, rounds, exampleSeconds: await speedOf(bench) };
    const ranks = options.plan === undefined && (options.scores === undefined || rounds > 1);
    const ranking = ranks ? await rankingOf(scene) : undefined;
    const tuning = await tuningOf(scene);
    const stages = [
      ...(ranking?.stages ?? []).map((stage) => overRounds(scene, stage)),
      ...repairStages(scene),
      ...(tuning?.stages ?? []).map((stage) => times(stage, rounds)),
      ...figureStages(scene),
    ];
    return {
      ...outline(scene, ranking),
      training: tuning?.training ?? null,
      ...totals(scene, stages, ranking, tuning),
    };
  });
}

async function contextOf(options: PruneOptions, { analysis, parts, runner }: Bench): Promise<RankContext> {
  const { settings, signal } = options;
  const groups = options.plan === undefined ? groupsOf(options, analysis) : [];
  if (parts === undefined || runner === undefined || !ranksWithData(options))
    return { analysis, groups, settings, signal };
  const payoff = await payoffOnFew(options, analysis, parts.rank, runner);
  return { analysis, groups, settings, signal, data: { dataset: parts.rank, payoff, runner } };
}

/** What would stay: as it will be where nothing has to be measured for it, else as chance would choose it. */
async function standFor(options: PruneOptions, context: RankContext): Promise<Stand | undefined> {
  const { plan, budget, minAccuracy, settings, scores, steps = 1 } = options;
  const { analysis } = context;
  if (plan !== undefined) return standOf(analysis, masksOfPlan(analysis, plan), true);
  const { targetMacs, targetParameters, keep, keepChannels } = budget;
  const hasTargets = targetMacs !== undefined || targetParameters !== undefined;
  const hasCounts = keep !== undefined || keepChannels !== undefined;
  if (!hasTargets && !hasCounts) return undefined; // an accuracy floor alone
  const isKnown = steps === 1 && (scores !== undefined || !needsData(settings.criterion));
  const criterion = isKnown && scores === undefined ? settings.criterion : "random";
  const events = pruneChannels({
    ...context,
    data: undefined,
    settings: { criterion, estimator: settings.estimator, seed: settings.seed },
    scores: isKnown ? scores?.groups : undefined,
    prune: { budget, steps: 1 },
  });
  let next = await events.next();
  while (next.done !== true) next = await events.next();
  return standOf(analysis, next.value.masks, minAccuracy === undefined && (isKnown || !hasTargets));
}

function standOf(analysis: ChannelAnalysis, masks: KeepMasks, isExact: boolean): Stand {
  if (isExact) checkRemoves(masks);
  return { survivor: survivorOf(analysis, sliceModel(analysis, masks), masks), isExact };
}

/** Rounds at the most: with --steps all as many as channels go. */
function roundsOf(
  { plan, steps = 1 }: PruneOptions,
  { analysis, groups }: RankContext,
  stand: Stand | undefined,
): number {
  if (plan !== undefined) return 1;
  if (steps !== "all") return steps;
  const left = (group: number) => (stand === undefined ? 1 : countOf(stand.survivor.masks[group]!));
  return groups.reduce((sum, group) => sum + analysis.groups[group]!.channels - left(group), 0);
}

async function speedOf({ runner, parts, analysis }: Bench): Promise<number | undefined> {
  if (runner === undefined || parts === undefined) return undefined;
  return exampleSeconds(runner, analysis.model, parts.evaluate);
}

async function rankingOf({ options, context, bench: { analysis } }: Scene): Promise<RankingPlan> {
  const { data } = context;
  return planRanking(context, await trialOn(options, { analysis, data }));
}

/** A ranking of every round: the network, and with it the work, shrinks from the first to the last. */
function overRounds(scene: Scene, stage: PlannedStage): PlannedStage {
  const { rounds, stand, options } = scene;
  const { budget } = options.settings;
  const isTimed = stage.amount === null && budget !== undefined && "seconds" in budget;
  if (rounds === 1 || isTimed) return stage; // a time is for all rounds together
  const share = macsOf(stand?.survivor.analysis ?? scene.bench.analysis) / macsOf(scene.bench.analysis);
  return { ...times(stage, (rounds * (1 + share)) / 2), amount: stage.amount && stage.amount * rounds };
}

/** Repair in every round. */
function repairStages({ options, bench, stand, rounds, exampleSeconds: each }: Scene): PlannedStage[] {
  const { analysis, parts } = bench;
  if (parts?.calibrate === undefined || each === undefined) return [];
  const { size } = affordableExamples(
    { settings: options.settings, onRemark: undefined },
    analysis,
    parts.calibrate,
  );
  return [repairStage(analysis, rounds * size, macsOf(stand?.survivor.analysis ?? analysis), each)];
}

/** Training of what would be left, tried on a network of that size. */
async function tuningOf(scene: Scene): Promise<TrainingPlan | undefined> {
  const { options, bench, stand, exampleSeconds: each } = scene;
  const { runner, parts, analysis } = bench;
  if (options.tune === undefined || runner === undefined || parts?.tune === undefined || each === undefined)
    return undefined;
  const left = stand?.survivor.analysis ?? analysis;
  const { inputs } = toFloat32(analysis.model).graph;
  const { settings, lesson, teacher } = options.tune;
  return planTraining({
    tune: {
      runner,
      model: left.model,
      parts: { train: fitToInputs(parts.tune, inputs), validate: fitToInputs(parts.validate!, inputs) },
      teacher: teacher ? analysis.model : undefined,
      settings,
      lesson,
      output: options.output,
      signal: options.signal,
    },
    analysis: left,
    exampleSeconds: (each * macsOf(left)) / Math.max(1, macsOf(analysis)),
    teacherSeconds: teacher ? each : undefined,
  });
}

/** Figures before and after and of the stages of each round, then latencies. */
function figureStages({ options, bench, stand, rounds, exampleSeconds: each }: Scene): PlannedStage[] {
  const { parts, analysis, runner } = bench;
  if (each === undefined || parts === undefined) return [];
  const [before, after] = [macsOf(analysis), macsOf(stand?.survivor.analysis ?? analysis)];
  const refinements = Number(parts.calibrate !== undefined) + Number(options.tune !== undefined);
  const looks = 1 + (refinements === 0 ? 0 : rounds * (1 + refinements));
  const stage = (name: string, amount: number, macs: number, slower: number): PlannedStage => ({
    name,
    amount,
    unit: "examples",
    macs,
    seconds: slower * macs * secondsPerMac(analysis, each),
  });
  const { size } = parts.evaluate;
  const figures = stage("figures", size * (1 + looks), size * (before + looks * after), 1);
  if (options.latency === false) return [figures];
  const macs = latencyExamples * (before + after);
  return [figures, stage("latency", 2 * latencyExamples, macs, runner!.workers)]; // one run at a time
}

/** What would happen. */
function outline(
  { options, bench, context, stand, rounds }: Scene,
  ranking: RankingPlan | undefined,
): Pick<DryRun, "dryRun" | "command" | "before" | "after" | "groups" | "scoring" | "rounds" | "examples"> {
  const { analysis, parts } = bench;
  const { criterion, estimator, players } = options.settings;
  const rows = new Map(ranking?.groups.map((group) => [group.id, group.rows]));
  const touched = analysis.groups.flatMap(({ channels }, group) => {
    const stays = stand === undefined ? channels : countOf(stand.survivor.masks[group]!);
    return context.groups.includes(group) || stays < channels ? [group] : [];
  });
  return {
    dryRun: true,
    command: "prune",
    before: fullCost(costModelOf(analysis)),
    after:
      stand === undefined
        ? null
        : { ...fullCost(costModelOf(stand.survivor.analysis)), isExact: stand.isExact },
    groups: touched.map((group) => {
      const { id, channels } = analysis.groups[group]!;
      const kept = stand?.isExact === true ? countOf(stand.survivor.masks[group]!) : null;
      return { id, channels, kept, rows: rows.get(id) ?? null };
    }),
    scoring:
      options.plan !== undefined
        ? null
        : {
            criterion,
            estimator: criterion === "shapley" ? estimator : null,
            ...(players === "joint" && { players }),
            payoff: context.data?.payoff?.kind ?? null,
          },
    rounds,
    examples: parts === undefined ? {} : countsOf(options, parts),
  };
}

function countsOf(options: PruneOptions, parts: NonNullable<Bench["parts"]>): Record<string, number> {
  const ends = {
    "to rank on": usesRankExamples(options) ? parts.rank : undefined,
    "to hold the accuracy": parts.decide,
    "to repair on": parts.calibrate,
    "to tune on": parts.tune,
    "to choose the best epoch": parts.validate,
    "for the final figures": parts.evaluate,
  };
  return Object.fromEntries(
    Object.entries(ends).flatMap(([end, part]) => (part === undefined ? [] : [[end, part.size] as const])),
  );
}

/** What it would cost. */
function totals(
  { options, bench, stand }: Scene,
  stages: readonly PlannedStage[],
  ranking: RankingPlan | undefined,
  tuning: TrainingPlan | undefined,
): Pick<DryRun, "stages" | "seconds" | "workers" | "memoryBytes" | "notes"> {
  const notes = [...(ranking?.notes ?? [])];
  if (options.minAccuracy !== undefined)
    notes.push("How often the accuracy has to be looked at is not known before; the time leaves it out.");
  if (options.grouped === "auto" && bench.analysis.groupedCut.size > 0)
    notes.push(
      "What grouped convolutions and group norms lose is chosen first, by ranking their groups in both forms. The time leaves that out, and what stays is told for equal cuts.",
    );
  if (stand === undefined)
    notes.push("How much goes depends on the accuracy; the time is that of the whole network.");
  if (stand?.isExact === false)
    notes.push("Times of what comes after the ranking are those of a network of about that size.");
  return {
    stages,
    seconds: stages.reduce((sum, { seconds }) => sum + seconds, 0),
    workers: bench.runner?.workers ?? 1,
    memoryBytes: Math.max(ranking?.memoryBytes ?? 0, tuning?.memoryBytes ?? 0),
    notes,
  };
}
