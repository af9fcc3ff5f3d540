/** @file shapley-pruner oracle: the best sets of channels to keep and to remove, and rankings judged by them. */
import { Command, Option } from "commander";
import { PrunerError } from "../base/problem.ts";
import type { OracleSearch } from "../pipeline/oracle-options.ts";
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
} from "./settings.ts";
import { collect, numberOption, sizesOption, wholeNumber } from "./values.ts";

/** The command oracle. */
export function oracleCommand(io: Io): Command {
  const command = new Command("oracle").description(
    "Find the best sets of channels of a group by trying every coalition, and judge rankings by them",
  );
  for (const add of [
    modelArgument,
    cutOptions,
    dataOptions,
    payoffOptions,
    runtimeOptions,
    outputOptions,
    reportOptions,
    dryRunOption,
  ])
    add(command);
  searchOptions(command)
    .requiredOption("--group <name>", "group whose channels are tried; see inspect")
    .option(
      "--criteria <names>",
      "rankings to judge: criteria as of rank --criterion, estimators as of rank --estimator, shapley for the exact values (default: shapley,leave-one-out,l1,taylor,random)",
      collect,
    )
    .option("--depth <sizes>", "sizes that the scores of rankings cover (default: 5)", wholeNumber(1))
    .option(
      "--samples <coalitions>",
      "coalitions that sampling estimators may look at (default: 30 for each channel)",
      wholeNumber(1),
    )
    .option(
      "--store <folder>",
      "where tried coalitions are kept (default: beside --out, nowhere without it)",
      outputPath,
    )
    .option(
      "--out <file>",
      "write everything as JSON; an interrupted run continues when it is repeated",
      outputPath,
    );
  return memoryOptions(command).action(async (path: string, options: RawOptions) => {
    const { loadModel } = await import("../pipeline/load-model.ts");
    const { oracle } = await import("../pipeline/oracle.ts");
    const { oracleText } = await import("../report/oracle.ts");
    const search = searchOf(options);
    const data = dataSettings(options);
    if (data === undefined)
      throw new PrunerError("usage", { detail: "oracle tries coalitions on examples: give --data." });
    const work = workOptions(io, options);
    const out = options["out"] as string | undefined;
    const invocation = await begin(io, command, options, path);
    try {
      const job = {
        ...work,
        ...payoffSettings(options),
        ...runtimeSettings(options),
        model: await loadModel(path, loadSettings(options)),
        data,
        group: options["group"] as string,
        search,
        criteria: options["criteria"] as string[] | undefined,
        depth: options["depth"] as number | undefined,
        coalitions: options["samples"] as number | undefined,
        seed: options["seed"] as number,
        store: options["store"] as string | undefined,
        out,
        memory: options["memory"] as number | undefined,
        ...activationSettings(options),
      };
      if (options["dryRun"] === true) {
        const { dryRunOracle } = await import("../pipeline/dry-run-oracle.ts");
        return await tellPlan(io, command, options, await dryRunOracle(job));
      }
      const record = await oracle(job);
      work.finish();
      const written = out === undefined ? "" : `\n\n${out}: written.`;
      await conclude(invocation, record, () => `${oracleText(record)}${written}`);
    } finally {
      work.finish();
    }
  });
}

function searchOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--search <name>",
        "exhaustive: oracle sets; the others: good sets of groups too large for that",
      )
        .choices(["exhaustive", "beam", "branch-and-bound"])
        .default("exhaustive"),
    )
    .option("--width <sets>", "for beam search: sets of each size that are followed", wholeNumber(1), 8)
    .option(
      "--sizes <numbers>",
      "for branch and bound: how many channels to keep, such as 24,22,20",
      sizesOption,
    )
    .option(
      "--max-coalitions <number>",
      "for branch and bound: coalitions tried for each size at most",
      wholeNumber(1),
      20_000,
    )
    .option(
      "--slack <payoff>",
      "for branch and bound: how much removing channels may raise the payoff",
      numberOption,
      0,
    );
}

/** @throws {PrunerError} `usage`, `invalid-option`. */
function searchOf(options: RawOptions): OracleSearch {
  const kind = options["search"] as OracleSearch["kind"];
  const width = options["width"] as number;
  if (kind === "exhaustive") return { kind };
  if (kind === "beam") return { kind, width };
  const sizes = options["sizes"] as number[] | undefined;
  if (sizes === undefined)
    throw new PrunerError("usage", {
      detail: "--search branch-and-bound looks for one size at a time: give --sizes, such as --sizes 24,22.",
    });
  const slack = options["slack"] as number;
  if (slack < 0)
    throw new PrunerError("invalid-option", {
      option: "slack",
      got: String(slack),
      expected: "a number from 0",
    });
  return { kind, width, sizes, slack, coalitions: options["maxCoalitions"] as number };
}
