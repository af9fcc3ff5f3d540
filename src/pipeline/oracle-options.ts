/** @file What the oracle command can be told. */
import type { ActivationType } from "../valuation/halves.ts";
import type { LoadedModel } from "./load-model.ts";
import type { WorkOptions } from "./progress.ts";
import type { DataSettings, PayoffSettings, RuntimeSettings } from "./settings.ts";

export type OracleSearch =
  | { readonly kind: "exhaustive" }
  | { readonly kind: "beam"; readonly width: number }
  | {
      readonly kind: "branch-and-bound";
      /** Sizes to keep; each is a search of its own. */
      readonly sizes: readonly number[];
      /** Coalitions for each size at most. */
      readonly coalitions: number;
      readonly slack: number;
      /** Width of the beam search that provides the sets to beat. */
      readonly width: number;
    };

export interface OracleOptions extends PayoffSettings, RuntimeSettings, WorkOptions {
  readonly model: LoadedModel;
  readonly data: DataSettings;
  /** Name of the group; a pattern may be used where it means one group only. */
  readonly group: string;
  readonly search: OracleSearch;
  /** Rankings to judge; left out: a few usual ones, those that do not apply skipped with a remark. */
  readonly criteria?: readonly string[] | undefined;
  /** Sizes the scores of rankings cover; default 5. */
  readonly depth?: number | undefined;
  /** Coalitions that sampling estimators may look at; default 30 for each channel. */
  readonly coalitions?: number | undefined;
  readonly seed: number;
  /** Folder of the store of coalitions; default beside `out`, none without. */
  readonly store?: string | undefined;
  readonly out?: string | undefined;
  /** Bytes that activations and effects of channels may take each; default half of what is free. */
  readonly memory?: number | undefined;
  /** What activations that enter the group are kept in; default float32. */
  readonly activations?: ActivationType | undefined;
}
