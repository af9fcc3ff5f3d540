/** @file shapley-pruner prune: a smaller model, checked and measured. */
import { Command, Option } from "commander";
import { exitCodes } from "../base/problem.ts";
import type { Budget } from "../budget/budget.ts";
import type { EstimatorName } from "../estimators/index.ts";
import type { PruneResult } from "../pipeline/prune-result.ts";
import {
  cutOptions,
  dataOptions,
  layerTimesHelp,
  loadSettings,
  modelArgument,
  outputOptions,
  payoffOptions,
  rankingOptions,
  reportOptions,
  runtimeOptions,
  selectionOptions,
  testDataOptions,
} from "./arguments.ts";
import { begin, conclude } from "./conclude.ts";
import { inputPath, outputPath } from "./config-form.ts";
import { dryRunOption, tellPlan } from "./dry-run.ts";
import { type Io, workOptions } from "./io.ts";
import {
  dataSettings,
  payoffSettings,
  type RawOptions,
  rankSettings,
  runtimeSettings,
  selection,
  testDataSettings,
} from "./settings.ts";
import { tuneOptions, tuneSettings } from "./tune-settings.ts";
import { countsOption, shareOption, stepsOption, targetOption, wholeNumber } from "./values.ts";

/** The command prune. */
export function pruneCommand(io: Io): Command {
  const command = new Command("prune").description(
    "Remove the least useful channels under a budget and write a smaller model",
  );
  modelArgument(
    command,
    ["equal", "blocks", "auto"],
    "what grouped convolutions and group norms lose: equally many channels of each block, whole blocks, or for each layer what measures better",
  );
  for (const add of [cutOptions, dataOptions, testDataOptions]) add(command);
  budgetOptions(command);
  rankingOptions(
    command,
    "sequential; permutation with --players joint, --allocate open, --steps, --settle-at, --settle-order or --weighting",
  );
  for (const add of [
    payoffOptions,
    selectionOptions,
    runtimeOptions,
    outputOptions,
    reportOptions,
    dryRunOption,
  ])
    add(command);
  command
    .option(
      "--repair",
      "repair what is left on examples of --data: norm statistics, biases, weights of layers that lost inputs (default with --data)",
    )
    .option("--no-repair", "leave weights as they are");
  tuneOptions(
    command,
    "train what is left for so long after every round, from the labels and from the original network",
  );
  return command
    .option(
      "--resume",
      "with --finetune: go on from what an interrupted run with the same settings left in OUT.checkpoint",
    )
    .option("--plan <file>", "apply a plan instead of ranking", inputPath)
    .option("--scores <file>", "use the scores of an earlier rank instead of ranking again", inputPath)
    .option(
      "--save-plan <file>",
      "write the plan as JSON, to be reviewed, edited and applied again",
      outputPath,
    )
    .option("--no-verify", "do not compare the sliced model with the masked one")
    .option("--no-latency", "do not measure latency")
    .option("--layer-times", layerTimesHelp)
    .option("--no-layer-times", "do not measure the time of single layers")
    .requiredOption("--out <file>", "where the smaller model goes", outputPath)
    .action((path: string, options: RawOptions) => run(io, command, path, options));
}

function budgetOptions(command: Command): void {
  command
    .option(
      "--target-macs <amount>",
      "at most so many MACs stay: 50% or 0.5 of the original, or 62M",
      targetOption("target-macs"),
    )
    .option("--target-params <amount>", "at most so many parameters stay", targetOption("target-params"))
    .option("--keep <share>", "share of channels that stays in every group, such as 0.5", shareOption("keep"))
    .option(
      "--keep-channels <counts>",
      "exact counts by group, such as c1=8,c3=20",
      countsOption("keep-channels"),
    )
    .option(
      "--min-accuracy <share>",
      "remove as long as this accuracy holds on examples kept for that, such as 0.98 or 98%",
      shareOption("min-accuracy"),
    )
    .option("--max-ratio <share>", "at most this share of a group's channels goes", shareOption("max-ratio"))
    .option("--round-to <number>", "numbers of channels that stay are multiples of this", wholeNumber(1))
    .addOption(
      new Option(
        "--scope <scope>",
        "weigh channels of all groups against each other, or take the same share of each",
      )
        .choices(["global", "group"])
        .default("global"),
    )
    .option(
      "--steps <rounds>",
      'remove a little and rank again, so many times; "all" ranks again after every removal',
      stepsOption("steps"),
      "1",
    );
}

async function budgetOf(options: RawOptions): Promise<Budget> {
  const { parseCounts, parseShare, parseTarget } = await import("../budget/target.ts");
  const text = (name: string) => options[name] as string | undefined;
  const read = <T>(name: string, option: string, parse: (option: string, text: string) => T) =>
    text(name) === undefined ? undefined : parse(option, text(name)!);
  return {
    targetMacs: read("targetMacs", "target-macs", parseTarget),
    targetParameters: read("targetParams", "target-params", parseTarget),
    keep: read("keep", "keep", parseShare),
    keepChannels: read("keepChannels", "keep-channels", parseCounts),
    maxRatio: read("maxRatio", "max-ratio", parseShare),
    roundTo: options["roundTo"] as number | undefined,
    scope: options["scope"] as Budget["scope"],
  };
}

/**
 * What is used where no estimator is stated. Values estimated while channels go serve a cut better (measured:
 * docs/choosing-an-estimator.md); with the others they were not found better, or mean something else.
 */
function usualEstimator({
  players,
  steps,
  settleAt,
  settleOrder,
  weighting,
  allocate,
}: RawOptions): EstimatorName {
  const isAlone = players === "group" && allocate === "even" && steps === "1";
  const isPlain = isAlone && settleAt === undefined && settleOrder === undefined && weighting === undefined;
  return isPlain ? "sequential" : "permutation";
}

async function run(io: Io, command: Command, path: string, given: RawOptions): Promise<void> {
  const options: RawOptions = { ...given, estimator: given["estimator"] ?? usualEstimator(given) };
  const { parseShare, parseSteps } = await import("../budget/target.ts");
  const { loadModel } = await import("../pipeline/load-model.ts");
  const { prune } = await import("../pipeline/prune.ts");
  const { readJson, readScores } = await import("../pipeline/scores-file.ts");
  const { checkPlan } = await import("../channels/plan.ts");
  const { cutsWith } = await import("../channels/grouped-cuts.ts");
  const { lockedGroups } = await import("../pipeline/inspect.ts");
  const work = workOptions(io, options);
  const invocation = await begin(io, command, options, path);
  try {
    const planPath = options["plan"] as string | undefined;
    const plan = planPath === undefined ? undefined : checkPlan(await readJson(planPath), planPath);
    const cuts = {
      ...(plan?.wholeBlocks && { groupedCut: cutsWith(plan.wholeBlocks) }),
      ...(plan?.attention && { attentionCut: plan.attention }),
      ...(plan?.caches && { shrinkCaches: true }),
    };
    const model = await loadModel(path, { ...loadSettings(options), ...cuts });
    const scoresPath = options["scores"] as string | undefined;
    const floor = options["minAccuracy"] as string | undefined;
    const job = {
      ...work,
      ...payoffSettings(options),
      ...runtimeSettings(options),
      model,
      out: options["out"] as string,
      data: dataSettings(options),
      testData: testDataSettings(options),
      settings: rankSettings(options),
      selection: selection(options),
      budget: await budgetOf(options),
      steps: parseSteps("steps", options["steps"] as string),
      minAccuracy: floor === undefined ? undefined : parseShare("min-accuracy", floor),
      repair: options["repair"] as boolean | undefined,
      tune: await tuneSettings(options),
      resume: options["resume"] === true,
      plan,
      grouped: options["grouped"] === "auto" ? ("auto" as const) : undefined,
      scores: scoresPath === undefined ? undefined : await readScores(scoresPath),
      savePlan: options["savePlan"] as string | undefined,
      verify: options["verify"] as boolean,
      latency: options["latency"] as boolean,
      layerTimes: options["layerTimes"] as boolean | undefined,
    };
    if (options["dryRun"] === true) {
      const { dryRunPrune } = await import("../pipeline/dry-run-prune.ts");
      return await tellPlan(io, command, options, await dryRunPrune(job));
    }
    const result = await prune(job);
    work.finish();
    const { examplesText, figuresTable, keptText } = await import("../report/text.ts");
    const { layerTimesText } = await import("../report/layer-times.ts");
    const { cachesText } = await import("../report/caches.ts");
    const { groupedText } = await import("../report/grouped.ts");
    const { repairText, roundsTable } = await import("../report/rounds.ts");
    await conclude(invocation, { ...result, locked: lockedGroups(model) }, () =>
      [
        keptText(result.groups),
        groupedText(result.grouped),
        cachesText(result.caches),
        repairText(result.rounds),
        roundsTable(result.rounds),
        figuresTable(result.before, result.after),
        layerTimesText(result.layerTimes),
        summary(result, examplesText),
      ]
        .filter((part) => part !== "")
        .join("\n\n"),
    );
    if (!result.reached) process.exitCode = exitCodes.targetMissed;
  } finally {
    work.finish();
  }
}

function summary(
  { check, examples, out, reached, stoppedBy, rows }: PruneResult,
  examplesText: typeof import("../report/text.ts").examplesText,
): string {
  const lines = [`${out}: written.`];
  if (check !== null)
    lines.push(
      `Sliced equals masked within ${check.difference.toExponential(1)} of the output's scale on ${check.examples} examples (allowed: ${check.tolerance.toExponential(0)}).`,
    );
  if (examples !== null) lines.push(examplesText(examples, rows));
  if (!reached)
    lines.push(
      stoppedBy === "floor"
        ? "The accuracy floor ended the removal before the target was reached."
        : "The target was not reached: nothing more can go.",
    );
  return lines.join("\n");
}
