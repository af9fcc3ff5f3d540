/** @file How options are spelled; every command takes the same names for the same things. */
import { type Command, Option, type OptionValues } from "commander";
import type { CriterionName } from "../criteria/index.ts";
import type { EstimatorName } from "../estimators/index.ts";
import type { PayoffKind } from "../metrics/index.ts";
import type { LoadOptions } from "../pipeline/load-model.ts";
import { inputPath, outputPath } from "./config-form.ts";
import {
  aggregateOption,
  budgetOption,
  collect,
  memoryOption,
  numberList,
  numberOption,
  partialOption,
  shapeOption,
  sizeOption,
  weightingOption,
  wholeNumber,
} from "./values.ts";

/** Names stand here as well, so that --help need not load what they name; a test compares them with the registries. */
export const estimatorNames = [
  "permutation",
  "exact",
  "leave-one-out",
  "partial",
  "stratified",
  "shrinkage",
  "aumann-shapley",
  "permutation-whole",
  "kernel-shap",
  "leverage",
  "ols-uniform",
  "simshap",
  "owen",
  "first-in-last-out",
  "greedy",
  "sequential",
] as const satisfies readonly EstimatorName[];
export const criterionNames = [
  "shapley",
  "random",
  "l1",
  "l2",
  "bn-scale",
  "fpgm",
  "apoz",
  "mean-activation",
  "taylor",
  "taylor-signed",
  "fisher",
  "sensitivity",
  "gradient-activation",
  "taylor-weight",
  "taylor-filter",
  "snip",
  "grasp",
  "synflow",
] as const satisfies readonly ("shapley" | CriterionName)[];
export const payoffNames = [
  "cross-entropy",
  "accuracy",
  "margin",
  "agreement",
  "squared-error",
] as const satisfies readonly PayoffKind[];

/** The model, what to assume about its inputs, and how its grouped convolutions are cut. */
export function modelArgument(
  command: Command,
  cuts: readonly string[] = ["equal", "blocks"],
  help = "what grouped convolutions and group norms lose: equally many channels of each block, or whole blocks",
): Command {
  return command
    .argument("<model>", "ONNX file", inputPath)
    .option(
      "--input-shape <name:sizes>",
      "shape of an input, such as input:N,3,224,224; repeatable",
      shapeOption,
    )
    .addOption(new Option("--grouped <cut>", help).choices([...cuts]).default("equal"));
}

export const layerTimesHelp =
  "time single layers before and after, and say which did not get faster and why (default: where latency did not fall)";

/** What else may be said about how a model is cut. */
export function cutOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--attention <cut>",
        "what attention loses: whole heads, or the same positions of every head",
      )
        .choices(["heads", "width"])
        .default("heads"),
    )
    .option(
      "--shrink-caches",
      "let caches of keys and values shrink with the heads: inputs that come back longer as outputs are taken as empty while the model is looked at, and are as narrow as what is left in the model that is written",
    );
}

/** What {@link modelArgument} and {@link cutOptions} were given, for whoever reads the model. */
export function loadSettings(options: OptionValues): LoadOptions {
  const { inputShape, grouped, attention, shrinkCaches } = options;
  return {
    inputShapes: inputShape as never,
    groupedCut: grouped === "auto" ? "equal" : (grouped as never),
    attentionCut: attention as never,
    shrinkCaches: shrinkCaches === true,
  };
}

/** How results and errors are told. */
export function outputOptions(command: Command): Command {
  return command
    .option("--json", "print one JSON document on stdout")
    .option("--quiet", "no progress and no remarks on stderr")
    .option("--debug", "print the stack of errors");
}

/** How results are shown in a browser. */
export function reportOptions(command: Command): Command {
  return command
    .option(
      "--report <file>",
      "write the results as one HTML file with charts, and the same data as JSON beside it",
      outputPath,
    )
    .option("--open", "open the report when it is written");
}

/** Where examples come from and how they are prepared. */
export function dataOptions(command: Command): Command {
  return command
    .option("--data <path>", ".npy, .npz, IDX (also gzipped) or a folder of images by class", inputPath)
    .option(
      "--labels <path>",
      "labels; left out: taken from the .npz, or from the file beside --data whose name says labels",
      inputPath,
    )
    .option("--no-labels", "use no labels")
    .option("--limit <examples>", "use at most so many examples, drawn in class proportions", wholeNumber(1))
    .option("--image-size <pixels>", "resize images of a folder to this, such as 32x32", sizeOption)
    .option("--pixel-scale <number>", "divide inputs by this, such as 255", numberOption)
    .option("--mean <numbers>", "subtract these, one for each channel, after scaling", numberList)
    .option("--std <numbers>", "divide by these, one for each channel, after the mean", numberList)
    .addOption(new Option("--layout <order>", "order of axes in the data").choices(["nhwc", "nchw"]));
}

/** What runs the network, and the seed. */
export function runtimeOptions(command: Command): Command {
  return command
    .option("--workers <threads>", "threads that run the network (default: all cores)", wholeNumber(1))
    .option(
      "--threads <count>",
      "threads inside one run (default: 1; more makes results depend on it)",
      wholeNumber(1),
    )
    .option(
      "--provider <names>",
      "execution providers the runtime is to use, such as cpu or webgpu; each of them has to be there",
      collect,
    )
    .option("--seed <number>", "seed of everything that is drawn", wholeNumber(0), 0);
}

/** What a coalition is worth, for commands that play games. */
export function payoffOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--payoff <name>",
        "what a coalition is worth, and what gradients are taken of (default: cross-entropy with class labels, squared-error with numbers; without labels agreement, and gradients of the class the model predicts)",
      ).choices([...payoffNames]),
    )
    .option("--output <name>", outputHelp);
}

/** For commands that measure, but play no game. */
export function measuredOutputOption(command: Command): Command {
  return command.option("--output <name>", outputHelp);
}

const outputHelp = "output of the model that is held against the labels (default: the first)";

/** Which groups are meant. */
export function selectionOptions(command: Command): Command {
  return command
    .option(
      "--only <patterns>",
      "groups to rank or prune: names, globs or /expressions/, separated by commas",
      collect,
    )
    .option("--ignore <patterns>", "groups to leave alone", collect);
}

/**
 * How channels are scored, and how much that may cost.
 * @param usual How a command chooses the estimator where it does so by other options; without it `shrinkage` is the default.
 */
export function rankingOptions(command: Command, usual?: string): Command {
  const estimator = new Option(
    "--estimator <name>",
    `how Shapley values are estimated${usual === undefined ? "" : ` (default: ${usual})`}`,
  ).choices([...estimatorNames]);
  command
    .addOption(
      new Option("--criterion <name>", "how channels are scored")
        .choices([...criterionNames])
        .default("shapley"),
    )
    .option(
      "--aggregate <name>",
      "how criteria with gradients fold their examples: mean, abs-mean, abs-of-mean, mean+2std or a percentile such as p99",
      aggregateOption,
    )
    .addOption(usual === undefined ? estimator.default("shrinkage") : estimator)
    .addOption(
      new Option(
        "--players <who>",
        "who plays together: the channels of each group, or those of all selected groups in one game",
      )
        .choices(["group", "joint"])
        .default("group"),
    )
    .option(
      "--budget <amount>",
      "rows for each group such as 100k (a joint game has those of all groups), or a time for everything such as 60s (default: by the size of the model)",
      budgetOption,
    )
    .option(
      "--weighting <name>",
      "weight of coalition sizes: shapley, banzhaf, or a window of kept shares such as 0.4-0.8",
      weightingOption,
    )
    .option(
      "--partial <limit>",
      "for --estimator partial: channels removed at most, or added (2:addition)",
      partialOption,
    )
    .option("--group-size <examples>", "examples that share a fresh pair of orders", wholeNumber(1))
    .option(
      "--settle-at <share>",
      "stop a group once the set of this share of its channels with the lowest values is settled",
      numberOption,
    )
    .option(
      "--settle-order <correlation>",
      "stop a group once its ranking is likely to have this rank correlation with that of true values, such as 0.95",
      numberOption,
    )
    .addOption(
      new Option(
        "--allocate <way>",
        "rows of groups: even, one group after the other; or open, all at once, rows going where the cut (or the order, with --settle-order) is least clear",
      )
        .choices(["even", "open"])
        .default("even"),
    );
  return memoryOptions(command);
}

/** How much a game may keep, and what in. */
export function memoryOptions(command: Command): Command {
  return command
    .option(
      "--memory <size>",
      "memory for what is kept of examples, such as 512MiB or 2GiB (default: half of what is free)",
      memoryOption,
    )
    .addOption(
      new Option(
        "--activations <type>",
        "what activations that enter a game are kept in; float16 keeps twice as many examples in the same memory and rounds each activation once",
      )
        .choices(["float32", "float16"])
        .default("float32"),
    );
}

/** Examples that nothing but the final figures is taken from. */
export function testDataOptions(command: Command): Command {
  return command
    .option(
      "--test-data <path>",
      "examples for the final figures alone (default: a part of --data kept for them)",
      inputPath,
    )
    .option("--test-labels <path>", "labels of --test-data", inputPath);
}
