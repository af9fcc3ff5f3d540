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
  /** By the name of the constant. */
  readonly derived: ReadonlyMap<string, DerivedAxis>;
}
