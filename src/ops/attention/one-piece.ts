/** @file com.microsoft.Attention: queries, keys and values out of one weight. */
import { intAttribute, intsAttribute, withAttributes } from "../../graph/attributes.ts";
import type { CostTerm, Fact, InferCall, Operator } from "../operator.ts";
import {
  attention,
  attentionMacs,
  type Call,
  cacheHeads,
  type Form,
  has,
  headsOnAxisOne,
  keyCount,
  numeric,
  sizeAt,
} from "./attend.ts";
import { headLabels, starts } from "./heads.ts";

/** Queries, keys and values in one weight: com.microsoft.Attention. */
const onePiece: Form = {
  inputs: 7,
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

export const onePieceAttention: Operator = attention(onePiece, { macs: onePieceMacs });
