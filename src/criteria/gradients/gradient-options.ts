/** @file What criteria with gradients are measured with. */
import type { ChannelAnalysis } from "../../channels/groups.ts";
import type { Dataset } from "../../datasets/index.ts";
import type { Engine, SessionOptions } from "../../engine/engine.ts";
import type { PayoffSetup } from "../../valuation/targets.ts";

export interface GradientOptions {
  readonly analysis: ChannelAnalysis;
  /** Indexes into `analysis.groups`. */
  readonly groups: readonly number[];
  readonly engine: Engine;
  /** Bound to the model's inputs. */
  readonly dataset: Dataset;
  /** What is differentiated; the loss is minus the payoff. */
  readonly payoff: PayoffSetup;
  /** Examples per run; by default what fits modest memory, which depends on the network alone. */
  readonly batchSize?: number | undefined;
  /** Runs under way at once. Default 1; the scores do not depend on it. */
  readonly ahead?: number | undefined;
  /** Bytes that per-example values may take; default half of what is free. */
  readonly memory?: number | undefined;
  readonly session?: SessionOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onBatch?: ((done: number, total: number) => void) | undefined;
}
