/** @file How training is told what to do; train, finetune and whatever else trains take the same names. */
import { type Command, Option } from "commander";
import { PrunerError } from "../base/problem.ts";
import type { TrainingOptions } from "../pipeline/training-options.ts";
import type { TrainingRecord } from "../pipeline/training-record.ts";
import type { TrainingRunOptions } from "../pipeline/training-run.ts";
import { parseAugmentation } from "../training/augment/augmentation.ts";
import { parseSchedule } from "../training/parse-schedule.ts";
import { measuredOutputOption, outputOptions, reportOptions, runtimeOptions } from "./arguments.ts";
import { inputPath, outputPath } from "./config-form.ts";
import { dataSettings, type RawOptions, runtimeSettings, testDataSettings } from "./settings.ts";
import { collect, numberOption, portionOption, wholeNumber } from "./values.ts";

/** Names stand here as well, so that --help need not load what they name; a test compares them with the registries. */
export const optimizerNames = ["sgd", "adam", "adamw"] as const;
export const lossNames = ["cross-entropy", "squared-error"] as const;

/** Defaults as --help tells them. */
export interface DefaultsInWords {
  readonly batch: string;
  readonly rate: string;
  readonly schedule: string;
  readonly decay: string;
  readonly augmentation: string;
}

/** How parameters are moved, and for how long. */
export function trainingOptions(
  command: Command,
  defaults: DefaultsInWords & { readonly epochs: string },
): Command {
  command.option("--epochs <number>", `passes over the data (default: ${defaults.epochs})`, wholeNumber(1));
  return stepOptions(command, defaults);
}

/** How parameters are moved. */
export function stepOptions(command: Command, defaults: DefaultsInWords): Command {
  return command
    .option("--batch <examples>", `examples of a step (default: ${defaults.batch})`, wholeNumber(1))
    .option(
      "--shard-size <examples>",
      "examples a thread takes at a time; batch normalisation sees so many (default: 32, or 64 with many weights for little work)",
      wholeNumber(1),
    )
    .addOption(new Option("--optimizer <name>", "how steps are made").choices([...optimizerNames]))
    .option(
      "--lr <number>",
      `the highest learning rate (default: ${defaults.rate}; 0.001 with adam and adamw)`,
      numberOption,
    )
    .option("--momentum <share>", "share of the last step that is kept, for sgd (default: 0.9)", numberOption)
    .option("--nesterov", "look one momentum step ahead")
    .option("--no-nesterov", "do not")
    .option(
      "--schedule <kind>",
      `the learning rate over time: constant, cosine, step:10,15:0.1, every:10:0.1 or one-cycle, with warm-up:2+ in front where wanted (default: ${defaults.schedule})`,
      parseSchedule,
    )
    .option("--weight-decay <number>", `pull of weights towards 0 (default: ${defaults.decay})`, numberOption)
    .option("--decay-all", "decay biases and parameters of normalisations too")
    .option("--no-decay-all", "decay weights alone")
    .option("--clip <norm>", "longest gradient, over all parameters together", numberOption)
    .option("--clip-value <number>", "largest element of a gradient", numberOption)
    .option(
      "--ema <share>",
      "the result is a moving average that keeps this share, such as 0.999",
      numberOption,
    )
    .option(
      "--augment <list>",
      `random changes to images, such as crop:4,flip; none for none (default: ${defaults.augmentation})`,
      augmentOption,
    )
    .option(
      "--patience <epochs>",
      "stop after so many epochs without a better validation loss",
      wholeNumber(1),
    )
    .option("--min-delta <number>", "a smaller improvement does not count as one", numberOption)
    .option("--keep-zeros", "weights that are 0 at the start stay 0");
}

/** What fine-tuning does unless told otherwise. */
export const finetuneInWords = {
  epochs: "3",
  batch: "128",
  rate: "0.01",
  schedule: "cosine",
  decay: "0.0005",
  augmentation: "none",
} as const satisfies DefaultsInWords & { readonly epochs: string };

/** What is learned, from whom, and what stays as it is. */
export function lessonOptions(command: Command): Command {
  command.option(
    "--teacher <model>",
    "learn from the outputs of this model too, or from them alone without labels",
    inputPath,
  );
  return aimOptions(command);
}

/** What is learned, and what stays as it is. */
export function aimOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--loss <name>",
        "what is minimised (default: cross-entropy with class labels, squared-error with numbers)",
      ).choices([...lossNames]),
    )
    .option("--label-smoothing <share>", "share of each label spread over all classes", numberOption)
    .option("--temperature <number>", "softens the outputs of the teacher (default: 4)", numberOption)
    .option(
      "--distill-weight <share>",
      "share of the teacher in the loss (default: 0.7; 1 without labels)",
      numberOption,
    )
    .option(
      "--freeze <patterns>",
      "weights, or nodes whose weights, stay as they are: names, globs or /expressions/, separated by commas",
      collect,
    )
    .option("--freeze-norm", "normalise by the running statistics of the model, and leave them alone")
    .option(
      "--treat-as-constant <operators>",
      "operators through which no gradient flows, separated by commas",
      collect,
    );
}

/** Everything of a training command but its subject, its data and its steps. */
export function trainingRun(command: Command): void {
  for (const add of [
    lessonOptions,
    measuredOutputOption,
    trainingRunOptions,
    runtimeOptions,
    outputOptions,
    reportOptions,
  ])
    add(command);
}

/** Data kept apart, and the state of a run. */
export function trainingRunOptions(command: Command): Command {
  return command
    .option(
      "--validation <amount>",
      "part of --data that chooses the best epoch: a share such as 10%, a number of examples, or 0 (default: 10%)",
      portionOption,
    )
    .option(
      "--test-data <path>",
      "examples for the final figures alone (default: a tenth of --data kept for them)",
      inputPath,
    )
    .option("--test-labels <path>", "labels of --test-data", inputPath)
    .option(
      "--checkpoint <file>",
      "where the state is kept while training goes on (default: OUT.checkpoint)",
      outputPath,
    )
    .option(
      "--resume",
      "go on from the checkpoint that an interrupted run with the same settings left; --lr, --schedule and --clip may be others",
    );
}

function augmentOption(text: string): ReturnType<typeof parseAugmentation> {
  return text === "none" ? [] : parseAugmentation(text);
}

/** Options of `trainingOptions` and `lessonOptions`. */
export function trainingSettings(options: RawOptions): TrainingOptions {
  const given = <T>(name: string) => options[name] as T | undefined;
  return {
    seed: options["seed"] as number,
    epochs: given("epochs"),
    batchSize: given("batch"),
    shardSize: given("shardSize"),
    optimizer: given("optimizer"),
    learningRate: given("lr"),
    momentum: given("momentum"),
    nesterov: given("nesterov"),
    schedule: given("schedule"),
    weightDecay: given("weightDecay"),
    decayAll: given("decayAll"),
    clipNorm: given("clip"),
    clipValue: given("clipValue"),
    averageDecay: given("ema"),
    augmentations: given("augment"),
    keepZeros: given("keepZeros"),
    patience: given("patience"),
    minDelta: given("minDelta"),
    loss: given("loss"),
    labelSmoothing: given("labelSmoothing"),
    temperature: given("temperature"),
    distillWeight: given("distillWeight"),
    freeze: given("freeze"),
    freezeNorm: given("freezeNorm"),
    constantOperators: given("treatAsConstant"),
  };
}

/** Everything a training run is told but what it trains. @throws {PrunerError} `usage` without data. */
export async function runSettings(
  options: RawOptions,
): Promise<Omit<TrainingRunOptions, "signal" | "onProgress" | "onRemark">> {
  const data = dataSettings(options);
  if (data === undefined)
    throw new PrunerError("usage", { detail: "Training needs --data: the examples to learn from." });
  const { loadModel } = await import("../pipeline/load-model.ts");
  const teacher = options["teacher"] as string | undefined;
  return {
    ...runtimeSettings(options),
    out: options["out"] as string,
    data,
    testData: testDataSettings(options),
    validation: options["validation"] as TrainingRunOptions["validation"],
    output: options["output"] as string | undefined,
    teacher: teacher === undefined ? undefined : await loadModel(teacher),
    training: trainingSettings(options),
    checkpoint: options["checkpoint"] as string | undefined,
    resume: options["resume"] === true,
  };
}

/** The result as people read it. */
export async function trainingReport(record: TrainingRecord): Promise<string> {
  const { accuracyChangeText, epochsTable, trainingText } = await import("../report/training.ts");
  const { figuresTable } = await import("../report/text.ts");
  const { history, bestEpoch, before, after, accuracyChange, teacher } = record;
  return [
    epochsTable(history.epochs, bestEpoch),
    "",
    figuresTable(before, after, teacher === null ? "original" : "teacher"),
    "",
    trainingText(record),
    ...(accuracyChange === null ? [] : [accuracyChangeText(accuracyChange)]),
  ].join("\n");
}
