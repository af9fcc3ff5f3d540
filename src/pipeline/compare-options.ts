/** @file What the compare command can be told. */
import type { Selection } from "../ranking/select-groups.ts";
import type { ActivationType } from "../valuation/halves.ts";
import type { LoadedModel } from "./load-model.ts";
import type { WorkOptions } from "./progress.ts";
import type { TuneSettings } from "./refine.ts";
import type { DataSettings, PayoffSettings, RuntimeSettings } from "./settings.ts";

export interface CompareOptions extends PayoffSettings, RuntimeSettings, WorkOptions {
  readonly model: LoadedModel;
  readonly data: DataSettings;
  /** Examples for the final figures alone; left out, a part of `data` is kept for them. */
  readonly testData?: DataSettings | undefined;
  /** Criteria and estimators besides those that are always there; "all" for every one that applies. */
  readonly criteria?: readonly string[] | undefined;
  readonly selection?: Selection | undefined;
  /** First of the seeds, and seed of the cut of the data. */
  readonly seed: number;
  /** How many seeds. Default 5. */
  readonly seeds?: number | undefined;
  /** Rows for each group; every method that samples has an entry for each of them. Default by the size of the model. */
  readonly budgets?: readonly number[] | undefined;
  /** Shares of every group that go from the network. Default a quarter, a half and three quarters. */
  readonly shares?: readonly number[] | undefined;
  /** Sizes a curve is measured at, besides none. Default 16. */
  readonly points?: number | undefined;
  /** Examples of each seed that curves are measured on. Default by the size of the model. */
  readonly curveExamples?: number | undefined;
  /** Rows for each group of the long estimate that agreement is measured with; 0 for none. Default 4 times the largest budget. */
  readonly reference?: number | undefined;
  /** Every coalition is tried of groups up to this many channels. Default 12. */
  readonly oracleChannels?: number | undefined;
  /** Prune the whole network by every ranking. Default true. */
  readonly network?: boolean | undefined;
  /** Repair what is left. Default true. */
  readonly repair?: boolean | undefined;
  /** Train what is left. */
  readonly tune?: TuneSettings | undefined;
  readonly out?: string | undefined;
  /** Folder of finished pieces and coalitions; default beside `out`, none without. */
  readonly store?: string | undefined;
  /** Bytes that activations and effects of channels may take each; default half of what is free. */
  readonly memory?: number | undefined;
  /** What activations that enter games are kept in; default float32. */
  readonly activations?: ActivationType | undefined;
}

/** Options with nothing left open that decides the work. */
export interface SettledOptions extends CompareOptions {
  /** Indexes into the groups of the model. */
  readonly groups: readonly number[];
  readonly seeds: number;
  readonly budgets: readonly number[];
  /** Empty where no network is pruned. */
  readonly shares: readonly number[];
  readonly points: number;
  readonly curveExamples: number;
  readonly reference: number;
  readonly oracleChannels: number;
}

/** Where finished pieces go; undefined where nothing is kept. */
export function storeOf({ store, out }: Pick<CompareOptions, "store" | "out">): string | undefined {
  return store ?? (out === undefined ? undefined : `${out}.store`);
}

/** What holds where nothing is said. */
export const compareDefaults = {
  seeds: 5,
  shares: [0.25, 0.5, 0.75],
  points: 16,
  oracleChannels: 12,
  /** Times the largest budget. */
  reference: 4,
} as const;
