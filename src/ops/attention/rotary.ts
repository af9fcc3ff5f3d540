/** @file RotaryEmbedding, the standard one and onnxruntime's. */
import { intAttribute, withAttributes } from "../../graph/attributes.ts";
import type { Operator } from "../operator.ts";
import { likeFirst } from "../shapes.ts";
import { type Call, numeric, rankOf, sizeAt } from "./attend.ts";
import { headBlock, headLabels, inputHeadsLeft } from "./heads.ts";

/** Positions are turned within each head; every head in the same way. */
export const rotary: Operator = {
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
    c.setOutput(0, headBlock(isFlat ? 2 : 1, own, width));
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
