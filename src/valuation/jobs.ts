/** @file What travels between the scheduling thread and the threads that run networks. */
import type { SessionOptions } from "../engine/engine.ts";
import type { PayoffKind, Scores } from "../metrics/index.ts";
import type { DType } from "../tensor/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Pinned } from "../workers/protocol.ts";
import type { Cached } from "./cached.ts";
import type { Chunks } from "./chunks.ts";
import type { WalksSize } from "./sheets.ts";

/** A model in shared memory. Threads open a session when they first meet its id. */
export interface SharedModel {
  readonly id: number;
  readonly bytes: Uint8Array;
}

/** Everything needed to turn (mask, example) rows into payoffs. */
export interface TailSetup {
  readonly model: SharedModel;
  readonly cached: readonly Cached[];
  /** Mask inputs in player order. */
  readonly masks: readonly { readonly name: string; readonly players: number }[];
  readonly output: string;
  readonly payoff: PayoffKind;
  readonly outputIs: Scores;
  /** Class indices or numbers, one entry (or row) per example. */
  readonly targets: Int32Array | Float32Array;
}

/** Rows of what is kept for one example, before the effects of its channels. */
export const scaleRow = 0;
export const noneRow = 1;
export const allRow = 2;
export const firstChannelRow = 3;

/**
 * Effects of single channels on values that are affine in the masks, as whole numbers: sums of them are exact and the
 * same in any order.
 */
export interface EffectsSetup {
  /** Computes the affine values without any channel and with each one alone. */
  readonly front: {
    readonly model: SharedModel;
    /** Cached values that it reads. */
    readonly reads: readonly string[];
    /** Whether it takes one row and no masks, or for each example players + 1 rows with their masks. */
    readonly isSeparated: boolean;
    /** Examples in one run. */
    readonly examples: number;
  };
  /** Computes the output from the affine values. */
  readonly rest: {
    readonly model: SharedModel;
    /** Cached values that it reads besides. */
    readonly reads: readonly string[];
  };
  readonly values: readonly AddedValue[];
  /** Numbers in a row of effects: the sizes of all values, each rounded up to a multiple of 4. */
  readonly width: number;
  readonly players: number;
  /**
   * Slabs of shape [players + 3, width], in shared memory. For each example the scales (32-bit floats), the values
   * without any channel and with all, and what each channel adds. Times the scale of their column they are the real ones.
   */
  readonly data: Chunks<Int32Array>;
  /** Shape [slabs], in shared memory: whether the effects of a slab are there (see `channel-effects.ts`). */
  readonly states: Int32Array;
  /** Rows of the largest run of `rest`. */
  readonly rowsPerRun: number;
}

/** A value of the network that is added up from effects. */
export interface AddedValue {
  readonly name: string;
  /** Shape for one example. */
  readonly shape: readonly number[];
  /** Its first column in a row of effects. */
  readonly offset: number;
  /** Its elements for one example. */
  readonly size: number;
}

/** A value that is affine in the mask: what it is without any channel, and what each channel adds. */
export interface AffineValue {
  /** Input of the model for the value with the channels that all coalitions of a run keep, [1, size]. */
  readonly base: string;
  /** Input of the model for what the other channels add, [channels, size]. */
  readonly parts: string;
  /** Elements for one example. */
  readonly size: number;
  /** An entry for each example, [players + 1, size], in shared memory: first the value without any channel. */
  readonly data: Chunks<Float32Array>;
}

/** Everything needed to turn whole coalitions into sums of payoffs. */
export interface WholeSetup extends Omit<TailSetup, "masks"> {
  /** Input of the model with the mask of the channels that `parts` are of. */
  readonly kept: string;
  readonly affine: readonly AffineValue[];
  readonly players: number;
  readonly examples: number;
  /** Coalitions in one run of the model. */
  readonly rowsPerRun: number;
}

/** Tensors of 32-bit floats in one piece of memory, each at its offset (in elements). */
export interface FloatLayout {
  readonly entries: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly offset: number;
  }[];
  /** Elements in all. */
  readonly size: number;
}

/** A model that reads its parameters from shared memory and leaves its gradients there. */
export interface ExchangeSetup {
  readonly model: SharedModel;
  readonly inputs: FloatLayout;
  readonly outputs: FloatLayout;
}

/** Computes cached values of examples and leaves them in shared memory. */
export interface FillSetup {
  readonly model: SharedModel;
  /** The same model before it rounds anything, where something is kept in halves. */
  readonly exact: SharedModel | undefined;
  readonly values: readonly Cached[];
  /** Named in messages. */
  readonly group: string;
  /** Examples in one run of the model. */
  readonly block: number;
  /** What is kept of another game, where it does not start at inputs of the network: names that it reads; others are copied. */
  readonly from: { readonly values: readonly Cached[]; readonly reads: readonly string[] } | undefined;
}

/** Computes derivatives of payoffs with respect to gates. */
export interface GradientsSetup {
  readonly model: SharedModel;
  /** Inputs of the model, with the element types it has. */
  readonly reads: readonly { readonly name: string; readonly dtype: DType }[];
  /** Output with the derivatives of each mask of the tail; undefined where the payoff does not depend on it. */
  readonly outputs: readonly (string | undefined)[];
  /** Where rows are left out by chance: input with the draws, and output with the indices of the rows that outputs are about. */
  readonly thinning?: { readonly draws: string; readonly kept: string };
}

/** Setups are pinned: to send them with every job would take longer than many a job. */
export type Job =
  | {
      readonly kind: "gradients";
      readonly tail: Pinned<TailSetup>;
      readonly setup: Pinned<GradientsSetup>;
      /** Shape [rows, players]. */
      readonly gates: Float32Array;
      /** Entry of the cached values for each row. */
      readonly entries: Uint32Array;
      /** A number for each row, where rows may be left out. */
      readonly draws?: Float32Array;
      /** What the payoff is held against, as the model reads it. */
      readonly targets: Readonly<Record<string, Tensor>>;
    }
  | {
      readonly kind: "fill";
      readonly setup: Pinned<FillSetup>;
      readonly feeds: Readonly<Record<string, Tensor>>;
      /** Entry of the cached values for each example of the job; -1: not wanted. */
      readonly entries: Int32Array;
      /** Entry of each example in the kept values that are read. */
      readonly from: Uint32Array | undefined;
    }
  | {
      readonly kind: "exchange";
      readonly setup: ExchangeSetup;
      readonly feeds: Readonly<Record<string, Tensor>>;
      /** Laid out as `setup.inputs`; read again when `version` has changed. */
      readonly from: Float32Array;
      readonly version: number;
      /** Laid out as `setup.outputs`; the other outputs are sent back. */
      readonly into: Float32Array;
    }
  | {
      readonly kind: "forward";
      readonly model: SharedModel;
      readonly feeds: Readonly<Record<string, Tensor>>;
    }
  | {
      /** Payoffs are left on the sheet. */
      readonly kind: "rows";
      readonly tail: Pinned<TailSetup>;
      readonly sheet: Pinned<SharedArrayBuffer>;
      readonly rows: number;
    }
  | {
      /** Rows whose examples come in stretches, evaluated by adding effects. */
      readonly kind: "added";
      readonly tail: Pinned<TailSetup>;
      readonly effects: Pinned<EffectsSetup>;
      readonly sheet: Pinned<SharedArrayBuffer>;
      /** Rows of each run, one after the other. */
      readonly runs: readonly number[];
    }
  | {
      /** Coalitions along orders, evaluated by adding effects where there are any. */
      readonly kind: "walks";
      readonly tail: Pinned<TailSetup>;
      readonly effects: Pinned<EffectsSetup> | undefined;
      readonly sheet: Pinned<SharedArrayBuffer>;
      readonly size: WalksSize;
      /** Walks of each run, one after the other. */
      readonly runs: readonly number[];
    }
  | {
      /** Sums of payoffs over all examples, [coalitions]. */
      readonly kind: "coalitions";
      readonly tail: Pinned<WholeSetup>;
      readonly masks: Uint8Array;
    };

export type JobResult = Readonly<Record<string, Tensor>> | Float64Array;

/** What every thread is set up with. */
export interface ThreadSetup {
  readonly options: SessionOptions;
}
