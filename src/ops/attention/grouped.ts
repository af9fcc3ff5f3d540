/** @file com.microsoft.GroupQueryAttention. */
import { intAttribute, withAttributes } from "../../graph/attributes.ts";
import { cacheHeads, type Form, has, headsOnAxisOne, over, sizeAt } from "./attend.ts";
import { headLabels } from "./heads.ts";

/** Keys and values have fewer heads, each shared by as many heads of queries. */
export const grouped: Form = {
  inputs: 12,
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
