/** @file What a ranking would play, and what that costs: games, rows, multiply-accumulates, memory, time. */
import { freemem } from "node:os";
import { PrunerError } from "../base/problem.ts";
import { macsByNode } from "../channels/cost.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { criteria } from "../criteria/index.ts";
import type { Dataset } from "../datasets/index.ts";
import { concreteShape } from "../graph/dims.ts";
import type { PlannedGroup, PlannedStage } from "../report/dry-run-records.ts";
import { bytes, whole } from "../report/format.ts";
import { bytesPerElement } from "../tensor/dtype.ts";
import { sizeOf } from "../tensor/tensor.ts";
import type { ActivationType } from "../valuation/halves.ts";
import { rowsPerBatch } from "../valuation/lay-out.ts";
import { cutTail, type Tail } from "../valuation/tail.ts";
import type { PayoffSetup } from "../valuation/targets.ts";
import { rowSeconds, secondsByMacs } from "./dry-run-probe.ts";
import { type PlannedGame, plannedGames } from "./rank-budget.ts";
import type { RankContext } from "./rank-context.ts";

export interface RankingPlan {
  readonly groups: readonly PlannedGroup[];
  readonly stages: readonly PlannedStage[];
  /** Bytes of the activations that are kept at once. */
  readonly memoryBytes: number;
  /** What the figures do not show. */
  readonly notes: readonly string[];
}

/** What trials are made on: few examples, and what is known of the network's speed. */
export interface Trial {
  readonly dataset: Dataset;
  readonly payoff: PayoffSetup | undefined;
  /** Seconds for one example through the whole network. */
  readonly exampleSeconds: number;
}

/**
 * @param context As `rankGroups` takes it, with the examples and the runtime of the run.
 * @param trial Left out for criteria that read weights alone.
 * @throws {PrunerError} What the games of the run would refuse before they begin.
 */
export async function planRanking(context: RankContext, trial: Trial | undefined): Promise<RankingPlan> {
  const { analysis, groups, settings, data } = context;
  const listed = groups.map((group): PlannedGroup => {
    const { id, channels } = analysis.groups[group]!;
    return { id, channels, kept: null, rows: null };
  });
  if (data === undefined || trial === undefined)
    return { groups: listed, stages: [], memoryBytes: 0, notes: [] };
  if (settings.criterion !== "shapley")
    return { groups: listed, stages: [passesOver(context, trial)], memoryBytes: 0, notes: [] };
  const games = plannedGames(context, data.dataset.size).map((game) => ({
    ...game,
    ...gameCost(analysis, game.groups, data.payoff!.output, settings.activations),
  }));
  const memory = memoryOf(context, games);
  const stages = [activationsStage(context, games, trial), await playStage(context, games, trial)];
  const rowsOf = new Map(games.flatMap((game) => shareOut(context, game)));
  return {
    groups: listed.map((group, k) => ({ ...group, rows: rowsOf.get(groups[k]!) ?? null })),
    stages: stages.filter(({ amount }) => amount !== 0),
    ...memory,
  };
}

/** What a game costs. */
export interface GameCost {
  /** Multiply-accumulates of a row, and of the part of the network in front of the masks. */
  readonly rowMacs: number;
  readonly prefixMacs: number;
  /** Bytes of activations kept for each example, … */
  readonly exampleBytes: number;
  /** … and of the same in a run. */
  readonly runBytes: number;
}

type MeasuredGame = PlannedGame & GameCost;

/** What a game of these groups costs, for the output its payoff reads. @param activations What they are kept in. */
export function gameCost(
  analysis: ChannelAnalysis,
  groups: readonly number[],
  output: string,
  activations: ActivationType = "float32",
): GameCost {
  const parts = cutTail(analysis, groups, output);
  const macs = macsByNode(analysis);
  const within = (nodes: Tail["tail"] | undefined) =>
    (nodes?.graph.nodes ?? []).reduce((sum, { outputs }) => sum + (macs.get(outputs[0]!) ?? 0), 0);
  return {
    rowMacs: within(parts.tail),
    prefixMacs: within(parts.prefix),
    exampleBytes: parts.cached.reduce((sum, name) => sum + valueBytes(analysis, name, activations), 0),
    runBytes: parts.cached.reduce((sum, name) => sum + valueBytes(analysis, name), 0),
  };
}

/** Bytes of a value for one example; 0 where its size is open. @param type What values in float32 are kept in. */
export function valueBytes(
  { facts }: ChannelAnalysis,
  name: string,
  type: ActivationType = "float32",
): number {
  const fact = facts.get(name);
  const shape = concreteShape(fact?.shape?.slice(1));
  if (fact?.dtype === undefined || shape === undefined) return 0;
  return bytesPerElement(fact.dtype === "float32" ? type : fact.dtype) * sizeOf(shape);
}

/**
 * What is kept at once, and which games keep a part of it only.
 * @throws {PrunerError} `activations-too-large` where the run would refuse.
 */
function memoryOf(
  { analysis, settings, data }: RankContext,
  games: readonly MeasuredGame[],
): Pick<RankingPlan, "memoryBytes" | "notes"> {
  const { memory: available = freemem() / 2 } = settings;
  const examples = data!.dataset.size;
  const notes: string[] = [];
  let memoryBytes = 0;
  for (const { exampleBytes, runBytes, groups } of games) {
    const group = analysis.groups[groups[0]!]!.id;
    const most = Math.min(examples, rowsPerBatch(runBytes));
    const needed = exampleBytes * most;
    if (needed > available)
      throw new PrunerError("activations-too-large", {
        needed,
        available,
        group,
        examples: most,
        isHalvable: settings.activations !== "float16",
      });
    const all = exampleBytes * examples;
    memoryBytes = Math.max(memoryBytes, Math.min(all, available));
    if (all <= available) continue;
    const kept = Math.floor(available / exampleBytes);
    notes.push(
      `Group "${group}": activations of ${whole(kept)} of ${whole(examples)} examples are kept (all take ${bytes(all)}), the others are computed whenever they are needed; the time leaves that out.`,
    );
  }
  return { memoryBytes: Math.floor(memoryBytes), notes };
}

function activationsStage(
  { analysis, data }: RankContext,
  games: readonly MeasuredGame[],
  { exampleSeconds }: Trial,
): PlannedStage {
  const examples = data!.dataset.size * games.filter(({ prefixMacs }) => prefixMacs > 0).length;
  const macs = data!.dataset.size * games.reduce((sum, { prefixMacs }) => sum + prefixMacs, 0);
  const seconds = macs * secondsPerMac(analysis, exampleSeconds);
  return { name: "activations", amount: examples, unit: "examples", macs, seconds };
}

export function secondsPerMac(analysis: ChannelAnalysis, exampleSeconds: number): number {
  const whole = [...macsByNode(analysis).values()].reduce((sum, macs) => sum + macs, 0);
  return exampleSeconds / Math.max(1, whole);
}

async function playStage(
  context: RankContext,
  games: readonly MeasuredGame[],
  trial: Trial,
): Promise<PlannedStage> {
  const { budget } = context.settings;
  const known = games.flatMap(({ rows, rowMacs }) => (rows === undefined ? [] : [{ rows, rowMacs }]));
  const rows = known.reduce((sum, game) => sum + game.rows, 0);
  const isTimed = budget !== undefined && "seconds" in budget;
  if (isTimed) return { name: "rows", amount: null, unit: "rows", macs: null, seconds: budget.seconds };
  const macs = known.reduce((sum, game) => sum + game.rows * game.rowMacs, 0);
  const secondsOf = await rowTimes(context, games, trial);
  const seconds = games.reduce((sum, game) => sum + (game.rows ?? 0) * secondsOf(game), 0);
  return { name: "rows", amount: rows, unit: "rows", macs, seconds };
}

/** Seconds of a row, from games tried out. */
function rowTimes(
  { analysis, settings, data }: RankContext,
  games: readonly MeasuredGame[],
  { dataset, payoff }: Trial,
): Promise<(game: MeasuredGame) => number> {
  const { runner } = data!;
  return secondsByMacs(games, ({ groups, rows }) =>
    rowSeconds({ analysis, groups, settings, runner, dataset, payoff: payoff!, rows }),
  );
}

/** Rows of a game by its groups, in proportion to their channels. */
function shareOut(
  { analysis }: RankContext,
  { groups, players, rows }: PlannedGame,
): [number, number | null][] {
  return groups.map((group) => {
    const { channels } = analysis.groups[group]!;
    return [group, rows === undefined ? null : Math.round((rows * channels) / players)];
  });
}

/** Criteria of activations run every example once, those of gradients back again as well. */
function passesOver({ settings, data, analysis }: RankContext, { exampleSeconds }: Trial): PlannedStage {
  const { needs } = criteria[settings.criterion as keyof typeof criteria];
  const passes = needs === "gradients" ? 3 : 1;
  const examples = data!.dataset.size;
  const macs = [...macsByNode(analysis).values()].reduce((sum, one) => sum + one, 0);
  return {
    name: needs,
    amount: examples,
    unit: "examples",
    macs: passes * examples * macs,
    seconds: passes * examples * exampleSeconds,
  };
}
