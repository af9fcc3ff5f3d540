/** @file The compare command told what it would do: rankings, references, curves and cut networks, and what they cost. */
import { costModelOf, fullCost } from "../channels/cost.ts";
import type { Dataset } from "../datasets/index.ts";
import { binomial } from "../math/combinatorics.ts";
import { mean } from "../math/sums.ts";
import { livePlayers } from "../oracle/index.ts";
import { labelOf } from "../report/compare-conclusions.ts";
import type { DryRun, PlannedStage, PlannedTraining } from "../report/dry-run-records.ts";
import type { WholeNetworkGame } from "../valuation/whole-network-game.ts";
import { onCompareBench } from "./compare.ts";
import { type CompareSetting, payoffOn } from "./compare-bench.ts";
import { type Method, methodsOf } from "./compare-methods.ts";
import { masksFor, tuningOf } from "./compare-network.ts";
import { type CompareOptions, storeOf } from "./compare-options.ts";
import { checkExact, type Played, payoffKind, payoffOf, rankSettingsOf, whyMissing } from "./compare-rank.ts";
import { isTabled, referenceRowsOf, referenceSettingsOf, tableExamplesOf } from "./compare-reference.ts";
import { coalitionSeconds, exampleSeconds, fewOf, secondsByMacs } from "./dry-run-probe.ts";
import { type GameCost, gameCost, planRanking, type RankingPlan, secondsPerMac } from "./dry-run-ranking.ts";
import { macsOf, repairStage, times } from "./dry-run-stages.ts";
import { planTraining, type TrainingPlan } from "./dry-run-training.ts";
import { wholeGameOf } from "./oracle-table.ts";
import { needsData } from "./rank.ts";
import { plannedGames } from "./rank-budget.ts";
import type { RankContext } from "./rank-context.ts";
import { cutTo, type Survivor, survivorOf } from "./survivor.ts";

/** Everything a plan is made from. */
interface Scene {
  readonly setting: CompareSetting;
  /** Seconds for one example through the original network. */
  readonly exampleSeconds: number;
}

/** A part of the plan. */
interface Planned {
  readonly stages: readonly PlannedStage[];
  /** Rows by the names of groups. */
  readonly rows: ReadonlyMap<string, number>;
  readonly memoryBytes: number;
}

/**
 * What `compare` would do with these options, and what it would cost. Writes nothing.
 * @throws {PrunerError} What `compare` throws before it begins, and of methods asked for by name what shows that they
 *   do not suit the model.
 */
export function dryRunCompare(options: CompareOptions): Promise<DryRun> {
  return onCompareBench(options, async (setting) => {
    const { runner, analysis, parts } = setting;
    const scene = { setting, exampleSeconds: await exampleSeconds(runner, analysis.model, parts.pool) };
    const methods = methodsOf(setting.options, setting.options.budgets);
    const { fitting, notes, ...rankings } = await planRankings(scene, methods);
    const tables = await planTables(scene);
    const estimates = await planEstimates(scene);
    const curves = await planCurves(scene, fitting);
    const whole = fitting.filter((method) => ranksAll(setting, method));
    const networks = await planNetworks(scene, whole);
    const played = [rankings, tables, estimates, curves];
    const stages = [...played, networks]
      .flatMap((part) => part.stages)
      .filter(({ amount, seconds }) => amount !== 0 && seconds > 0);
    return {
      ...outline(setting, fitting, whole, played),
      training: networks.training,
      stages,
      seconds: stages.reduce((sum, { seconds }) => sum + seconds, 0),
      workers: runner.workers,
      memoryBytes: Math.max(...[...played, networks].map(({ memoryBytes }) => memoryBytes)),
      notes: [...notes, ...notesOn(setting)],
    };
  });
}

/** Rankings by all methods; those that do not suit the model are left out and told in notes. */
async function planRankings(
  scene: Scene,
  methods: readonly Method[],
): Promise<Planned & { readonly fitting: readonly Method[]; readonly notes: readonly string[] }> {
  const { setting } = scene;
  const plans = new Map<Method, RankingPlan>();
  const missing: string[] = [];
  const tried = new Map<string, { readonly plan: RankingPlan; readonly budget: number | null }>();
  for (const method of [...methods].reverse()) {
    const { means, name, budget } = method; // the largest budget comes first, and the others are judged by it
    if (means.kind === "oracle") continue;
    try {
      checkExact(setting, means);
      const context = await contextOf(setting, means, budget);
      const known = tried.get(name);
      const plan = known === undefined ? await tryOut(scene, context) : smaller(known, context, budget);
      if (known === undefined) tried.set(name, { plan, budget });
      plans.set(method, plan);
    } catch (error) {
      missing.unshift(`${labelOf(name, budget)} cannot rank the groups: ${whyMissing(method, error)}`);
    }
  }
  const fitting = methods.filter((method) => plans.has(method) || method.means.kind === "oracle");
  const seeds = setting.seeds.length;
  const inOrder = fitting.flatMap((method) => {
    const plan = plans.get(method);
    return plan === undefined ? [] : [{ method, plan }];
  });
  return {
    fitting,
    notes: [...new Set([...missing, ...inOrder.flatMap(({ plan }) => plan.notes)])],
    rows: added(inOrder.map(({ plan }) => rowsOf(plan, seeds))),
    memoryBytes: Math.max(0, ...inOrder.map(({ plan }) => plan.memoryBytes)),
    stages: inOrder.flatMap(({ method: { name, budget }, plan }) =>
      asOne(`rank by ${labelOf(name, budget)}`, plan, seeds),
    ),
  };
}

async function contextOf(
  setting: CompareSetting,
  means: Played,
  budget: number | null,
): Promise<RankContext> {
  const { analysis, groups, runner, parts, options, seeds } = setting;
  const [dataset, seed] = [parts.rank[0]!, seeds[0]!];
  const attempt = { means, budget, seed, kind: payoffKind(setting, means), dataset: toAsk(dataset) };
  const settings = rankSettingsOf(setting, attempt);
  const { signal } = options;
  const data = { dataset, payoff: await payoffOf(setting, attempt), runner };
  return { analysis, groups, settings, signal, ...(needsData(settings.criterion) && { data }) };
}

/** The payoff without labels asks the network about every example; a plan needs to know only which payoff that is. */
function toAsk(dataset: Dataset): Dataset {
  return dataset.labels === undefined ? fewOf(dataset) : dataset;
}

async function tryOut(scene: Scene, context: RankContext): Promise<RankingPlan> {
  const { data } = context;
  if (data === undefined) return planRanking(context, undefined);
  const dataset = fewOf(data.dataset);
  const payoff = data.payoff && (await payoffOn(scene.setting, dataset, data.payoff.kind));
  return planRanking(context, { dataset, payoff, exampleSeconds: scene.exampleSeconds });
}

/** A ranking with fewer rows by the speed of one with more. */
function smaller(
  { plan, budget: most }: { readonly plan: RankingPlan; readonly budget: number | null },
  context: RankContext,
  budget: number | null,
): RankingPlan {
  plannedGames(context, context.data!.dataset.size); // refuses a budget too small
  const share = budget! / most!;
  const isPlayed = ({ unit }: PlannedStage) => unit === "rows";
  return {
    ...plan,
    groups: plan.groups.map((group) => ({ ...group, rows: group.rows && Math.round(group.rows * share) })),
    stages: plan.stages.map((stage) => (isPlayed(stage) ? times(stage, share) : stage)),
  };
}

/** Every coalition of small groups. */
async function planTables(scene: Scene): Promise<Planned> {
  const { setting } = scene;
  const games = await wholeGames(scene, (group) =>
    isTabled(setting, group) ? tableExamplesOf(setting, group) : undefined,
  );
  return wholePlan(scene, "every coalition of small groups", games, ({ game }) => ({
    coalitions: 2 ** livePlayers(game).length,
    repetitions: 1,
  }));
}

/** Long estimates of the other groups. */
async function planEstimates(scene: Scene): Promise<Planned> {
  const { setting } = scene;
  const { analysis, runner, options, payoff: kind, parts } = setting;
  const amounts = new Map<number, number[]>();
  for (const group of setting.groups) {
    const rows = isTabled(setting, group) ? 0 : referenceRowsOf(setting, group);
    if (rows > 0) amounts.set(rows, [...(amounts.get(rows) ?? []), group]);
  }
  const plans: RankingPlan[] = [];
  for (const [rows, groups] of amounts) {
    const payoff = await payoffOn(setting, toAsk(parts.pool), kind);
    const settings = referenceSettingsOf(setting, rows);
    const data = { dataset: parts.pool, payoff, runner };
    plans.push(await tryOut(scene, { analysis, groups, settings, data, signal: options.signal }));
  }
  return {
    rows: added(plans.map((plan) => rowsOf(plan, 1))),
    memoryBytes: Math.max(0, ...plans.map(({ memoryBytes }) => memoryBytes)),
    stages: plans.flatMap((plan) => asOne("long estimates", plan, 1)),
  };
}

/** Curves of every seed, as if no two rankings agreed on a coalition where they can differ. */
async function planCurves(scene: Scene, methods: readonly Method[]): Promise<Planned> {
  const { setting } = scene;
  const [dataset] = setting.parts.curves;
  const games = await wholeGames(scene, () => dataset);
  return wholePlan(scene, "payoff curves", games, ({ group }) => ({
    coalitions: coalitionsOf(setting, group, methods),
    repetitions: setting.seeds.length,
  }));
}

/** Coalitions at the most: of each size two for every ranking, or all there are. */
function coalitionsOf(setting: CompareSetting, group: number, methods: readonly Method[]): number {
  const isRanked = ({ means }: Method) => means.kind !== "oracle" || isTabled(setting, group);
  const ends = 2 * methods.filter(isRanked).length;
  const { channels } = setting.analysis.groups[group]!;
  const sizes = setting.sizes[setting.groups.indexOf(group)]!;
  return sizes.reduce((sum, gone) => sum + Math.min(ends, Math.round(binomial(channels, gone))), 0);
}

/** A group asked for whole coalitions. */
interface WholeTrial extends GameCost {
  readonly group: number;
  /** Examples of the run. */
  readonly examples: number;
  /** On few of them. */
  readonly game: WholeNetworkGame;
}

/** The groups that have examples. */
async function wholeGames(
  { setting }: Scene,
  examplesOf: (group: number) => Dataset | undefined,
): Promise<WholeTrial[]> {
  const { analysis, runner, options, payoff: kind } = setting;
  const games: WholeTrial[] = [];
  for (const group of setting.groups) {
    const all = examplesOf(group);
    if (all === undefined) continue;
    const dataset = fewOf(all);
    const payoff = await payoffOn(setting, dataset, kind);
    const { signal, memory, activations } = options;
    const setup = { analysis, group, dataset, payoff, runner, activations };
    const game = await wholeGameOf(setup, { signal, memory });
    games.push({
      group,
      examples: all.size,
      game,
      ...gameCost(analysis, [group], payoff.output, activations),
    });
  }
  return games;
}

async function wholePlan(
  { setting: { analysis, runner }, exampleSeconds: each }: Scene,
  name: string,
  games: readonly WholeTrial[],
  amountOf: (game: WholeTrial) => { readonly coalitions: number; readonly repetitions: number },
): Promise<Planned> {
  const secondsOf = await secondsByMacs(
    games,
    async ({ game }) => (await coalitionSeconds(game, runner.workers)) / game.examples,
  );
  const counted = games.map((game) => {
    const { coalitions, repetitions } = amountOf(game);
    const [rows, entering] = [repetitions * coalitions * game.examples, repetitions * game.examples];
    const before = entering * game.prefixMacs;
    return {
      rows,
      macs: rows * game.rowMacs + before,
      seconds: rows * secondsOf(game) + before * secondsPerMac(analysis, each),
    };
  });
  const total = (of: (count: (typeof counted)[number]) => number) =>
    counted.reduce((sum, count) => sum + of(count), 0);
  return {
    rows: new Map(games.map(({ group }, k) => [analysis.groups[group]!.id, counted[k]!.rows])),
    memoryBytes: Math.max(0, ...games.map(({ exampleBytes, examples }) => exampleBytes * examples)),
    stages: [
      {
        name,
        amount: total(({ rows }) => rows),
        unit: "rows",
        macs: total(({ macs }) => macs),
        seconds: total(({ seconds }) => seconds),
      },
    ],
  };
}

/** Whether the whole network can be cut by a method. */
function ranksAll(setting: CompareSetting, { means }: Method): boolean {
  return means.kind !== "oracle" || setting.groups.every((group) => isTabled(setting, group));
}

/** Cutting, repair, training and figures of all networks. */
async function planNetworks(
  scene: Scene,
  methods: readonly Method[],
): Promise<Planned & { readonly training: PlannedTraining | null }> {
  const { setting } = scene;
  const count = methods.length * setting.seeds.length;
  const cuts = setting.options.shares.map((share) => cutBy(setting, share));
  const tuning: (TrainingPlan | undefined)[] = [];
  for (const cut of cuts) tuning.push(await trainingOf(scene, cut));
  const trained = tuning.flatMap((plan) => plan?.stages ?? []).map((stage) => times(stage, count));
  return {
    rows: new Map(),
    memoryBytes: Math.max(0, ...tuning.map((plan) => plan?.memoryBytes ?? 0)),
    training: tuning[0]?.training ?? null,
    stages: [...repairOf(scene, cuts, count), ...merged(trained), ...figuresOf(scene, cuts, count)],
  };
}

/** The network without a share of every group: which channels go changes nothing about its cost. */
function cutBy(setting: CompareSetting, share: number): Survivor {
  const { analysis, groups } = setting;
  const values = groups.map((group) => new Array<number>(analysis.groups[group]!.channels).fill(0));
  const masks = masksFor(setting, share, values);
  return survivorOf(analysis, cutTo(analysis, undefined, masks), masks);
}

/** Repair of all networks. */
function repairOf(
  { setting: { analysis, parts }, exampleSeconds: each }: Scene,
  cuts: readonly Survivor[],
  count: number,
): PlannedStage[] {
  if (parts.calibrate === undefined) return [];
  const left = mean(cuts.map((cut) => macsOf(cut.analysis)));
  return [repairStage(analysis, count * cuts.length * parts.calibrate.size, left, each)];
}

/** Training of one network, tried on a network of that size. */
async function trainingOf(
  { setting, exampleSeconds: each }: Scene,
  { analysis: left }: Survivor,
): Promise<TrainingPlan | undefined> {
  const tuned = tuningOf(setting, setting.seeds[0]!);
  if (tuned === undefined) return undefined;
  const { analysis, runner, output, options } = setting;
  const { settings, lesson, parts, teacher } = tuned;
  return planTraining({
    tune: {
      runner,
      model: left.model,
      parts,
      teacher: teacher ? analysis.model : undefined,
      settings,
      lesson,
      output,
      signal: options.signal,
    },
    analysis: left,
    exampleSeconds: (each * macsOf(left)) / Math.max(1, macsOf(analysis)),
    teacherSeconds: teacher ? each : undefined,
  });
}

/** Figures of the original, and of every network after each step; twice on the examples that choose the best epoch. */
function figuresOf(
  { setting: { analysis, parts }, exampleSeconds: each }: Scene,
  cuts: readonly Survivor[],
  count: number,
): PlannedStage[] {
  if (parts.evaluate === undefined) return [];
  const { size } = parts.evaluate;
  const looks = 1 + Number(parts.calibrate !== undefined) + Number(parts.tune !== undefined);
  const chosen = parts.tune === undefined ? 0 : 2 * (parts.validate?.size ?? 0);
  const perNetwork = looks * size + chosen;
  const cutMacs = cuts.reduce((sum, cut) => sum + macsOf(cut.analysis), 0);
  const macs = size * macsOf(analysis) + count * perNetwork * cutMacs;
  const seconds = macs * secondsPerMac(analysis, each);
  return [
    { name: "figures", amount: size + count * cuts.length * perNetwork, unit: "examples", macs, seconds },
  ];
}

/** What would happen. */
function outline(
  setting: CompareSetting,
  fitting: readonly Method[],
  whole: readonly Method[],
  played: readonly Planned[],
): Omit<DryRun, "training" | "stages" | "seconds" | "workers" | "memoryBytes" | "notes"> {
  const { analysis, groups, seeds, options, parts, payoff } = setting;
  const rows = added(played.map((part) => part.rows));
  const ends = {
    "to rank on with each seed": parts.rank[0],
    "for the curves of each seed": parts.curves[0],
    "to repair on": parts.calibrate,
    "to tune on": parts.tune,
    "to choose the best epoch": parts.validate,
    "for the final figures": parts.evaluate,
  };
  return {
    dryRun: true,
    command: "compare",
    before: fullCost(costModelOf(analysis)),
    after: null,
    groups: groups.map((group) => {
      const { id, channels } = analysis.groups[group]!;
      return { id, channels, kept: null, rows: rows.get(id) ?? null };
    }),
    scoring: null,
    comparison: {
      payoff,
      rankings: fitting.map(({ name, budget }) => labelOf(name, budget)),
      seeds: seeds.length,
      rows: [...rows.values()].reduce((sum, count) => sum + count, 0),
      shares: options.shares,
      networks: whole.length * seeds.length * options.shares.length,
    },
    rounds: null,
    examples: Object.fromEntries(
      Object.entries(ends).flatMap(([end, part]) => (part === undefined ? [] : [[end, part.size] as const])),
    ),
  };
}

function notesOn({ options }: CompareSetting): string[] {
  const store = storeOf(options);
  const shared =
    "Rankings that agree share coalitions of curves; these are counted as if no two agreed where they can differ.";
  if (store === undefined) return [shared];
  const kept = `Finished pieces go to ${store}; what it holds already is not taken off, nor are equal cuts of a seed, which are measured once.`;
  return [shared, kept];
}

/** A ranking with all it takes as one stage, for each seed. */
function asOne(name: string, { stages }: RankingPlan, seeds: number): PlannedStage[] {
  const main = stages.at(-1); // rows, or passes over the examples
  if (main === undefined) return [];
  const macs = stages.reduce((sum, stage) => sum + (stage.macs ?? 0), 0);
  const seconds = stages.reduce((sum, stage) => sum + stage.seconds, 0);
  return [times({ ...main, name, macs, seconds }, seeds)];
}

/** Stages of one name are one. */
function merged(stages: readonly PlannedStage[]): PlannedStage[] {
  const byName = new Map<string, PlannedStage>();
  for (const stage of stages) {
    const { amount = 0, macs = 0, seconds = 0 } = byName.get(stage.name) ?? {};
    byName.set(stage.name, {
      ...stage,
      amount: (amount ?? 0) + (stage.amount ?? 0),
      macs: (macs ?? 0) + (stage.macs ?? 0),
      seconds: seconds + stage.seconds,
    });
  }
  return [...byName.values()];
}

function rowsOf({ groups }: RankingPlan, factor: number): Map<string, number> {
  return new Map(groups.map(({ id, rows }) => [id, factor * (rows ?? 0)]));
}

function added(all: readonly ReadonlyMap<string, number>[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const rows of all) for (const [id, count] of rows) sums.set(id, (sums.get(id) ?? 0) + count);
  return sums;
}
