/** @file How options are spelled and read; every command takes the same names for the same things. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { PrunerError } from "../base/problem.ts";
import type { CriterionName } from "../criteria/index.ts";
import type { EstimatorName, Weighting } from "../estimators/index.ts";
import type { PayoffKind } from "../metrics/index.ts";
import type { RankBudget, RankSettings } from "../pipeline/rank-groups.ts";
import type { DataSettings, PayoffSettings, RuntimeSettings } from "../pipeline/settings.ts";
import type { Selection } from "../ranking/select-groups.ts";

/** Names stand here as well, so that --help need not load what they name; a test compares them with the registries. */
export const estimatorNames = [
  "permutation",
  "exact",
  "leave-one-out",
  "partial",
  "permutation-whole",
  "kernel-shap",
  "leverage",
  "ols-uniform",
  "simshap",
  "owen",
  "first-in-last-out",
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
] as const satisfies readonly ("shapley" | CriterionName)[];
export const payoffNames = [
  "cross-entropy",
  "accuracy",
  "margin",
  "agreement",
  "squared-error",
] as const satisfies readonly PayoffKind[];

export function wholeNumber(from: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < from)
      throw new InvalidArgumentError(`Expected a whole number from ${from}.`);
    return value;
  };
}

export function numberOption(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("Expected a number.");
  return value;
}

export function secondsOption(text: string): number {
  const value = numberOption(text);
  if (value < 0) throw new InvalidArgumentError("Expected a number of seconds from 0.");
  return value;
}

function numberList(text: string): number[] {
  return text.split(",").map(numberOption);
}

function collect(text: string, previous: readonly string[] = []): string[] {
  return [...previous, ...text.split(",").filter((part) => part !== "")];
}

/** Rows for each group ("100000", "100k", "2M") or a time for everything ("60s", "5min"). */
export function budgetOption(text: string): RankBudget {
  const time = /^(\d+\.?\d*|\.\d+)(s|min|h)$/.exec(text);
  if (time !== null)
    return positive({ seconds: Number(time[1]) * { s: 1, min: 60, h: 3600 }[time[2] as "s"] });
  const rows = /^(\d+\.?\d*|\.\d+)(k|K|M)?$/.exec(text);
  if (rows === null)
    throw new InvalidArgumentError(
      "Expected rows for each group such as 100000 or 100k, or a time such as 60s or 5min.",
    );
  return positive({
    rows: Math.round(Number(rows[1]) * (rows[2] === undefined ? 1 : rows[2] === "M" ? 1e6 : 1e3)),
  });
}

function positive<B extends RankBudget>(budget: B): B {
  if (Object.values(budget).some((value) => !(value > 0)))
    throw new InvalidArgumentError("Expected more than nothing.");
  return budget;
}

function weightingOption(text: string): Weighting {
  if (text === "shapley" || text === "banzhaf") return { kind: text };
  const window = /^(0?\.?\d+|1)-(0?\.?\d+|1)$/.exec(text);
  const [from, to] = [Number(window?.[1]), Number(window?.[2])];
  if (window === null || !(from >= 0 && from < to && to <= 1))
    throw new InvalidArgumentError(
      'Expected "shapley", "banzhaf" or a window of kept shares such as 0.4-0.8.',
    );
  return { kind: "window", from, to };
}

function partialOption(text: string): { readonly limit: number; readonly side: "removal" | "addition" } {
  const match = /^(\d+)(?::(removal|addition))?$/.exec(text);
  if (match === null || Number(match[1]) < 1)
    throw new InvalidArgumentError(
      "Expected how many channels are removed at most, such as 2, or added, such as 2:addition.",
    );
  return { limit: Number(match[1]), side: (match[2] ?? "removal") as "removal" };
}

type Shapes = Map<string, (number | string)[]>;

function shapeOption(text: string, previous: Shapes = new Map()): Shapes {
  const match = /^(.+):([^:]+)$/.exec(text);
  if (match === null)
    throw new InvalidArgumentError(
      "Expected name:1,3,224,224; a name in place of a number leaves that size open.",
    );
  const sizes = match[2]!.split(",").map((size) => (/^\d+$/.test(size) ? Number(size) : size));
  return new Map([...previous, [match[1]!, sizes]]);
}

export function modelArgument(command: Command): Command {
  return command
    .argument("<model>", "ONNX file")
    .option(
      "--input-shape <name:sizes>",
      "shape of an input, such as input:N,3,224,224; repeatable",
      shapeOption,
    );
}

export function outputOptions(command: Command): Command {
  return command
    .option("--json", "print one JSON document on stdout")
    .option("--quiet", "no progress and no remarks on stderr")
    .option("--debug", "print the stack of errors");
}

export function dataOptions(command: Command): Command {
  return command
    .option("--data <path>", ".npy, .npz, IDX (also gzipped) or a folder of images by class")
    .option(
      "--labels <path>",
      "labels; left out: taken from the .npz, or from the file beside --data whose name says labels",
    )
    .option("--no-labels", "use no labels")
    .option("--limit <examples>", "use at most so many examples, drawn in class proportions", wholeNumber(1))
    .option("--pixel-scale <number>", "divide inputs by this, such as 255", numberOption)
    .option("--mean <numbers>", "subtract these, one for each channel, after scaling", numberList)
    .option("--std <numbers>", "divide by these, one for each channel, after the mean", numberList)
    .addOption(new Option("--layout <order>", "order of axes in the data").choices(["nhwc", "nchw"]));
}

export function runtimeOptions(command: Command): Command {
  return command
    .option("--workers <threads>", "threads that run the network (default: all cores)", wholeNumber(1))
    .option(
      "--threads <count>",
      "threads inside one run (default: 1; more makes results depend on it)",
      wholeNumber(1),
    )
    .option("--provider <names>", "execution providers in order of preference, such as webgpu,cpu", collect)
    .option("--seed <number>", "seed of everything that is drawn", wholeNumber(0), 0);
}

export function payoffOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--payoff <name>",
        "what a coalition is worth (default: cross-entropy with class labels, squared-error with numbers, agreement without labels)",
      ).choices([...payoffNames]),
    )
    .option("--output <name>", "output of the model the payoff reads (default: the first)");
}

export function selectionOptions(command: Command): Command {
  return command
    .option(
      "--only <patterns>",
      "groups to rank or prune: names, globs or /expressions/, separated by commas",
      collect,
    )
    .option("--ignore <patterns>", "groups to leave alone", collect);
}

export function rankingOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--criterion <name>", "how channels are scored")
        .choices([...criterionNames])
        .default("shapley"),
    )
    .addOption(
      new Option("--estimator <name>", "how Shapley values are estimated")
        .choices([...estimatorNames])
        .default("permutation"),
    )
    .option(
      "--budget <amount>",
      "rows for each group such as 100k, or a time for everything such as 60s (default: by the size of the model)",
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
    .option("--memory <MiB>", "memory for cached activations (default: half of what is free)", numberOption);
}

export interface RawOptions {
  readonly [name: string]: unknown;
}

/** Examples of --data. */
export function dataSettings(options: RawOptions): DataSettings | undefined {
  return settingsOf(options, options["data"], options["labels"]);
}

/** Examples of --test-data: prepared like those of --data, all of them. */
export function testDataSettings(options: RawOptions): DataSettings | undefined {
  const labels = options["labels"] === false ? false : options["testLabels"];
  return settingsOf({ ...options, limit: undefined }, options["testData"], labels);
}

function settingsOf(options: RawOptions, path: unknown, labels: unknown): DataSettings | undefined {
  if (path === undefined) return undefined;
  const { limit, pixelScale, mean, std, layout, seed } = options as Partial<DataSettings> & { seed?: number };
  return {
    path: path as string,
    labels: labels === true ? undefined : (labels as string | false | undefined),
    limit,
    pixelScale,
    mean,
    std,
    layout,
    seed,
  };
}

export function runtimeSettings(options: RawOptions): RuntimeSettings {
  return {
    workers: options["workers"] as number | undefined,
    threads: options["threads"] as number | undefined,
    providers: options["provider"] as string[] | undefined,
  };
}

export function payoffSettings(options: RawOptions): PayoffSettings {
  return {
    payoff: options["payoff"] as PayoffKind | undefined,
    output: options["output"] as string | undefined,
  };
}

export function selection(options: RawOptions): Selection {
  return { only: options["only"] as string[] | undefined, ignore: options["ignore"] as string[] | undefined };
}

export function rankSettings(options: RawOptions): RankSettings {
  const memory = options["memory"] as number | undefined;
  const settleAt = options["settleAt"] as number | undefined;
  if (settleAt !== undefined && !(settleAt > 0 && settleAt < 1))
    throw new PrunerError("invalid-option", {
      option: "settle-at",
      got: String(settleAt),
      expected: "a share between 0 and 1",
    });
  return {
    criterion: options["criterion"] as RankSettings["criterion"],
    estimator: options["estimator"] as EstimatorName,
    seed: options["seed"] as number,
    budget: options["budget"] as RankBudget | undefined,
    weighting: options["weighting"] as Weighting | undefined,
    partial: options["partial"] as RankSettings["partial"],
    groupSize: options["groupSize"] as number | undefined,
    settleAt,
    memory: memory === undefined ? undefined : memory * 2 ** 20,
  };
}
