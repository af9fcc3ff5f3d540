import { mean } from "../math/sums.ts";
import type { PlannedStage, PlannedTraining } from "../report/dry-run-records.ts";
import type { CompareSetting } from "./compare-bench.ts";
import type { Method } from "./compare-methods.ts";
import { masksFor, tuningOf } from "./compare-network.ts";
import { isTabled } from "./compare-reference.ts";
import type { Planned, Scene } from "./dry-run-compare-parts.ts";
import { secondsPerMac } from "./dry-run-ranking.ts";
import { macsOf, repairStage, times } from "./dry-run-stages.ts";
import { planTraining, type TrainingPlan } from "./dry-run-training.ts";
import { cutTo, type Survivor, survivorOf } from "./survivor.ts";

/** Whether the whole network can be cut by a method. */
export function ranksAll(setting: CompareSetting, { means }: Method): boolean {
  return means.kind !== "oracle" || setting.groups.every((group) => isTabled(setting, group));
}

/** Cutting, repair, training and figures of all networks. */
export async function planNetworks(
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
