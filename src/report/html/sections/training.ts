/** @file Curves of training: of train and finetune step by step, of tuning between rounds by epochs. */
import type { EpochRecord } from "../../../training/train.ts";
import { percent, short, whole } from "../../format.ts";
import type { RoundRecord } from "../../records.ts";
import { type EpochSeries, epochsChart } from "../charts/epochs.ts";
import { lossesChart } from "../charts/losses.ts";
import { html, type Markup, nothing } from "../markup.ts";
import type { TrainingCurves } from "../record.ts";
import type { SectionOf } from "./section.ts";

export const trainingSection: SectionOf = ({ training, rounds }) => {
  if (training !== null && training.epochs.length > 0)
    return { id: "training", title: "Training", body: curvesOf(training) };
  const tuned = rounds.filter(({ tuning }) => (tuning?.epochs.length ?? 0) > 0);
  if (tuned.length === 0) return undefined;
  return { id: "training", title: "Tuning between rounds", body: tuningOf(tuned) };
};

function curvesOf({ epochs, losses, bestEpoch }: TrainingCurves): Markup {
  return html`${losses.length === 0 ? nothing : lossesChart(losses, epochs, bestEpoch)}
${accuracyChart(epochs, [])}
${rateChart(epochs, [])}`;
}

/** Epochs of all rounds one after the other. */
function tuningOf(rounds: readonly RoundRecord[]): Markup {
  const starts: number[] = [];
  const epochs: EpochRecord[] = [];
  for (const { tuning } of rounds) {
    if (epochs.length > 0) starts.push(epochs.length + 0.5);
    epochs.push(...tuning!.epochs.map((record, k) => ({ ...record, epoch: epochs.length + k + 1 })));
  }
  const between = starts.length === 0 ? "" : " Dotted lines stand between rounds, where channels went.";
  return html`${lossChart(epochs, starts, between)}
${accuracyChart(epochs, starts)}
${rateChart(epochs, starts)}`;
}

function seriesOf(
  epochs: readonly EpochRecord[],
  name: string,
  colour: string,
  of: (record: EpochRecord) => number | undefined,
): EpochSeries {
  const points = epochs.flatMap((record) => {
    const value = of(record);
    return value === undefined ? [] : [{ epoch: record.epoch, value }];
  });
  return { name, colour, points };
}

function lossChart(epochs: readonly EpochRecord[], rounds: readonly number[], between: string): Markup {
  const training = seriesOf(epochs, "training", "kept", ({ loss }) => loss);
  const validation = seriesOf(epochs, "validation", "removed", (record) => record.validation?.loss);
  return epochsChart({
    title: "Loss while tuning",
    label: "loss",
    caption: `Mean training loss of each epoch${validation.points.length === 0 ? "" : ", and the loss on validation examples after it"}: the training loss ends at ${short(epochs.at(-1)!.loss, 3)}.${between} These are runs of one seed, without intervals.`,
    series: validation.points.length === 0 ? [training] : [training, { ...validation, isDashed: true }],
    told: (value) => short(value, 3),
    rounds,
    fromZero: true,
  });
}

function accuracyChart(epochs: readonly EpochRecord[], rounds: readonly number[]): Markup {
  const series = seriesOf(epochs, "validation", "tuned", (record) => record.validation?.accuracy);
  if (series.points.length === 0) return nothing;
  const best = series.points.reduce((high, point) => (point.value > high.value ? point : high));
  return epochsChart({
    title: "Accuracy on validation examples",
    label: "accuracy",
    caption: `Share of right answers on the examples that choose the epoch, none of which serve the final figures: at most ${percent(best.value)}, first after epoch ${best.epoch} of ${whole(epochs.length)}.`,
    series: [series],
    told: (value) => `${Number((100 * value).toFixed(2))}%`,
    rounds,
    fromZero: false,
  });
}

function rateChart(epochs: readonly EpochRecord[], rounds: readonly number[]): Markup {
  const rates = epochs.map(({ learningRate }) => learningRate);
  return epochsChart({
    title: "Learning rate",
    label: "learning rate",
    caption: `The rate at the last step of each epoch: between ${short(Math.min(...rates), 2)} and ${short(Math.max(...rates), 2)}.`,
    series: [seriesOf(epochs, "learning rate", "text", ({ learningRate }) => learningRate)],
    told: (value) => short(value, 3),
    rounds,
    fromZero: true,
  });
}
