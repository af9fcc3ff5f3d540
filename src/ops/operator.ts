/**
 * @file Everything the product asks of an operator, answered in one place per operator family.
 *
 * The central idea: every position along a prunable axis carries a label, a small integer. Operators say which
 * labels their outputs carry and which labels must be the same channel. Offsets behind a Concat, repeats behind a
 * Flatten, interleaving behind a channel shuffle are then nothing but arrays of labels, and they compose.
 */
import type { AttributeInShort, Emitter } from "../graph/emitter.ts";
import type { Dim, Graph, Node } from "../graph/model.ts";
import type { DType } from "../tensor/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Kernel } from "./kernel.ts";

/** What is known about a value before anything runs. */
export interface Fact {
  readonly dtype?: DType | undefined;
  /** Absent when even the rank is unknown. */
  readonly shape?: readonly Dim[] | undefined;
  /** The elements, where they are known and few: weights of shapes, axes, sizes. */
  readonly constant?: Tensor | undefined;
  /** Elements of a small integer tensor, some of them symbolic: what Shape yields, and arithmetic on it. */
  readonly elements?: readonly Dim[] | undefined;
}

export interface InferCall {
  readonly node: Node;
  readonly opset: number;
  /** One per input; undefined where an optional input is omitted. */
  readonly inputs: readonly (Fact | undefined)[];
  /** Facts about what a body inside the node makes of these inputs; absent where nobody looks into bodies. */
  readonly bodyFacts?: ((body: Graph, inputs: readonly Fact[]) => readonly Fact[]) | undefined;
}

/** One label per position of an axis (or, for several axes at once, per position of their row-major product). */
export type Labels = Int32Array;

/** What an axis holds besides labels: its size is outer × labels × inner, outermost first. */
export interface Within {
  /** Symbolic, or 1: the labels come again this many times. */
  readonly outer: Dim;
  /** Symbolic, or 1: each label stands for this many positions in a row. */
  readonly inner: Dim;
}

/** Labels that span one or several axes of a value. The labels are row-major over `axes` in the listed order. */
export interface LabelBlock {
  readonly axes: readonly number[];
  readonly labels: Labels;
  /** One entry per axis; absent where the labels of every axis are its positions. Only open sizes are told this way. */
  readonly within?: readonly (Within | undefined)[];
}

/** What a coupling rule may ask and say. Positions that are not labelled are fixed: nothing there can be removed. */
export interface Couplings {
  readonly node: Node;
  readonly opset: number;
  /** What an attention of several matrix products loses: whole heads, or the same positions of every head. */
  readonly attentionCut: "heads" | "width";
  /** What this grouped convolution lost in an earlier form of the network, where there was one. */
  readonly knownCut: "equal" | "blocks" | undefined;
  /** What this convolution with blocks of several channels loses: channels of each block, or whole blocks. */
  takeCut(): "equal" | "blocks";
  readonly inputs: readonly (Fact | undefined)[];
  readonly outputs: readonly (Fact | undefined)[];
  /**
   * Labels along one axis of an input; undefined when it is fixed. Several-axis blocks are tied to fit one axis, and
   * labels that share their axis with an open size are locked.
   */
  labelsOf(input: number, axis: number): Labels | undefined;
  /** As {@link Couplings.labelsOf}, for rules that hand on or pair axes which hold more than labels. */
  axisBlock(input: number, axis: number): LabelBlock | undefined;
  /** As {@link Couplings.axisBlock}, with a block over several axes tied to fit this one instead of the leading one. */
  blockAlong(input: number, axis: number): LabelBlock | undefined;
  /** Makes all labels on the axis `from` one channel, the only position on the axis `onto`, which has size 1. */
  blockOnto(input: number, from: number, onto: number): void;
  /** All label blocks of an input. */
  blocksOf(input: number): readonly LabelBlock[];
  setOutput(output: number, blocks: readonly LabelBlock[]): void;
  /** Equal positions are one channel from now on; a fixed partner fixes the other. */
  unify(a: Labels | undefined, b: Labels | undefined, why?: string): void;
  /** The two label arrays carry the same channels already. */
  same(a: number, b: number): boolean;
  /** These labels may end here: the node picks positions, and the slicing rule moves its bounds. */
  release(labels: Labels | undefined): void;
  /** New channels without a weight behind them, such as the zeros a Pad adds. */
  fresh(size: number): Labels;
  /**
   * New positions that are all alike, as those of an axis stretched from size 1: what they meet says which channels they
   * are.
   */
  alike(size: number): Labels;
  /** Whether these labels are such positions. */
  isAlike(labels: Labels): boolean;
  /** Who keeps an axis that several want: more for channels that larger weights make, 1 for those of no weight, 0 for {@link alike}. */
  claimOf(labels: Labels): number;
  /** This axis of a constant input, stored or computed from stored ones, is where channels come from. */
  produce(input: number, axis: number): Labels | undefined;
  /** This node mixes over the axis: an absent channel has to read as zero here. */
  read(input: number, axis: number): void;
  /** As {@link Couplings.read}, where the axis may hold an open size behind its channels. Needs a rule for masked channels. */
  readAround(input: number, axis: number): void;
  /**
   * As {@link Couplings.read}, for nodes that make what they mix over of several inputs: it has the shape of this output.
   * Needs a rule for masked channels.
   */
  readInside(output: number, axis: number): void;
  lock(labels: Labels | undefined, why: string): void;
  /** Locks everything an input carries. */
  lockInput(input: number, why: string): void;
  /** `labels` fall into consecutive blocks of equal size, and equally many must stay in each. */
  balance(labels: Labels, blocks: number): void;
  /** Size of this axis of a constant is the number of kept `labels` divided by `divisor`. */
  countsOf(input: number, axis: number, labels: Labels | undefined, divisor: number): void;
  /** The outputs tell sizes of this input and nothing of its elements. */
  measure(input: number): void;
  /**
   * Sizes in this input may have been computed: the slicing rule writes it anew, all of it or the numbers in it. What
   * is open among the sizes then has to be right as it is computed.
   */
  rewrites(input: number, what?: "all" | "numbers"): void;
  /** Whether a size is a number, or a product of sizes that inputs of the graph have at run time. */
  isTold(size: Dim): boolean;
  /** No data reach the input: it is stored, or computed from what is stored. */
  isConstant(input: number): boolean;
  /** The elements are stored in the model. */
  isStored(input: number): boolean;
}

/** `coefficient` times the sizes of these axes; symbolic axes (the batch) count as one. */
export interface CostTerm {
  readonly coefficient: number;
  readonly axes: readonly CostAxis[];
}

export interface CostAxis {
  readonly value: string;
  readonly axis: number;
  /** The axis counts as it is, whatever channels on it go: a slice computes it at full length. */
  readonly isWhole?: boolean;
}

/** What a slicing rule may ask and say. */
export interface SliceCall {
  readonly node: Node;
  /** Version of the operator set of the node's domain, and of the standard one. */
  readonly opset: number;
  readonly standardOpset: number;
  readonly inputs: readonly (Fact | undefined)[];
  readonly outputs: readonly (Fact | undefined)[];
  /** Positions that stay along an axis, ascending; undefined when all stay, or when the axis has an open size. */
  keptOfInput(input: number, axis: number): Int32Array | undefined;
  keptOfOutput(output: number, axis: number): Int32Array | undefined;
  /** Shape after this slice. */
  shapeOfInput(input: number): readonly Dim[] | undefined;
  shapeOfOutput(output: number): readonly Dim[] | undefined;
  /** Elements of a constant input as they are before this slice. */
  constant(input: number): Tensor | undefined;
  /** Puts a new constant in place of an input of this node alone. */
  replaceInput(input: number, value: Tensor): void;
  /** Puts the value of this name in place of an input. */
  redirectInput(input: number, name: string): void;
  /** Leaves an optional input out. */
  omitInput(input: number): void;
  /** Adds a node in front of this one, and returns the name of its output. */
  emit(
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeInShort>>,
  ): string;
  /** Adds a node like this one with other inputs in front of it, and returns the name of its output. */
  emitLike(inputs: readonly string[]): string;
  /** Adds a constant, and returns its name. */
  store(value: Tensor): string;
  /** Name of a size as a list of one; undefined for a size that inputs of the graph do not tell. */
  sizeFromInputs(size: Dim): string | undefined;
}

/** Silences the channels of an axis that a node reads. */
export interface Mask {
  /** -1 for what is read inside the node. */
  readonly input: number;
  readonly axis: number;
  /**
   * Multiplies a value that has the shape of the input.
   * @param dtype Of the value; that of the input when left out.
   * @returns Name of the product.
   */
  times(name: string, dtype?: DType): string;
  /**
   * Divides a value by the number of channels that are there.
   * @param axes The value has the shape of the input but for these axes, which have size 1.
   * @returns Name of the quotient.
   */
  over(name: string, axes: readonly number[], dtype?: DType): string;
}

/** What a rule for masked channels is given. */
export interface MaskCall {
  readonly node: Node;
  /** Version of the operator set of the node's domain, and of the standard one. */
  readonly opset: number;
  readonly standardOpset: number;
  readonly inputs: readonly (Fact | undefined)[];
  /** One for every read of the node's rule that carries masked channels. */
  readonly masks: readonly Mask[];
  readonly emit: Emitter;
  /** Hands a value on under the name of an output, if the node has that output. */
  finish(value: string, output?: number): void;
}

export interface Operator {
  /** Facts about the outputs. Unknown shapes stay undefined; never a guess. */
  infer(call: InferCall): readonly Fact[];
  /** Multiply-accumulates of one run, for convolutions, matrix products, recurrent layers and attention; others cost none by convention. */
  macs?(call: InferCall & { readonly outputs: readonly (Fact | undefined)[] }): readonly CostTerm[];
  /**
   * How labels travel. Labels of an input that the rule neither hands on to an output nor reads nor releases are locked
   * afterwards, so what a rule does not mention cannot be removed.
   */
  couple(couplings: Couplings): void;
  /** Rewrites what the weights' own labels do not already say: attributes and constants that encode sizes. */
  slice?(call: SliceCall): Node;
  /**
   * Adds nodes that make this node's outputs while channels it reads are silent. Needed where masks on its inputs do
   * not say what the node makes of the channels that are there; otherwise the masks are put in front of it.
   */
  masked?(call: MaskCall): void;
  /** Which inputs are no trainable parameters although they are constant floats (statistics, paddings, bounds). */
  readonly auxiliaryInputs?: readonly number[];
  /** Which inputs are trained weights although they are stored as integers. */
  readonly integerWeights?: readonly number[];
  readonly kernel?: Kernel | undefined;
}
