/** @file What repair says about each layer. */
import type { LayerKind } from "./layers.ts";

/** One line of the report. */
export interface LayerRepair {
  readonly node: string;
  /** Operator of the node. */
  readonly kind: LayerKind | "BatchNormalization" | (string & {});
  /**
   * Squared error against the original network on held-out examples, relative to the variance of what it is held
   * against: the layer's output, or the sum it goes into. Absent for normalisations and layers left alone.
   */
  readonly residualBefore?: number | undefined;
  readonly residualAfter?: number | undefined;
  /** Strength of the penalty on changes of the weights; absent where the bias alone was changed. */
  readonly ridge?: number | undefined;
  readonly accepted: boolean;
  /** Why nothing was changed, or what could not be. */
  readonly reason?: string | undefined;
}
