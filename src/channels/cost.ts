/** @file MACs and parameters of a model as sums of products of axis sizes, so that removing a channel costs little. */
import { factorsOf } from "../graph/dims.ts";
import type { Dim, Node } from "../graph/model.ts";
import { operatorOf } from "../ops/index.ts";
import type { CostTerm } from "../ops/operator.ts";
import { type DType, isFloat } from "../tensor/dtype.ts";
import type { ChannelAnalysis } from "./groups.ts";

/** Multiply-accumulates of one example, and trainable parameters (running statistics not counted). */
export interface Cost {
  readonly macs: number;
  readonly parameters: number;
}

/** An axis whose size shrinks with the channels on it. */
interface CountedAxis {
  readonly size: number;
  readonly divisor: number;
}

interface Product {
  readonly coefficient: number;
  readonly axes: readonly number[];
}

interface Use {
  readonly axis: number;
  /** Positions of that axis which the channel takes. */
  readonly positions: number;
}

/** The cost as a function of which channels are there. */
export interface CostModel {
  readonly axes: readonly CountedAxis[];
  readonly macs: readonly Product[];
  readonly parameters: readonly Product[];
  /** uses[group][channel]: the axes the channel sits on. */
  readonly uses: readonly (readonly (readonly Use[])[])[];
  /** Symbolic sizes that were counted as one because the file leaves them open. */
  readonly openSizes: readonly string[];
}

/** Builds the cost model of an analysed model. MACs are counted where operators have a rule for them. */
export function costModelOf(analysis: ChannelAnalysis): CostModel {
  const draft = newDraft(analysis);
  const macs = macTerms(analysis).map((term) => productOf(draft, term));
  const parameters = trainableConstants(analysis).map((value) => {
    const shape = analysis.labelling.constants.get(value)!.shape;
    return productOf(draft, { coefficient: 1, axes: shape.map((_, axis) => ({ value, axis })) });
  });
  const uses = analysis.groups.map((group) => Array.from({ length: group.channels }, (): Use[] => []));
  draft.axes.forEach(({ labels }, axis) => {
    if (labels !== undefined) countUses(analysis, labels, axis, uses);
  });
  return { axes: draft.axes, macs, parameters, uses, openSizes: [...draft.openSizes] };
}

interface Draft {
  readonly analysis: ChannelAnalysis;
  readonly axes: (CountedAxis & { readonly labels: Int32Array | undefined })[];
  readonly index: Map<string, number>;
  readonly openSizes: Set<string>;
}

function newDraft(analysis: ChannelAnalysis): Draft {
  return { analysis, axes: [], index: new Map(), openSizes: new Set() };
}

function macTerms(analysis: ChannelAnalysis): readonly CostTerm[] {
  return analysis.model.graph.nodes.flatMap((node) => termsOf(analysis, node));
}

function termsOf({ model, facts }: ChannelAnalysis, node: Node): readonly CostTerm[] {
  const factOf = (name: string) => (name === "" ? undefined : facts.get(name));
  const call = {
    node,
    opset: model.opsets.get(node.domain) ?? 1,
    inputs: node.inputs.map(factOf),
    outputs: node.outputs.map(factOf),
  };
  return operatorOf(node)?.macs?.(call) ?? [];
}

/** Multiply-accumulates of one example for each node that has any, by the name of its first output. */
export function macsByNode(analysis: ChannelAnalysis): Map<string, number> {
  const draft = newDraft(analysis);
  const sizeOf = ({ value, axis }: CostTerm["axes"][number]) =>
    fixedSize(draft, analysis.facts.get(value)?.shape?.[axis]);
  const entries = analysis.model.graph.nodes.map((node): [string, number] => {
    const terms = termsOf(analysis, node).map(({ coefficient, axes }) =>
      axes.reduce((product, axis) => product * sizeOf(axis), coefficient),
    );
    return [node.outputs[0]!, terms.reduce((sum, macs) => sum + macs, 0)];
  });
  return new Map(entries.filter(([, macs]) => macs > 0));
}

/** Constants with at least one axis that some node reads as a weight: floats, and integers that stand for floats. */
export function trainableConstants({ model, labelling }: ChannelAnalysis): string[] {
  const used = new Set<string>();
  const quantized = new Set<string>();
  for (const node of model.graph.nodes) {
    const { auxiliaryInputs = [], integerWeights = [] } = operatorOf(node) ?? {};
    node.inputs.forEach((name, input) => {
      if (integerWeights.includes(input)) quantized.add(name);
      else if (!auxiliaryInputs.includes(input)) used.add(name);
    });
  }
  const isWeight = (name: string, dtype: DType) => quantized.has(name) || (used.has(name) && isFloat(dtype));
  return [...labelling.constants].flatMap(([name, tensor]) =>
    isWeight(name, tensor.dtype) && tensor.shape.length > 0 ? [name] : [],
  );
}

function productOf(draft: Draft, term: CostTerm): Product {
  let { coefficient } = term;
  const axes: number[] = [];
  for (const { value, axis, isWhole = false } of term.axes) {
    const counted = isWhole ? undefined : countedAxis(draft, value, axis);
    if (counted !== undefined) axes.push(counted);
    else coefficient *= fixedSize(draft, draft.analysis.facts.get(value)?.shape?.[axis]);
  }
  return { coefficient, axes };
}

/** The leading symbolic factor of a size counts as one: costs are per example. */
function fixedSize(draft: Draft, size: Dim): number {
  if (typeof size === "number") return size;
  if (size === undefined) {
    draft.openSizes.add("?");
    return 1;
  }
  const batch =
    draft.analysis.model.graph.inputs[0] === undefined
      ? undefined
      : draft.analysis.facts.get(draft.analysis.model.graph.inputs[0].name)?.shape?.[0];
  const { factor, atoms } = factorsOf(size);
  for (const atom of atoms) if (atom !== batch) draft.openSizes.add(atom);
  return factor;
}

function countedAxis(draft: Draft, value: string, axis: number): number | undefined {
  const key = `${value}\n${axis}`;
  const counted = draft.index.get(key);
  if (counted !== undefined) return counted;
  const { labelling } = draft.analysis;
  const known = labelling.derived.get(value);
  const derived = known?.axis === axis ? known : undefined;
  const block = labelling.blocks.get(value)?.find(({ axes }) => axes[0] === axis);
  const labels = derived?.labels ?? block?.labels;
  if (labels === undefined) return undefined;
  for (const around of block?.within ?? [])
    for (const size of [around?.outer, around?.inner]) fixedSize(draft, size ?? 1);
  const at = draft.axes.push({ size: labels.length, divisor: derived?.divisor ?? 1, labels }) - 1;
  draft.index.set(key, at);
  return at;
}

/** Axes come one after the other, so what a channel takes of this one is its last use. */
function countUses(analysis: ChannelAnalysis, labels: Int32Array, axis: number, uses: Use[][][]): void {
  for (const label of labels) {
    const place = analysis.placeOf(label);
    if (place === undefined) continue;
    const own = uses[place.group]![place.channel]!;
    const last = own.at(-1);
    if (last?.axis === axis) own[own.length - 1] = { axis, positions: last.positions + 1 };
    else own.push({ axis, positions: 1 });
  }
}

/** A running cost: take channels away (or put them back) and read the totals. */
export interface CostMeter {
  readonly cost: () => Cost;
  remove(group: number, channel: number): void;
  restore(group: number, channel: number): void;
}

/** Starts with every channel present that is not gone. A change costs as much as the products it touches. */
export function costMeter(
  model: CostModel,
  isGone: (group: number, channel: number) => boolean = () => false,
): CostMeter {
  const sizes = Float64Array.from(model.axes, ({ size }) => size);
  model.uses.forEach((channels, group) => {
    channels.forEach((uses, channel) => {
      if (isGone(group, channel)) for (const { axis, positions } of uses) sizes[axis]! -= positions;
    });
  });
  const totals = [
    runningTotal(model.macs, model, sizes),
    runningTotal(model.parameters, model, sizes),
  ] as const;
  const change = (group: number, channel: number, sign: number) => {
    for (const { axis, positions } of model.uses[group]![channel]!) {
      sizes[axis]! += sign * positions;
      for (const total of totals) total.refresh(axis);
    }
  };
  return {
    cost: () => ({ macs: totals[0].value(), parameters: totals[1].value() }),
    remove: (group, channel) => change(group, channel, -1),
    restore: (group, channel) => change(group, channel, 1),
  };
}

interface RunningTotal {
  readonly value: () => number;
  /** Brings the products of an axis up to date. */
  refresh(axis: number): void;
}

/** Numerators are whole numbers summed per divisor, so any order of changes gives the same total to the last bit. */
function runningTotal(products: readonly Product[], model: CostModel, sizes: Float64Array): RunningTotal {
  const numerators = new Float64Array(products.length);
  const divisors = products.map(({ axes }) => axes.reduce((all, axis) => all * model.axes[axis]!.divisor, 1));
  const distinct = [...new Set(divisors)];
  const slots = Int32Array.from(divisors, (divisor) => distinct.indexOf(divisor));
  const sums = new Float64Array(distinct.length);
  const productsOn: number[][] = model.axes.map(() => []);
  const refresh = (at: number) => {
    const { coefficient, axes } = products[at]!;
    let numerator = coefficient;
    for (const axis of axes) numerator *= sizes[axis]!;
    const slot = slots[at]!;
    sums[slot] = sums[slot]! + numerator - numerators[at]!;
    numerators[at] = numerator;
  };
  products.forEach(({ axes }, at) => {
    for (const axis of new Set(axes)) productsOn[axis]!.push(at);
    refresh(at);
  });
  return {
    value() {
      let total = 0;
      distinct.forEach((divisor, slot) => {
        total += sums[slot]! / divisor;
      });
      return total;
    },
    refresh(axis) {
      for (const at of productsOn[axis]!) refresh(at);
    },
  };
}

/** What the whole model costs. */
export function fullCost(model: CostModel): Cost {
  return costMeter(model).cost();
}

/** What removing one channel saves while all others are there. Shape [groups][channels]. */
export function channelCosts(model: CostModel): Cost[][] {
  const meter = costMeter(model);
  const full = meter.cost();
  return model.uses.map((channels, group) => {
    let last: Cost | undefined;
    return channels.map((uses, channel) => {
      if (last !== undefined && sameUses(uses, channels[channel - 1]!)) return last; // as most neighbours do
      meter.remove(group, channel);
      const less = meter.cost();
      meter.restore(group, channel);
      last = { macs: full.macs - less.macs, parameters: full.parameters - less.parameters };
      return last;
    });
  });
}

/** Channels that take as much of the same axes save the same. */
function sameUses(a: readonly Use[], b: readonly Use[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ axis, positions }, k) => axis === b[k]!.axis && positions === b[k]!.positions)
  );
}
