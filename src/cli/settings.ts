/** @file From options as they were parsed to the settings that pipeline/ takes. */
import { PrunerError } from "../base/problem.ts";
import type { Aggregate } from "../criteria/index.ts";
import type { EstimatorName, Weighting } from "../estimators/index.ts";
import type { PayoffKind } from "../metrics/index.ts";
import type { RankBudget, RankSettings } from "../pipeline/rank-context.ts";
import type { DataSettings, PayoffSettings, RuntimeSettings } from "../pipeline/settings.ts";
import type { Selection } from "../ranking/select-groups.ts";

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
  const { limit, imageSize, pixelScale, mean, std, layout, seed } = options as Partial<DataSettings> & {
    seed?: number;
  };
  return {
    path: path as string,
    labels: labels === true ? undefined : (labels as string | false | undefined),
    limit,
    imageSize,
    pixelScale,
    mean,
    std,
    layout,
    seed,
  };
}

/** Options of `runtimeOptions`. */
export function runtimeSettings(options: RawOptions): RuntimeSettings {
  return {
    workers: options["workers"] as number | undefined,
    threads: options["threads"] as number | undefined,
    providers: options["provider"] as string[] | undefined,
  };
}

/** Options of `payoffOptions`. */
export function payoffSettings(options: RawOptions): PayoffSettings {
  return {
    payoff: options["payoff"] as PayoffKind | undefined,
    output: options["output"] as string | undefined,
  };
}

/** Options of `selectionOptions`. */
export function selection(options: RawOptions): Selection {
  return { only: options["only"] as string[] | undefined, ignore: options["ignore"] as string[] | undefined };
}

/** @throws {PrunerError} `invalid-option`. */
function between(options: RawOptions, name: string, option: string, what: string): number | undefined {
  const value = options[name] as number | undefined;
  if (value === undefined || (value > 0 && value < 1)) return value;
  throw new PrunerError("invalid-option", {
    option,
    got: String(value),
    expected: `${what} between 0 and 1`,
  });
}

/** The option of `memoryOptions` that shows in numbers; left out where it says what holds anyway. */
export function activationSettings(options: RawOptions): { readonly activations?: "float16" } {
  return options["activations"] === "float16" ? { activations: "float16" } : {};
}

/** Options of `rankingOptions`. @throws {PrunerError} `invalid-option`, `usage`. */
export function rankSettings(options: RawOptions): RankSettings {
  const settleAt = between(options, "settleAt", "settle-at", "a share");
  const settleOrder = between(options, "settleOrder", "settle-order", "a rank correlation");
  if (settleAt !== undefined && settleOrder !== undefined)
    throw new PrunerError("usage", {
      detail:
        "--settle-at stops when the lowest channels are known, --settle-order when the order of all is. Leave one of them out.",
    });
  if (options["partial"] !== undefined && options["estimator"] !== "partial")
    throw new PrunerError("usage", {
      detail: `--partial is for --estimator partial, and this run uses ${options["estimator"]}. Leave one of them out.`,
    });
  return {
    criterion: options["criterion"] as RankSettings["criterion"],
    aggregate: options["aggregate"] as Aggregate | undefined,
    estimator: options["estimator"] as EstimatorName,
    players: options["players"] as RankSettings["players"],
    seed: options["seed"] as number,
    budget: options["budget"] as RankBudget | undefined,
    weighting: options["weighting"] as Weighting | undefined,
    partial: options["partial"] as RankSettings["partial"],
    groupSize: options["groupSize"] as number | undefined,
    settleAt,
    ...(settleOrder !== undefined && { settleOrder }),
    ...(options["allocate"] === "open" && { allocation: "open" as const }),
    memory: options["memory"] as number | undefined,
    ...activationSettings(options),
  };
}
