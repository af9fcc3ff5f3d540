/** @file com.microsoft.MultiHeadAttention. */
import { intAttribute, withAttributes } from "../../graph/attributes.ts";
import {
  cacheHeads,
  type Form,
  has,
  headsOnAxisOne,
  keyCount,
  keysOf,
  numeric,
  over,
  rankOf,
  sizeAt,
} from "./attend.ts";
import { headLabels, starts } from "./heads.ts";

/** com.microsoft.MultiHeadAttention: apart, keys with values in one, or all three in one. */
export const apart: Form = {
  inputs: 8,
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
