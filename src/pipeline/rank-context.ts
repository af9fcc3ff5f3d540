/** @file What a ranking is told, what it works on, and what it tells along the way. */
import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { Aggregate, CriterionName } from "../criteria/index.ts";
import type { Dataset } from "../datasets/index.ts";
import type {
  Estimate,
  EstimatorName,
  EstimatorState,
  PartialOptions,
  Settlement,
  StoppedBy,
  Weighting,
} from "../estimators/index.ts";
import type { GroupScores } from "../report/records.ts";
import type { ActivationType } from "../valuation/halves.ts";
import type { Runner } from "../valuation/runner.ts";
import type { PayoffSetup } from "../valuation/targets.ts";

/** How much is spent: rows for each group, or seconds for everything. */
export type RankBudget = { readonly rows: number } | { readonly seconds: number };

/**
 * Who plays together: the channels of each group, all others staying whole, or those of all groups in one game. Joint
 * values share out what the whole network is worth over the one without any of these channels, v(all) - v(none).
 */
export type Players = "group" | "joint";

export type Allocation = "even" | "open";

export interface RankSettings {
  readonly criterion: "shapley" | CriterionName;
  /** How criteria of single examples fold them; each criterion's own way when left out. */
  readonly aggregate?: Aggregate | undefined;
  readonly estimator: EstimatorName;
  /** Default "group". A joint game has the rows of all its groups together. */
  readonly players?: Players | undefined;
  readonly seed: number;
  /** Left out: chosen from the size of the model (see `defaultRows`). */
  readonly budget?: RankBudget | undefined;
  readonly weighting?: Weighting | undefined;
  readonly partial?: PartialOptions | undefined;
  /** Examples that share a fresh pair of orders. */
  readonly groupSize?: number | undefined;
  /** Stop a group once the set of this share of its channels with the lowest values is settled. */
  readonly settleAt?: number | undefined;
  /** Or stop it once its ranking is likely to have this rank correlation with that of the true values. */
  readonly settleOrder?: number | undefined;
  /**
   * "even" (default): one group after the other, with the same budget for each channel. "open": all groups at once, rows
   * going where it is least clear which channels are the lower half (or the share `settleAt`) of a group, or in
   * which order all of them are (`settleOrder`).
   */
  readonly allocation?: Allocation | undefined;
  readonly memory?: number | undefined;
  /** What activations that enter a game are kept in; default float32. */
  readonly activations?: ActivationType | undefined;
}

export interface RankContext {
  readonly analysis: ChannelAnalysis;
  readonly groups: readonly number[];
  readonly settings: RankSettings;
  /** Absent when the criterion needs neither data nor a runtime. */
  readonly data?:
    | { readonly dataset: Dataset; readonly payoff: PayoffSetup | undefined; readonly runner: Runner }
    | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told while gradients are computed. */
  readonly onMeasured?: ((done: number, total: number) => void) | undefined;
  /** Told what is worth a line: work that more memory would save. */
  readonly onRemark?: ((remark: string) => void) | undefined;
  /** What an interrupted run had: finished groups, and the state of the one it was in. */
  readonly resume?:
    | {
        readonly finished: readonly GroupScores[];
        readonly current?: EstimatorState | undefined;
        /** Where groups stood that were played at once. */
        readonly open?: readonly OpenGroup[] | undefined;
        /** Names of those whose next step had been asked for. */
        readonly asked?: readonly string[] | undefined;
      }
    | undefined;
}

/** Where a group stands that is played at once with others: plain JSON. */
export interface OpenGroup {
  readonly id: string;
  readonly state: EstimatorState;
  readonly values: readonly number[];
  /** Infinite ones as null. */
  readonly standardErrors: readonly (number | null)[];
  readonly stoppedBy: StoppedBy | null;
  readonly settlement: Settlement | null;
}

export type RankEvent =
  | {
      readonly kind: "estimate";
      /** Name of the group, or how many play together. */
      readonly group: string;
      readonly estimate: Estimate;
      readonly budget: number;
      /** Of groups that are played at once: rows of all of them, how it stands, and whose next steps are under way. */
      readonly together?: { readonly rows: number; readonly note: string; readonly asked: readonly string[] };
    }
  | { readonly kind: "finished"; readonly scores: GroupScores };

/** Estimators that play another game for every channel they remove. */
const adapting: ReadonlySet<EstimatorName> = new Set<EstimatorName>(["greedy", "sequential"]);

type Plays = Pick<
  RankSettings,
  "criterion" | "players" | "allocation" | "estimator" | "settleAt" | "settleOrder" | "activations"
>;

/** @throws {PrunerError} `usage` for what only games have, where a criterion plays none or an estimator has no use for it. */
export function checkPlays(settings: Plays): void {
  const { criterion, players, allocation, estimator, settleAt, settleOrder, activations } = settings;
  if (criterion !== "shapley" && (settleAt ?? settleOrder) !== undefined)
    throw new PrunerError("usage", {
      detail: `--settle-${settleAt === undefined ? "order" : "at"} stops where estimates are sure enough, and the criterion ${criterion} estimates nothing. Leave one of them out.`,
    });
  if (criterion !== "shapley" && activations === "float16")
    throw new PrunerError("usage", {
      detail: `--activations float16 is about what games keep, and the criterion ${criterion} plays none. Leave one of them out.`,
    });
  if (allocation === "open") {
    const against =
      criterion !== "shapley"
        ? `the criterion ${criterion} estimates nothing`
        : players === "joint"
          ? "--players joint makes one game of all groups"
          : adapting.has(estimator)
            ? `the estimator ${estimator} has no one set of values that settles`
            : undefined;
    if (against !== undefined)
      throw new PrunerError("usage", {
        detail: `--allocate open moves rows between groups until each is settled, and ${against}. Leave one of them out.`,
      });
  }
  if (players !== "joint" || criterion === "shapley") return;
  throw new PrunerError("usage", {
    detail: `--players joint makes the channels of all groups players of one game, and the criterion ${criterion} plays none. Leave one of them out.`,
  });
}
