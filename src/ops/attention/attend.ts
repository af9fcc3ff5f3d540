/**
 * @file What operators that compute attention whole have in common: whole heads can go, and query heads that share a key
 * head go with it. Each operator tells in its form where it keeps what.
 */
import { addDims } from "../../graph/dims.ts";
import type { Dim, Node } from "../../graph/model.ts";
import type { CostTerm, Couplings, Fact, InferCall, Labels, Operator, SliceCall } from "../operator.ts";
import { likeFirst } from "../shapes.ts";
import { headBlock, headLabels, headsLeft, tieHeads } from "./heads.ts";

const fixedPartner = "it meets heads that are fixed";

export type Call = Pick<InferCall, "node" | "inputs">;

export const has = (node: Node, input: number): boolean => (node.inputs[input] ?? "") !== "";
export const sizeAt = (call: Call, input: number, axis: number): Dim => call.inputs[input]?.shape?.[axis];
export const rankOf = (call: Call, input: number): number => call.inputs[input]?.shape?.length ?? 0;

/** Sizes of one attention: what the operators below are told in different ways. */
interface Layout {
  readonly heads: number;
  readonly sharedHeads: number;
  /** Positions of a head among queries and keys, and among values. */
  readonly width: number;
  readonly valueWidth: number;
}

/** How one operator is told what attention it computes. */
export interface Form {
  /** Inputs the form accounts for; a node with more is left alone. */
  readonly inputs: number;
  layoutOf(call: Call): Layout | undefined;
  /** Heads of every place among the inputs: of queries, and of keys and values. */
  headsOf(
    c: Couplings,
    layout: Layout,
  ): {
    readonly queries: readonly (Labels | undefined)[];
    readonly shared: readonly (Labels | undefined)[];
  };
  /** Shape of the result, of the keys and values handed on, and which axes hold heads. */
  outputs(call: Call, layout: Layout): readonly OutputForm[];
  /** Writes numbers of heads anew. */
  rewrite(
    call: SliceCall,
    layout: Layout,
    left: { readonly heads: number; readonly sharedHeads: number },
  ): Node;
}

interface OutputForm {
  readonly shape: readonly Dim[] | undefined;
  /** Axis that holds heads, how many positions each takes there, and which heads they are. */
  readonly axis: number;
  readonly width: number;
  readonly of: "queries" | "shared";
}

export function attention(form: Form, rest: Partial<Operator> = {}): Operator {
  return {
    infer: (call) => inferAttention(form, call),
    couple: (c) => coupleAttention(form, c),
    slice: (call) => sliceAttention(form, call),
    macs: attentionMacs,
    ...rest,
  };
}

function inferAttention(form: Form, call: InferCall): readonly Fact[] {
  const layout = form.layoutOf(call);
  const outputs = layout === undefined ? [] : form.outputs(call, layout);
  return call.node.outputs.map((_, k) => likeFirst(call, outputs[k]?.shape));
}

function coupleAttention(form: Form, c: Couplings): void {
  const layout = form.layoutOf(c);
  const hasMore = c.node.inputs.slice(form.inputs).some((name) => name !== "");
  if (layout === undefined || hasMore) {
    const why = hasMore ? `${c.node.opType} has an input without a rule` : "its heads are not known";
    for (let input = 0; input < c.node.inputs.length; input++) c.lockInput(input, why);
    return;
  }
  const { queries, shared } = form.headsOf(c, layout);
  const ratio = layout.heads / layout.sharedHeads;
  tieHeads(c, queries, shared, ratio, fixedPartner);
  const known = { queries: queries[0], shared: shared[0] };
  form.outputs(c, layout).forEach((output, k) => {
    c.setOutput(k, headBlock(output.axis, known[output.of], output.width));
  });
}

function sliceAttention(form: Form, call: SliceCall): Node {
  const layout = form.layoutOf(call);
  if (layout === undefined) return call.node;
  const [result] = form.outputs(call, layout);
  const size = call.outputs[0]!.shape![result!.axis] as number;
  const heads = headsLeft(call.keptOfOutput(0, result!.axis), size, layout.heads);
  if (heads === layout.heads) return call.node;
  return form.rewrite(call, layout, { heads, sharedHeads: (heads * layout.sharedHeads) / layout.heads });
}

/** Queries times keys and weights times values, for as many queries as keys; a cache counts as empty. */
export function attentionMacs(
  call: InferCall & { readonly outputs: readonly (Fact | undefined)[] },
): readonly CostTerm[] {
  const shape = call.outputs[0]?.shape;
  if (shape === undefined) return [];
  const value = call.node.outputs[0]!;
  const axes = shape.map((_, axis) => ({ value, axis }));
  const [source, at] = keysOf(call);
  return [{ coefficient: 2, axes: [...axes, { value: call.node.inputs[source]!, axis: at }] }];
}

/** The input with the keys, and its axis of positions. */
export function keysOf(call: Call): readonly [number, number] {
  const isOnePiece = call.node.opType === "Attention" && call.node.domain !== "";
  if (isOnePiece || !has(call.node, 1)) return [0, 1];
  return [1, rankOf(call, 1) === 4 ? 2 : 1];
}

/** Heads on axis 1 of the inputs [batch, heads, ...]; axes of size 1 hold none. */
export function headsOnAxisOne(
  c: Couplings,
  inputs: readonly number[],
  heads: number,
): (Labels | undefined)[] {
  const wide = inputs.filter((input) => has(c.node, input) && sizeAt(c, input, rankOf(c, input) - 3) !== 1);
  return wide
    .filter((input) => rankOf(c, input) >= 3)
    .map((input) => headLabels(c, { input, axis: rankOf(c, input) - 3, heads }));
}

/** Caches of keys and values; without heads that could go unless something labelled makes them. */
export function cacheHeads(
  c: Couplings,
  inputs: readonly number[],
  axis: number,
  heads: number,
): (Labels | undefined)[] {
  return inputs.filter((input) => has(c.node, input)).map((input) => headLabels(c, { input, axis, heads }));
}

export function numeric(size: Dim): size is number {
  return typeof size === "number";
}

/** Positions of all keys: those that are cached and those that come. */
export function keyCount(call: Call, past: number, axis: number, now: Dim): Dim {
  return has(call.node, past) ? addDims(sizeAt(call, past, axis), now) : now;
}

/** Positions of one head on an axis; undefined when they are not known. */
export function over(size: Dim, heads: number): number | undefined {
  return numeric(size) && heads > 0 ? size / heads : undefined;
}
