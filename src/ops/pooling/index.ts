/** @file Pooling over space: channels pass, positions mix. */
import { intsAttribute, stringAttribute } from "../../graph/attributes.ts";
import { windowedDim } from "../../graph/dims.ts";
import type { Dim } from "../../graph/model.ts";
import { ceilMode, kernelShape } from "../convolution/index.ts";
import type { Couplings, Fact, InferCall, Operator } from "../operator.ts";
import { likeFirst, numbersOf, shapeOf } from "../shapes.ts";

function inferPool(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const kernel = kernelShape(call.node);
  if (x === undefined || kernel === undefined) return call.node.outputs.map(() => likeFirst(call, undefined));
  const axes = kernel.length;
  const strides = intsAttribute(call.node, "strides") ?? new Array<number>(axes).fill(1);
  const dilations = intsAttribute(call.node, "dilations") ?? new Array<number>(axes).fill(1);
  const pads = intsAttribute(call.node, "pads") ?? new Array<number>(2 * axes).fill(0);
  const autoPad = stringAttribute(call.node, "auto_pad", "NOTSET");
  const spatial = x.slice(2).map((size, axis): Dim => {
    const extent = dilations[axis]! * (kernel[axis]! - 1) + 1;
    if (autoPad.startsWith("SAME")) return windowedDim(size, 0, 1, strides[axis]!, false);
    const before = autoPad === "VALID" ? 0 : pads[axis]!;
    const pad = before + (autoPad === "VALID" ? 0 : pads[axis + axes]!);
    const out = windowedDim(size, pad, extent, strides[axis]!, ceilMode(call.node));
    // With ceil_mode a last window that would start in the padding is left out.
    const overshoots =
      typeof out === "number" && typeof size === "number" && (out - 1) * strides[axis]! >= size + before;
    return overshoots ? out - 1 : out;
  });
  return call.node.outputs.map((_, k) => ({
    ...likeFirst(call, [x[0], x[1], ...spatial]),
    ...(k > 0 && { dtype: "int64" }),
  }));
}

function inferGlobal(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  return [likeFirst(call, x === undefined ? undefined : [x[0], x[1], ...x.slice(2).map(() => 1)])];
}

function couplePool(c: Couplings): void {
  const rank = c.inputs[0]?.shape?.length;
  if (rank === undefined) {
    c.lockInput(0, "its rank is not known");
    return;
  }
  if ((c.node.outputs[1] ?? "") !== "") c.lockInput(0, "MaxPool reports positions that count over channels");
  for (let axis = 2; axis < rank; axis++) c.lock(c.labelsOf(0, axis), "pooling slides over it");
  c.setOutput(
    0,
    c.blocksOf(0).filter(({ axes }) => axes.every((axis) => axis < 2)),
  );
}

/** The shape has to be given: sizes of windows alone leave out remainders. */
function inferUnpool(call: InferCall): readonly Fact[] {
  const shape = call.inputs[2]?.elements ?? numbersOf(call.inputs[2]);
  return [likeFirst(call, shape)];
}

function coupleUnpool(c: Couplings): void {
  c.lockInput(0, "MaxUnpool reads positions that count over channels");
}

const sliding: Operator = { infer: inferPool, couple: couplePool };
const global: Operator = { infer: inferGlobal, couple: couplePool };

export const pooling: Readonly<Record<string, Operator>> = {
  MaxPool: sliding,
  MaxUnpool: { infer: inferUnpool, couple: coupleUnpool },
  AveragePool: sliding,
  LpPool: sliding,
  GlobalMaxPool: global,
  GlobalAveragePool: global,
  GlobalLpPool: global,
};
