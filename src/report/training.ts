/** @file What train and finetune tell people: the curve of the loss, what was trained on what, how it changed. */
import type { PairedAccuracy } from "../metrics/index.ts";
import type { EpochRecord } from "../training/train.ts";
import { duration, percent, short, whole } from "./format.ts";
import { table } from "./table.ts";

/** Most epochs that are shown. */
const mostRows = 20;

/** Loss, validation and learning rate by epoch. Of long runs evenly spaced epochs, the best and the last are shown. */
export function epochsTable(epochs: readonly EpochRecord[], bestEpoch: number): string {
  const every = Math.ceil(epochs.length / mostRows);
  const shown = epochs.filter(
    ({ epoch }) => epoch % every === 0 || epoch === bestEpoch || epoch === epochs.length,
  );
  const isValidated = epochs.some(({ validation }) => validation !== undefined);
  const hasAccuracy = epochs.some(({ validation }) => validation?.accuracy !== undefined);
  const rows = shown.map(({ epoch, loss, validation, learningRate }) => [
    String(epoch),
    short(loss),
    ...(isValidated ? [validation === undefined ? "-" : short(validation.loss)] : []),
    ...(hasAccuracy ? [validation?.accuracy === undefined ? "-" : percent(validation.accuracy)] : []),
    short(learningRate, 2),
    ...(isValidated ? [epoch === bestEpoch ? "best" : ""] : []),
  ]);
  const head = [
    "epoch",
    "loss",
    ...(isValidated ? ["validation loss"] : []),
    ...(hasAccuracy ? ["accuracy"] : []),
    "rate at end",
    ...(isValidated ? [""] : []),
  ];
  const align = head.map((name) => (name === "" ? ("left" as const) : ("right" as const)));
  return table(head, rows, align);
}

/** What a summary is made of. */
export interface TrainingFacts {
  readonly trainedParameters: number;
  readonly examples: { readonly train: number; readonly validate: number; readonly test: number };
  readonly history: { readonly epochs: readonly EpochRecord[] };
  readonly stoppedBy: "epochs" | "patience";
  readonly bestEpoch: number;
  readonly seconds: number;
  readonly examplesPerSecond: number;
  readonly out: string;
}

/** What was trained on what, for how long, and where the result is. */
export function trainingText(facts: TrainingFacts): string {
  const { examples, seconds, examplesPerSecond, history, bestEpoch, out } = facts;
  const epochs = history.epochs.length;
  const rate = examplesPerSecond === 0 ? "" : `, ${whole(examplesPerSecond)} examples/s`;
  const sentences = [
    `Trained ${whole(facts.trainedParameters)} parameters on ${counted(examples.train, "example")} in ${duration(seconds)}${rate}.`,
  ];
  if (facts.stoppedBy === "patience") sentences.push(`Stopped after epoch ${epochs}: no improvement.`);
  if (examples.validate > 0)
    sentences.push(`Epoch ${bestEpoch} of ${epochs} chosen by ${counted(examples.validate, "other")}.`);
  sentences.push(`Figures from ${counted(examples.test, "other")}.`);
  return `${out}: written.\n${sentences.join(" ")}`;
}

function counted(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** How many answers changed from one model to the other. */
export function accuracyChangeText({ difference, lost, gained, byPosition }: PairedAccuracy): string {
  const points = (value: number) => `${value >= 0 ? "+" : ""}${(100 * value).toFixed(2)}`;
  const counts = byPosition
    ? `fewer positions right in ${lost} examples, more in ${gained}`
    : `${lost} answers lost, ${gained} gained`;
  return `Accuracy changes by ${points(difference.value)} points (95% interval ${points(difference.low)} to ${points(difference.high)}): ${counts}.`;
}
