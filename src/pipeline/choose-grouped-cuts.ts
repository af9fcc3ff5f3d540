/** @file `--grouped auto`: what each grouped convolution loses, chosen by what the network is worth afterwards. */
import { isProblem, PrunerError } from "../base/problem.ts";
import { checkReachable } from "../budget/choose.ts";
import { costModelOf } from "../channels/cost.ts";
import { cutsWith, wholeBlocksOf } from "../channels/grouped-cuts.ts";
import { analyzeChannels, type ChannelAnalysis, type ChannelGroup } from "../channels/groups.ts";
import type { KeepMasks } from "../channels/plan.ts";
import { intAttribute } from "../graph/attributes.ts";
import { type Node, nodeLabel } from "../graph/model.ts";
import { payoff as payoffOf } from "../metrics/index.ts";
import type { GroupedLayer } from "../report/records.ts";
import { sliceModel } from "../surgery/slice.ts";
import { outputsOf, type PayoffSetup, preparePayoff } from "../valuation/targets.ts";
import { groupsAround, tryBothWays, type Way, type Worth } from "./grouped-trial.ts";
import type { Bench } from "./prune-bench.ts";
import type { PruneOptions } from "./prune-options.ts";
import { payoffFor, rankableGroups, report, reportMeasuring } from "./rank.ts";
import type { RankContext, RankSettings } from "./rank-context.ts";
import { rankGroups } from "./rank-groups.ts";

/** Everything the choice needs. */
interface Scene {
  readonly options: PruneOptions;
  readonly bench: Bench;
  readonly data: NonNullable<RankContext["data"]>;
  readonly settings: RankSettings;
  readonly worth: Worth;
  /** Scores of groups that were ranked, by what the groups are made of: each plays its own game, all others whole. */
  readonly known: Map<string, Float64Array>;
}

/** What a removal goes on with: the model seen as it will be cut, and how that was decided. */
export interface SettledCuts {
  readonly options: PruneOptions;
  readonly bench: Bench;
  /** One entry for each grouped convolution; null where nothing was to be chosen. */
  readonly grouped: readonly GroupedLayer[] | null;
}

/**
 * Decides for each grouped convolution, in the order of the graph, whether it loses channels of every block or whole
 * blocks. The layer alone is cut both ways, about as much as the budget wants and to the same cost of the network, and
 * the way after which the network is worth more on the ranking examples is taken; a tie goes to equal cuts.
 * With `grouped` other than "auto" everything stays as it is.
 */
export async function settleGroupedCuts(options: PruneOptions, bench: Bench): Promise<SettledCuts> {
  if (options.grouped !== "auto") return { options, bench, grouped: null };
  const layers = [...bench.analysis.groupedCut.keys()];
  if (layers.length === 0) return { options, bench, grouped: [] };
  const scene = await sceneOf(options, bench);
  const grouped: GroupedLayer[] = [];
  let analysis = analyzeChannels(bench.analysis.model, { ...bench.analysis, groupedCut: "equal" });
  for (const seen of [analysis, withWholeBlocks(analysis, ...layers)]) await rankAround(scene, seen, layers);
  for (const layer of layers) {
    options.signal?.throwIfAborted();
    const chosen = await chooseFor(scene, analysis, layer);
    grouped.push(chosen);
    options.onRemark?.(choiceText(chosen));
    if (chosen.cut === "blocks") analysis = withWholeBlocks(analysis, layer);
  }
  const { groupedCut, attentionCut } = analysis;
  const model = {
    ...options.model,
    analysis: analyzeChannels(options.model.analysis.model, { groupedCut, attentionCut }),
  };
  return {
    options: { ...options, model, settings: settingsAfter(options.settings) },
    bench: { ...bench, analysis },
    grouped,
  };
}

/** Half of a time goes into the choice: a quarter into each way of all layers. */
function settingsFor({ budget, ...settings }: RankSettings): RankSettings {
  const own = { ...settings, players: "group" } as const;
  if (budget === undefined) return own;
  return { ...own, budget: "seconds" in budget ? { seconds: budget.seconds / 4 } : budget };
}

function settingsAfter(settings: RankSettings): RankSettings {
  const { budget } = settings;
  return budget !== undefined && "seconds" in budget
    ? { ...settings, budget: { seconds: budget.seconds / 2 } }
    : settings;
}

async function sceneOf(options: PruneOptions, bench: Bench): Promise<Scene> {
  const { analysis, runner, parts } = bench;
  if (runner === undefined || parts === undefined)
    throw new PrunerError("usage", {
      detail: "--grouped auto needs --data: what a cut is worth is measured.",
    });
  const { rank: dataset } = parts;
  const { payoff: kind, output, signal } = options;
  const judged = await preparePayoff(analysis, dataset, runner, { kind, output, signal });
  const payoff = await payoffFor(options, analysis, dataset, runner);
  const worth: Worth = (seen, masks) => worthOf(bench, judged, seen, masks, signal);
  return {
    options,
    bench,
    data: { dataset, payoff, runner },
    settings: settingsFor(options.settings),
    worth,
    known: new Map(),
  };
}

/** Payoff of the network under a plan, on each ranking example. */
async function worthOf(
  { runner, parts }: Bench,
  { kind, output, outputIs, targets }: PayoffSetup,
  analysis: ChannelAnalysis,
  masks: KeepMasks,
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  const examples = parts!.rank;
  const isWhole = masks.every((mask) => !mask.includes(0));
  const model = isWhole ? analysis.model : sliceModel(analysis, masks);
  const outputs = await outputsOf(runner!, runner!.share(model), examples, output, signal);
  const declared = analysis.facts.get(output)?.shape?.[1];
  const width = typeof declared === "number" ? declared : outputs.length / examples.size;
  return payoffOf(kind, { outputIs }).rows(outputs, width, targets, new Float64Array(examples.size));
}

function withWholeBlocks(
  { model, groupedCut, attentionCut }: ChannelAnalysis,
  ...layers: readonly string[]
): ChannelAnalysis {
  const cuts = cutsWith([...wholeBlocksOf(groupedCut), ...layers]);
  return analyzeChannels(model, { groupedCut: cuts, attentionCut });
}

async function chooseFor(scene: Scene, analysis: ChannelAnalysis, layer: string): Promise<GroupedLayer> {
  const node = analysis.model.graph.nodes.find((one) => nodeLabel(one) === layer)!;
  const equal = { layer, blocks: blocksOf(node), cut: "equal", trial: null } as const;
  const whole = withWholeBlocks(analysis, layer);
  const groups = [analysis, whole].map((seen) => openAround(scene, seen, layer));
  if (groups[0]!.length === 0)
    return { ...equal, reason: "nothing can be removed around it, or it was not selected" };
  if (groups[1]!.length === 0) return { ...equal, reason: "no whole block can go" };
  const [one, other] = [await wayOf(scene, analysis, groups[0]!), await wayOf(scene, whole, groups[1]!)];
  const trial = await tryBothWays(one, other, scene.options.budget, scene.worth);
  if (trial === undefined) return { ...equal, reason: "the two ways have no cost in common" };
  if (trial.payoffBlocks <= trial.payoffEqual) return { ...equal, trial, reason: null };
  const obstacle = obstacleTo(scene, whole);
  return obstacle === undefined
    ? { ...equal, cut: "blocks", trial, reason: null }
    : { ...equal, trial, reason: `with whole blocks: ${obstacle}` };
}

/** Blocks of a grouped convolution, groups of a norm. */
function blocksOf(node: Node): number {
  const attribute = { GroupNormalization: "num_groups", GroupNorm: "groups" }[node.opType] ?? "group";
  return intAttribute(node, attribute, 1);
}

/** Groups around a layer that may be touched; none where the selection does not know the groups by these names. */
function openAround({ options }: Scene, analysis: ChannelAnalysis, layer: string): number[] {
  try {
    const open = new Set(rankableGroups(analysis, options.selection));
    const around = groupsAround(analysis, layer).filter((group) => analysis.groups[group]!.channels > 0);
    return around.every((group) => open.has(group)) ? around : [];
  } catch (error) {
    if (isProblem(error, "unknown-group") || isProblem(error, "nothing-selected")) return [];
    throw error;
  }
}

/** Ranks the groups around all layers together, as far as they may be touched. */
async function rankAround(scene: Scene, analysis: ChannelAnalysis, layers: readonly string[]): Promise<void> {
  await wayOf(scene, analysis, [...new Set(layers.flatMap((layer) => openAround(scene, analysis, layer)))]);
}

/** Scores of groups, ranked now where they are not known. */
async function wayOf(scene: Scene, analysis: ChannelAnalysis, groups: readonly number[]): Promise<Way> {
  const { known } = scene;
  const signatures = analysis.groups.map((group, k) => (groups.includes(k) ? signatureOf(group) : ""));
  const missing = groups.filter((group) => !known.has(signatures[group]!));
  const scores = missing.length === 0 ? [] : await ranked(scene, analysis, missing);
  missing.forEach((group, k) => {
    known.set(signatures[group]!, scores[k]!);
  });
  return { analysis, scores: signatures.map((signature) => known.get(signature)) };
}

/** What a group is made of: equal for the same channels in two analyses. */
function signatureOf({ id, channels, members, blockOf }: ChannelGroup): string {
  const places = members.map(({ value, axis, channelAt }) => `${value} ${axis} ${channelAt.join()}`);
  return [id, channels, blockOf?.join() ?? "", ...places].join("\n");
}

async function ranked(
  { options, data, settings }: Scene,
  analysis: ChannelAnalysis,
  groups: readonly number[],
): Promise<Float64Array[]> {
  const events = rankGroups({
    analysis,
    groups,
    settings,
    data,
    signal: options.signal,
    onMeasured: reportMeasuring(options),
  });
  let next = await events.next();
  for (; next.done !== true; next = await events.next()) report(options, next.value);
  return next.value.map(({ values }) => Float64Array.from(values));
}

/** Why the whole budget cannot be met any more; undefined where it can. */
function obstacleTo({ options }: Scene, analysis: ChannelAnalysis): string | undefined {
  try {
    checkReachable(
      analysis,
      costModelOf(analysis),
      rankableGroups(analysis, options.selection),
      options.budget,
    );
    return undefined;
  } catch (error) {
    if (error instanceof PrunerError) return error.message;
    throw error;
  }
}

function choiceText({ layer, cut, trial, reason }: GroupedLayer): string {
  const way = cut === "equal" ? "equal cuts" : "whole blocks";
  if (trial === null) return `${layer}: ${way} (${reason})`;
  const gap = Math.abs(trial.payoffBlocks - trial.payoffEqual);
  const measured = `${gap.toPrecision(2)} ±${trial.standardError.toPrecision(2)} better at the same cost`;
  return reason === null ? `${layer}: ${way}, ${measured}` : `${layer}: ${way}; ${reason}`;
}
