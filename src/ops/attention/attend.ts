/**
 * @file Attention in one operator: the standard one, and onnxruntime's Attention, MultiHeadAttention and
 * GroupQueryAttention. Whole heads can go; query heads that share a key head go with it.
 */
import { intAttribute, intsAttribute, withAttributes } from "../../graph/attributes.ts";
import { addDims } from "../../graph/dims.ts";
import type { Dim, Node } from "../../graph/model.ts";
import type { CostTerm, Couplings, Fact, InferCall, Labels, Operator, SliceCall } from "../operator.ts";
import { blockFor, likeFirst } from "../shapes.ts";
import { headBlock, headLabels, headsLeft, inputHeadsLeft, tieHeads } from "./heads.ts";

const fixedPartner = "it meets heads that are fixed";

type Call = Pick<InferCall, "node" | "inputs">;

const has = (node: Node, input: number): boolean => (node.inputs[input] ?? "") !== "";
const sizeAt = (call: Call, input: number, axis: number): Dim => call.inputs[input]?.shape?.[axis];
const rankOf = (call: Call, input: number): number => call.inputs[input]?.shape?.length ?? 0;

/** Sizes of one attention: what the operators below are told in different ways. */
interface Layout {
  readonly heads: number;
  readonly sharedHeads: number;
  /** Positions of a head among queries and keys, and among values. */
  readonly width: number;
  readonly valueWidth: number;
}

interface Form {
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

function attention(form: Form, rest: Partial<Operator> = {}): Operator {
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
  if (layout === undefined) {
    for (let input = 0; input < c.node.inputs.length; input++) c.lockInput(input, "its heads are not known");
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
function attentionMacs(
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
function keysOf(call: Call): readonly [number, number] {
  const isOnePiece = call.node.opType === "Attention" && call.node.domain !== "";
  if (isOnePiece || !has(call.node, 1)) return [0, 1];
  return [1, rankOf(call, 1) === 4 ? 2 : 1];
}

/** Heads on axis 1 of the inputs [batch, heads, ...]; axes of size 1 hold none. */
function headsOnAxisOne(c: Couplings, inputs: readonly number[], heads: number): (Labels | undefined)[] {
  const wide = inputs.filter((input) => has(c.node, input) && sizeAt(c, input, rankOf(c, input) - 3) !== 1);
  return wide
    .filter((input) => rankOf(c, input) >= 3)
    .map((input) => headLabels(c, { input, axis: rankOf(c, input) - 3, heads }));
}

/** Caches of keys and values; without heads that could go unless something labelled makes them. */
function cacheHeads(
  c: Couplings,
  inputs: readonly number[],
  axis: number,
  heads: number,
): (Labels | undefined)[] {
  return inputs.filter((input) => has(c.node, input)).map((input) => headLabels(c, { input, axis, heads }));
}

function numeric(size: Dim): size is number {
  return typeof size === "number";
}

/** Positions of all keys: those that are cached and those that come. */
function keyCount(call: Call, past: number, axis: number, now: Dim): Dim {
  return has(call.node, past) ? addDims(sizeAt(call, past, axis), now) : now;
}

/** Attention of the standard operator set 23 and later. */
const standard: Form = {
  layoutOf(call) {
    const isFlat = rankOf(call, 0) === 3;
    const [q, k, v] = [0, 1, 2].map((input) => sizeAt(call, input, isFlat ? 2 : 3));
    const heads = isFlat ? intAttribute(call.node, "q_num_heads", 0) : sizeAt(call, 0, 1);
    const sharedHeads = isFlat ? intAttribute(call.node, "kv_num_heads", 0) : sizeAt(call, 1, 1);
    if (![q, k, v, heads, sharedHeads].every(numeric) || heads === 0 || sharedHeads === 0) return undefined;
    const [h, s] = [heads as number, sharedHeads as number];
    return {
      heads: h,
      sharedHeads: s,
      width: (q as number) / (isFlat ? h : 1),
      valueWidth: (v as number) / (isFlat ? s : 1),
    };
  },
  headsOf(c, { heads, sharedHeads }) {
    const axis = rankOf(c, 0) === 3 ? 2 : 1;
    return {
      queries: [headLabels(c, { input: 0, axis, heads }), ...headsOnAxisOne(c, [3], heads)],
      shared: [
        headLabels(c, { input: 1, axis, heads: sharedHeads }),
        headLabels(c, { input: 2, axis, heads: sharedHeads }),
        ...cacheHeads(c, [4, 5], 1, sharedHeads),
      ],
    };
  },
  outputs(call, { heads, sharedHeads, width, valueWidth }) {
    const isFlat = rankOf(call, 0) === 3;
    const [batch, queries] = [sizeAt(call, 0, 0), sizeAt(call, 0, isFlat ? 1 : 2)];
    const keys = keyCount(call, 4, 2, sizeAt(call, 1, isFlat ? 1 : 2));
    const shape = isFlat ? [batch, queries, heads * valueWidth] : [batch, heads, queries, valueWidth];
    return [
      { shape, axis: isFlat ? 2 : 1, width: isFlat ? valueWidth : 1, of: "queries" },
      { shape: [batch, sharedHeads, keys, width], axis: 1, width: 1, of: "shared" },
      { shape: [batch, sharedHeads, keys, valueWidth], axis: 1, width: 1, of: "shared" },
      { shape: [batch, heads, queries, keys], axis: 1, width: 1, of: "queries" },
    ];
  },
  rewrite({ node }, _layout, { heads, sharedHeads }) {
    if (!node.attributes.has("q_num_heads")) return node;
    return withAttributes(node, {
      q_num_heads: { kind: "int", value: heads },
      kv_num_heads: { kind: "int", value: sharedHeads },
    });
  },
};

/** Queries, keys and values in one weight: com.microsoft.Attention. */
const onePiece: Form = {
  layoutOf(call) {
    const heads = intAttribute(call.node, "num_heads", 0);
    const [q, , v] = partsOf(call) ?? [];
    if (q === undefined || v === undefined || heads === 0) return undefined;
    return { heads, sharedHeads: heads, width: q / heads, valueWidth: v / heads };
  },
  headsOf(c, { heads }) {
    c.unify(c.labelsOf(0, 2), c.labelsOf(1, 0), "the weights read a channel that is fixed");
    c.read(0, 2);
    c.produce(1, 1);
    const places = [{ input: 1, axis: 1 }, ...(has(c.node, 2) ? [{ input: 2, axis: 0 }] : [])];
    const all = places.flatMap((place) =>
      starts(partsOf(c)!).map(({ start, size }) => headLabels(c, { ...place, heads, start, size })),
    );
    return {
      queries: [...all, ...headsOnAxisOne(c, [5], heads)],
      shared: cacheHeads(c, [4], 2, heads),
    };
  },
  outputs(call, { heads, width, valueWidth }) {
    const [batch, queries] = [sizeAt(call, 0, 0), sizeAt(call, 0, 1)];
    const keys = keyCount(call, 4, 3, queries);
    return [
      { shape: [batch, queries, heads * valueWidth], axis: 2, width: valueWidth, of: "queries" },
      { shape: [2, batch, heads, keys, width], axis: 2, width: 1, of: "queries" },
    ];
  },
  rewrite(call, layout, { heads }) {
    const sizes = partsOf(call)!.map((size) => (size / layout.heads) * heads);
    const own = withAttributes(call.node, { num_heads: { kind: "int", value: heads } });
    if (!call.node.attributes.has("qkv_hidden_sizes")) return own;
    return withAttributes(own, { qkv_hidden_sizes: { kind: "ints", value: sizes } });
  },
};

/** Columns of queries, keys and values in the weights of onnxruntime's Attention. */
function partsOf(call: Call): number[] | undefined {
  const given = intsAttribute(call.node, "qkv_hidden_sizes");
  if (given !== undefined && given.length === 3) return [...given];
  const all = sizeAt(call, 1, 1);
  return numeric(all) ? [all / 3, all / 3, all / 3] : undefined;
}

function starts(sizes: readonly number[]): { start: number; size: number }[] {
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return { start: start - size, size };
  });
}

/** com.microsoft.MultiHeadAttention: apart, keys with values in one, or all three in one. */
const apart: Form = {
  layoutOf(call) {
    const heads = intAttribute(call.node, "num_heads", 0);
    const isPacked = rankOf(call, 0) === 5;
    const width = isPacked ? sizeAt(call, 0, 4) : over(sizeAt(call, 0, 2), heads);
    const valueWidth = has(call.node, 2)
      ? rankOf(call, 2) === 4
        ? sizeAt(call, 2, 3)
        : over(sizeAt(call, 2, 2), heads)
      : width;
    if (!numeric(width) || !numeric(valueWidth) || heads === 0) return undefined;
    return { heads, sharedHeads: heads, width, valueWidth };
  },
  headsOf(c, { heads, width, valueWidth }) {
    const sizes = [heads * width, heads * width, heads * valueWidth];
    const bias = has(c.node, 3)
      ? starts(sizes).map(({ start, size }) => headLabels(c, { input: 3, axis: 0, heads, start, size }))
      : [];
    const parts = [0, 1, 2].filter((input) => has(c.node, input));
    return {
      queries: [
        ...parts.map((input) => headLabels(c, { input, axis: rankOf(c, input) === 4 ? 1 : 2, heads })),
        ...bias,
        ...headsOnAxisOne(c, [5], heads),
      ],
      shared: cacheHeads(c, [6, 7], 1, heads),
    };
  },
  outputs(call, { heads, width, valueWidth }) {
    const [batch, queries] = [sizeAt(call, 0, 0), sizeAt(call, 0, 1)];
    const [source, axis] = keysOf(call);
    const keys = keyCount(call, 6, 2, sizeAt(call, source, axis));
    return [
      { shape: [batch, queries, heads * valueWidth], axis: 2, width: valueWidth, of: "queries" },
      { shape: [batch, heads, keys, width], axis: 1, width: 1, of: "queries" },
      { shape: [batch, heads, keys, valueWidth], axis: 1, width: 1, of: "queries" },
      { shape: [batch, heads, queries, keys], axis: 1, width: 1, of: "queries" },
    ];
  },
  rewrite: ({ node }, _layout, { heads }) =>
    withAttributes(node, { num_heads: { kind: "int", value: heads } }),
};

function over(size: Dim, heads: number): number | undefined {
  return numeric(size) && heads > 0 ? size / heads : undefined;
}

/** com.microsoft.GroupQueryAttention. */
const grouped: Form = {
  layoutOf(call) {
    const heads = intAttribute(call.node, "num_heads", 0);
    const sharedHeads = intAttribute(call.node, "kv_num_heads", 0);
    const all = has(call.node, 1) ? heads : heads + 2 * sharedHeads;
    const width = over(sizeAt(call, 0, 2), all);
    if (width === undefined || sharedHeads === 0) return undefined;
    return { heads, sharedHeads, width, valueWidth: width };
  },
  headsOf(c, { heads, sharedHeads, width }) {
    const size = heads * width;
    const isPacked = !has(c.node, 1);
    const sharedAt = (input: number, start: number) =>
      headLabels(c, { input, axis: 2, heads: sharedHeads, start, size: sharedHeads * width });
    return {
      queries: [
        headLabels(c, { input: 0, axis: 2, heads, size }),
        ...headsOnAxisOne(c, [10], heads),
        ...(has(c.node, 11) ? [headLabels(c, { input: 11, axis: 0, heads })] : []),
      ],
      shared: [
        ...(isPacked
          ? [sharedAt(0, size), sharedAt(0, size + sharedHeads * width)]
          : [sharedAt(1, 0), sharedAt(2, 0)]),
        ...cacheHeads(c, [3, 4], 1, sharedHeads),
      ],
    };
  },
  outputs(call, { heads, sharedHeads, width }) {
    const [batch, queries] = [sizeAt(call, 0, 0), sizeAt(call, 0, 1)];
    const cache = { shape: [batch, sharedHeads, undefined, width], axis: 1, width: 1, of: "shared" } as const;
    return [{ shape: [batch, queries, heads * width], axis: 2, width, of: "queries" }, cache, cache];
  },
  rewrite: ({ node }, _layout, { heads, sharedHeads }) =>
    withAttributes(node, {
      num_heads: { kind: "int", value: heads },
      kv_num_heads: { kind: "int", value: sharedHeads },
    }),
};

/** Positions are turned within each head; every head in the same way. */
const rotary: Operator = {
  infer: (call) => [likeFirst(call, call.inputs[0]?.shape)],
  couple(c) {
    const heads = rotaryHeads(c);
    const isFlat = rankOf(c, 0) === 3;
    if (heads === undefined) {
      c.lockInput(0, "its heads are not known");
      return;
    }
    const own = headLabels(c, { input: 0, axis: isFlat ? 2 : 1, heads });
    const width = isFlat ? (sizeAt(c, 0, 2) as number) / heads : 1;
    c.setOutput(0, blockFor(isFlat ? 2 : 1, own && headBlock(0, own, width)[0]!.labels));
  },
  slice(call) {
    if (rankOf(call, 0) !== 3 || intAttribute(call.node, "num_heads", 0) === 0) return call.node;
    const left = inputHeadsLeft(call, 0, 2, intAttribute(call.node, "num_heads", 0));
    return withAttributes(call.node, { num_heads: { kind: "int", value: left } });
  },
};

/** Heads as given, else as many as tables of half a head's width imply. */
function rotaryHeads(call: Call): number | undefined {
  if (rankOf(call, 0) === 4) {
    const heads = sizeAt(call, 0, 1);
    return numeric(heads) ? heads : undefined;
  }
  const given = intAttribute(call.node, "num_heads", 0);
  if (given > 0) return given;
  const all = sizeAt(call, 0, 2);
  const table = call.inputs[call.node.domain === "" ? 1 : 2]?.shape?.at(-1);
  return numeric(all) && numeric(table) ? all / (2 * table) : undefined;
}

export const attentions: Readonly<Record<string, Operator>> = {
  Attention: attention(standard),
  RotaryEmbedding: rotary,
};

/** Projection of one-piece attention counts beside its products. */
function onePieceMacs(
  call: InferCall & { readonly outputs: readonly (Fact | undefined)[] },
): readonly CostTerm[] {
  const [x, weight] = call.node.inputs as [string, string];
  const axes = [
    { value: x, axis: 0 },
    { value: x, axis: 1 },
    { value: weight, axis: 0 },
    { value: weight, axis: 1 },
  ];
  return [{ coefficient: 1, axes }, ...attentionMacs(call)];
}

/** Of onnxruntime's own operator set. */
export const contribAttentions: Readonly<Record<string, Operator>> = {
  Attention: attention(onePiece, { macs: onePieceMacs }),
  MultiHeadAttention: attention(apart),
  GroupQueryAttention: attention(grouped),
  RotaryEmbedding: rotary,
};
