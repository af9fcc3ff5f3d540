/** @file Attention of the standard operator set. */
import { intAttribute, withAttributes } from "../../graph/attributes.ts";
import { cacheHeads, type Form, headsOnAxisOne, keyCount, numeric, rankOf, sizeAt } from "./attend.ts";
import { headLabels } from "./heads.ts";

/** Attention of the standard operator set 23 and later. */
export const standard: Form = {
  inputs: 7,
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
