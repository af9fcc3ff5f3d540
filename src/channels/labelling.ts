/** @file What is known about the channels of a graph: labels on axes, and what holds among them. */
import type { Node, StoredTensor } from "../graph/model.ts";
import type { LabelBlock, Labels } from "../ops/operator.ts";
import type { ChannelClasses } from "./channel-classes.ts";

/** A place where channels come from: the output axis of a weight. */
export interface Source {
  readonly node: Node;
  readonly value: string;
  readonly axis: number;
  readonly labels: Labels;
}

/** A place where an absent channel has to read as zero. */
export interface Read {
  readonly node: Node;
  /** -1 where the node reads what it makes itself of several inputs; `value` then is its output, of the same shape. */
  readonly input: number;
  readonly value: string;
  readonly axis: number;
}

/** Equally many of these labels must stay in each of `blocks` consecutive runs. */
export interface Balance {
  readonly node: Node;
  readonly labels: Labels;
  readonly blocks: number;
}

/**
 * Why a node made channels one:
 * - `meet`: two of its values meet position by position;
 * - `rectangle`: its value spans channels over several axes, and whole rows of it must go together;
 * - `balance`: equally many must stay in each of its blocks, which only equal positions of the blocks can promise.
 */
export type TieKind = "meet" | "rectangle" | "balance";

/** A step that made channels one that were not: position k of `left` and of `right`, for every k. */
export interface Tie {
  readonly node: Node;
  readonly kind: TieKind;
  readonly left: Labels;
  readonly right: Labels;
}

/** An axis of a constant whose size is a count of labels divided by a constant (grouped convolutions). */
export interface DerivedAxis {
  readonly nodes: ReadonlySet<Node>;
  readonly axis: number;
  readonly labels: Labels;
  readonly divisor: number;
}

export interface Labelling {
  readonly classes: ChannelClasses;
  /** Label blocks of every value that carries any; after the walk every block spans one axis. */
  readonly blocks: ReadonlyMap<string, readonly LabelBlock[]>;
  readonly constants: ReadonlyMap<string, StoredTensor>;
  readonly sources: readonly Source[];
  readonly reads: readonly Read[];
  readonly balances: readonly Balance[];
  /** In the order they were found; balances that are tied after the walk add theirs. */
  readonly ties: Tie[];
  /** By the name of the constant. */
  readonly derived: ReadonlyMap<string, DerivedAxis>;
}
