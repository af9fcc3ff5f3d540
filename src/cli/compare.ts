/** @file shapley-pruner compare: ways of ranking channels under one protocol, benefit against cost. */
import { Command } from "commander";
import { PrunerError } from "../base/problem.ts";
import type { CompareOptions } from "../pipeline/compare-options.ts";
import {
  cutOptions,
  dataOptions,
  loadSettings,
  memoryOptions,
  modelArgument,
  outputOptions,
  payoffOptions,
  reportOptions,
  runtimeOptions,
  selectionOptions,
  testDataOptions,
} from "./arguments.ts";
import { begin, conclude } from "./conclude.ts";
import { outputPath } from "./config-form.ts";
import { dryRunOption, tellPlan } from "./dry-run.ts";
import { type Io, workOptions } from "./io.ts";
import {
  activationSettings,
  dataSettings,
  payoffSettings,
  type RawOptions,
  runtimeSettings,
  selection,
  testDataSettings,
} from "./settings.ts";
import { tuneOptions, tuneSettings } from "./tune-settings.ts";
import { collect, rowsListOption, rowsOption, sharesOption, wholeNumber } from "./values.ts";

/** The command compare. */
export function compareCommand(io: Io): Command {
  const command = new Command("compare").description(
    "Compare ways of ranking channels under one protocol: what they cost, and what they are good for",
  );
  for (const add of [modelArgument, cutOptions, dataOptions, testDataOptions]) add(command);
  protocolOptions(command);
  for (const add of [
    payoffOptions,
    selectionOptions,
    runtimeOptions,
    outputOptions,
    reportOptions,
    dryRunOption,
  ])
    add(command);
  networkOptions(command);
  command
    .option(
      "--store <folder>",
      "where finished pieces and tried coalitions are kept (default: beside --out, nowhere without it)",
      outputPath,
    )
    .option(
      "--out <file>",
      "write everything as JSON; an interrupted comparison continues when it is repeated",
      outputPath,
    );
  return memoryOptions(command).action((path: string, options: RawOptions) =>
    run(io, command, path, options),
  );
}

function protocolOptions(command: Command): void {
  command
    .option(
      "--criteria <names>",
      'criteria and estimators besides random, l1, taylor, greedy, shapley, sequential and oracle; joint for Shapley values of all groups in one game; "all" for every one',
      collect,
    )
    .option(
      "--seeds <number>",
      "repeat everything so many times, with other draws and other examples (default: 5)",
      wholeNumber(1),
    )
    .option(
      "--budget <amounts>",
      "rows for each group, one entry for each of them (default: 20k,100k, less on large networks)",
      rowsListOption,
    )
    .option("--points <number>", "sizes a payoff curve is measured at (default: 16)", wholeNumber(1))
    .option(
      "--curve-examples <number>",
      "examples of each seed that curves are measured on (default: 500, fewer on large networks)",
      wholeNumber(2),
    )
    .option(
      "--reference <rows>",
      "rows for each group of the long estimate that agreement is measured with; 0 for none (default: 4 times the largest budget)",
      rowsOption,
    )
    .option(
      "--oracle-channels <number>",
      "try every coalition of groups up to so many channels (default: 12)",
      wholeNumber(0),
    );
}

function networkOptions(command: Command): void {
  command
    .option(
      "--shares <shares>",
      "cut the network by these shares of every group (default: 25%,50%,75%)",
      sharesOption("shares"),
    )
    .option("--no-network", "measure payoff curves alone, group by group")
    .option("--no-repair", "leave weights of cut networks as they are");
  tuneOptions(command, "train cut networks for so long, from the labels and from the original network");
}

async function run(io: Io, command: Command, path: string, options: RawOptions): Promise<void> {
  const { loadModel } = await import("../pipeline/load-model.ts");
  const { compare } = await import("../pipeline/compare.ts");
  const { compareText } = await import("../report/compare.ts");
  const data = dataSettings(options);
  if (data === undefined)
    throw new PrunerError("usage", { detail: "compare measures on examples: give --data." });
  checkStray(options);
  const given = <T>(name: string) => options[name] as T | undefined;
  const out = given<string>("out");
  const work = workOptions(io, options);
  const invocation = await begin(io, command, options, path);
  try {
    const job: CompareOptions = {
      ...work,
      ...payoffSettings(options),
      ...runtimeSettings(options),
      model: await loadModel(path, loadSettings(options)),
      data,
      testData: testDataSettings(options),
      criteria: given("criteria"),
      selection: selection(options),
      seed: options["seed"] as number,
      seeds: given("seeds"),
      budgets: given("budget"),
      shares: given("shares"),
      points: given("points"),
      curveExamples: given("curveExamples"),
      reference: given("reference"),
      oracleChannels: given("oracleChannels"),
      network: options["network"] !== false,
      repair: options["repair"] !== false,
      tune: await tuneSettings(options),
      out,
      store: given("store"),
      memory: given("memory"),
      ...activationSettings(options),
    };
    if (options["dryRun"] === true) {
      const { dryRunCompare } = await import("../pipeline/dry-run-compare.ts");
      return await tellPlan(io, command, options, await dryRunCompare(job));
    }
    const record = await compare(job);
    work.finish();
    const written = out === undefined ? "" : `\n\n${out}: written.`;
    await conclude(invocation, record, () => `${compareText(record)}${written}`);
  } finally {
    work.finish();
  }
}

/** @throws {PrunerError} `usage` for options about whole networks where none is pruned. */
function checkStray(options: RawOptions): void {
  if (options["network"] !== false) return;
  const about = { shares: "--shares", finetune: "--finetune", testData: "--test-data" };
  const stray = Object.entries(about).find(([name]) => options[name] !== undefined);
  if (stray !== undefined)
    throw new PrunerError("usage", {
      detail: `${stray[1]} is about whole networks, which --no-network leaves out. Leave one of them out.`,
    });
}
