/** @file Learning rates over a run, each a pure function of the step. */

/** A length of training: in passes over the data, or as a share of the whole run. */
export type Span = { readonly epochs: number } | { readonly share: number };

/** What follows the peak: the learning rate as a share of it. */
export type Schedule =
  | { readonly kind: "constant"; readonly warmUp?: Span | undefined }
  | {
      readonly kind: "step";
      /** Where the rate falls, counted from the start of the run. */
      readonly at: readonly Span[];
      /** Multiplies the rate at every one of them. */
      readonly factor: number;
      readonly warmUp?: Span | undefined;
    }
  | {
      readonly kind: "every";
      readonly period: Span;
      /** Multiplies the rate at the end of every period. */
      readonly factor: number;
      readonly warmUp?: Span | undefined;
    }
  | {
      readonly kind: "cosine";
      /** Share of the peak that the curve ends at. */
      readonly finalShare: number;
      readonly warmUp?: Span | undefined;
    }
  | {
      readonly kind: "one-cycle";
      /** Share of the steps on which the rate rises. */
      readonly warmUpShare: number;
      /** The run begins at the peak divided by this. */
      readonly divFactor: number;
      /** The run ends at the begin divided by this. */
      readonly finalDivFactor: number;
    };

export interface RunLength {
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
}

/**
 * Learning rate of one step.
 * @param peak The rate that the user names; every schedule stays at or below it.
 * @param step From 0 to totalSteps − 1.
 */
export function learningRateAt(schedule: Schedule, peak: number, step: number, run: RunLength): number {
  if (schedule.kind === "one-cycle") return peak * oneCycleShare(schedule, step, run.totalSteps);
  const rising = schedule.warmUp === undefined ? 0 : stepsOf(schedule.warmUp, run);
  const share = shareAt(schedule, step, rising, run);
  return peak * share * (step < rising ? (step + 1) / (rising + 1) : 1);
}

/** Steps in a span, rounded to the nearest. */
export function stepsOf(span: Span, { totalSteps, stepsPerEpoch }: RunLength): number {
  return Math.round("epochs" in span ? span.epochs * stepsPerEpoch : span.share * totalSteps);
}

type Falling = Exclude<Schedule, { kind: "one-cycle" }>;

/** Share of the peak without the warm-up; milestones count from the start of the run, the cosine from the warm-up's end. */
function shareAt(schedule: Falling, step: number, rising: number, run: RunLength): number {
  switch (schedule.kind) {
    case "constant":
      return 1;
    case "step":
      return schedule.factor ** schedule.at.filter((milestone) => stepsOf(milestone, run) <= step).length;
    case "every":
      return schedule.factor ** Math.floor(step / Math.max(1, stepsOf(schedule.period, run)));
    case "cosine": {
      const progress = step < rising ? 0 : (step - rising) / Math.max(1, run.totalSteps - rising);
      return cosineBetween(1, schedule.finalShare, progress);
    }
    default:
      return schedule satisfies never;
  }
}

/**
 * Rises along half a cosine from 1 / divFactor to 1 and falls along another to 1 / (divFactor · finalDivFactor), which the
 * last step reaches; the figures are those of PyTorch's OneCycleLR. Momentum is not cycled against it.
 * @see Smith & Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates", 2018.
 */
function oneCycleShare(
  { warmUpShare, divFactor, finalDivFactor }: Extract<Schedule, { kind: "one-cycle" }>,
  step: number,
  totalSteps: number,
): number {
  const top = Math.max(0, warmUpShare * totalSteps - 1); // the step, not always whole, at which the rate is highest
  const last = totalSteps - 1;
  const start = 1 / divFactor;
  if (step < top) return cosineBetween(start, 1, step / top);
  return cosineBetween(1, start / finalDivFactor, last > top ? (step - top) / (last - top) : 1);
}

/** Half a cosine wave that leaves `from` at progress 0 and reaches `to` at progress 1, level at both ends. */
function cosineBetween(from: number, to: number, progress: number): number {
  return to + ((from - to) * (1 + Math.cos(Math.PI * progress))) / 2;
}
