import { labelOf } from "../report/compare-conclusions.ts";
import type { PlannedStage } from "../report/dry-run-records.ts";
import { type CompareSetting, payoffOn } from "./compare-bench.ts";
import type { Method } from "./compare-methods.ts";
import { checkExact, type Played, payoffKind, payoffOf, rankSettingsOf, whyMissing } from "./compare-rank.ts";
import { isTabled, referenceRowsOf, referenceSettingsOf } from "./compare-reference.ts";
import { added, type Planned, type Scene, toAsk } from "./dry-run-compare-parts.ts";
import { fewOf } from "./dry-run-probe.ts";
import { planRanking, type RankingPlan } from "./dry-run-ranking.ts";
import { times } from "./dry-run-stages.ts";
import { needsData } from "./rank.ts";
import { plannedGames } from "./rank-budget.ts";
import type { RankContext } from "./rank-context.ts";

/** Rankings by all methods; those that do not suit the model are left out and told in notes. */
export async function planRankings(
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

/** Long estimates of the other groups. */
export async function planEstimates(scene: Scene): Promise<Planned> {
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

/** A ranking with all it takes as one stage, for each seed. */
function asOne(name: string, { stages }: RankingPlan, seeds: number): PlannedStage[] {
  const main = stages.at(-1); // rows, or passes over the examples
  if (main === undefined) return [];
  const macs = stages.reduce((sum, stage) => sum + (stage.macs ?? 0), 0);
  const seconds = stages.reduce((sum, stage) => sum + stage.seconds, 0);
  return [times({ ...main, name, macs, seconds }, seeds)];
}

function rowsOf({ groups }: RankingPlan, factor: number): Map<string, number> {
  return new Map(groups.map(({ id, rows }) => [id, factor * (rows ?? 0)]));
}
