/** @file The quality that a removal is followed by: accuracy where every stage has one, else the loss. */
import { percent, short } from "../format.ts";
import type { ModelFigures, RoundRecord, Stage } from "../records.ts";
import type { Measured } from "./claims.ts";

/** A stage of a round, or the original network. */
export interface QualityPoint extends Measured {
  readonly kind: "before" | Stage["stage"];
  /** 0 for the original. */
  readonly round: number;
  readonly macs: number;
  /** Ends of the interval; the value itself where none is known. */
  readonly low: number;
  readonly high: number;
  readonly told: string;
}

export interface Quality {
  readonly what: "Accuracy" | "Loss";
  readonly unit: string;
  readonly points: readonly QualityPoint[];
}

/** What stages are called. */
export const stageNames: Readonly<Record<QualityPoint["kind"], string>> = {
  before: "before",
  sliced: "cut",
  repaired: "repaired",
  tuned: "tuned",
};

/**
 * Points of the removal in the order they were measured; undefined where nothing can be said.
 * Without rounds the two ends of the table are all there is.
 */
export function qualityOf(
  rounds: readonly RoundRecord[],
  before: ModelFigures | null,
  after: ModelFigures,
): Quality | undefined {
  const ends = before === null ? [after] : [before, after];
  const all = [...ends, ...rounds.flatMap(({ stages }) => stages)];
  const isAccuracy = all.every(({ accuracy }) => accuracy !== null);
  if (!isAccuracy && all.some(({ loss }) => loss === null)) return undefined;
  const told = (value: number) => (isAccuracy ? percent(value) : short(value, 3));
  const point = (
    kind: QualityPoint["kind"],
    round: number,
    macs: number,
    found: Pick<ModelFigures, "accuracy" | "accuracyInterval" | "loss" | "lossInterval">,
  ): QualityPoint => {
    const value = (isAccuracy ? found.accuracy : found.loss)!;
    const bounds = (isAccuracy ? found.accuracyInterval : found.lossInterval) ?? null;
    const [low, high] = bounds ?? [value, value];
    const interval = bounds === null ? "" : ` (95%: ${told(low)} to ${told(high)})`;
    const where =
      kind === "before"
        ? "before"
        : rounds.length > 1
          ? `round ${round}, ${stageNames[kind]}`
          : stageNames[kind];
    return { kind, round, macs, value, bounds, low, high, told: `${where}: ${told(value)}${interval}` };
  };
  const first = before === null ? [] : [point("before", 0, before.macs, before)];
  const middle = rounds.flatMap(({ stages, round, macs }) =>
    stages.map((stage) => point(stage.stage, round, macs, stage)),
  );
  const last = rounds.length === 0 ? [point("sliced", 1, after.macs, after)] : [];
  return {
    what: isAccuracy ? "Accuracy" : "Loss",
    unit: isAccuracy ? "accuracy" : "loss",
    points: [...first, ...middle, ...last],
  };
}
