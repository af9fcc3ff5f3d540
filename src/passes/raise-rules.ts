/** @file What changed in the standard operator set between versions 9 and 18, one rule per operator. */
import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from "../graph/attributes.ts";
import type { Emitter } from "../graph/emitter.ts";
import { type Attribute, type Dim, type Node, stored } from "../graph/model.ts";
import type { Fact } from "../ops/operator.ts";
import { fromNumbers } from "../tensor/tensor.ts";

/** What a rule may ask and say. */
export interface RaiseCall {
  readonly node: Node;
  /** Version the node was written in, 9 to 17. */
  readonly opset: number;
  /** One per input; undefined where an optional input is omitted, empty where nothing is known. */
  readonly inputs: readonly (Fact | undefined)[];
  /** Where nodes in front of the raised one are written, and constants. */
  readonly emit: Emitter;
  /** Whether anything reads this output. */
  isRead(output: number): boolean;
  /** @throws {PrunerError} `opset-not-raised`. */
  refuse(reason: string): never;
}

/** The node as set 18 has it, with the outputs it had; the same object when nothing changed. */
type RaiseRule = (call: RaiseCall) => Node;

/** The node without some attributes and with others. */
function changed(
  node: Node,
  gone: readonly string[],
  added: Readonly<Record<string, Attribute>>,
  inputs: readonly string[] = node.inputs,
): Node {
  const kept = [...node.attributes].filter(([name]) => !gone.includes(name));
  return { ...node, inputs, attributes: new Map([...kept, ...Object.entries(added)]) };
}

const int = (value: number): Attribute => ({ kind: "int", value });

/** A number in the element type of the first input, which only the run knows when inference does not. */
function scalarLikeFirst({ node, inputs, emit }: RaiseCall, value: number): string {
  const dtype = inputs[0]?.dtype;
  if (dtype !== undefined) return emit.scalar(value, dtype);
  return emit.node("CastLike", [emit.scalar(value, "float32"), node.inputs[0]!]);
}

/** "To the end" is written as the largest int64, which is no exact double; any larger number than an axis will do. */
function bounded(values: readonly number[]): number[] {
  const most = Number.MAX_SAFE_INTEGER;
  return values.map((value) => Math.min(most, Math.max(-most, value)));
}

/** Axes from an attribute to the second input (Squeeze, Unsqueeze and ReduceSum in set 13, other reductions in 18). */
const axesToInput: RaiseRule = ({ node, emit }) => {
  const axes = intsAttribute(node, "axes");
  if (axes === undefined) return node;
  const inputs = axes.length === 0 ? node.inputs : [node.inputs[0]!, emit.ints(axes)];
  return changed(node, ["axes"], {}, inputs);
};

/** Before set 13 all axes from `axis` (default 1) on count as one; since then the operator works along one axis. */
const softened: RaiseRule = (call) => {
  const { node, opset, emit } = call;
  if (opset >= 13) return node;
  const axis = intAttribute(node, "axis", 1);
  const alone = axisAlone(call.inputs[0]?.shape, axis);
  if (alone !== undefined) return changed(node, [], { axis: int(alone) });
  const [x] = node.inputs;
  const shape = emit.node("Shape", [x!]);
  const flat = emit.node("Flatten", [x!], { axis }); // [before axis, from axis on]
  const soft = emit.node(node.opType, [flat], { axis: -1 });
  return {
    name: node.name,
    opType: "Reshape",
    domain: "",
    inputs: [soft, shape],
    outputs: node.outputs,
    attributes: new Map(),
  };
};

/** The one axis from `axis` on that has more than one position; undefined when there are several, or it is unknown. */
function axisAlone(shape: readonly Dim[] | undefined, axis: number): number | undefined {
  if (shape === undefined) return axis === -1 ? -1 : undefined;
  const first = axis < 0 ? axis + shape.length : axis;
  const open = [...shape.keys()].filter((k) => k >= first && shape[k] !== 1);
  return open.length > 1 ? undefined : (open[0] ?? first);
}

/** Sizes moved to an input in set 13; equal parts have to be counted since 18. */
const split: RaiseRule = ({ node, emit }) => {
  const sizes = intsAttribute(node, "split");
  if (sizes !== undefined) return changed(node, ["split"], {}, [node.inputs[0]!, emit.ints(sizes)]);
  if ((node.inputs[1] ?? "") !== "") return node;
  return changed(node, [], { num_outputs: int(node.outputs.length) });
};

/** Bounds are inputs since set 11. */
const clip: RaiseRule = (call) => {
  const { node, opset } = call;
  if (opset >= 11) return node;
  const bound = (name: string) =>
    node.attributes.has(name) ? scalarLikeFirst(call, floatAttribute(node, name, 0)) : "";
  const inputs = [node.inputs[0]!, bound("min"), bound("max")];
  while (inputs.at(-1) === "") inputs.pop();
  return changed(node, ["min", "max"], {}, inputs);
};

/** Padding and its value are inputs since set 11. */
const pad: RaiseRule = (call) => {
  const { node, opset, emit } = call;
  if (opset >= 11) return node;
  const value = floatAttribute(node, "value", 0);
  const inputs = [node.inputs[0]!, emit.ints(intsAttribute(node, "pads") ?? [])];
  if (value !== 0) inputs.push(scalarLikeFirst(call, value));
  return changed(node, ["pads", "value"], {}, inputs);
};

/** Starts, ends and axes are inputs since set 10. */
const slice: RaiseRule = ({ node, opset, emit }) => {
  if (opset >= 10) return node;
  const [starts, ends] = ["starts", "ends"].map((name) => bounded(intsAttribute(node, name) ?? []));
  const axes = intsAttribute(node, "axes") ?? starts!.map((_, axis) => axis);
  return changed(node, ["starts", "ends", "axes"], {}, [
    node.inputs[0]!,
    emit.ints(starts!),
    emit.ints(ends!),
    emit.ints(axes),
  ]);
};

/** The count is an input since set 10. */
const topK: RaiseRule = ({ node, opset, emit }) => {
  if (opset >= 10) return node;
  return changed(node, ["k"], {}, [node.inputs[0]!, emit.ints([intAttribute(node, "k", 1)])]);
};

/**
 * The ratio is an input since set 12. A mask that is read keeps what the runtime gives before 12, which is zeros: of
 * the element type of the input in set 9, booleans later.
 */
const dropout: RaiseRule = (call) => {
  const { node, opset, emit } = call;
  if (opset >= 12) return node;
  const ratio = emit.scalar(floatAttribute(node, "ratio", 0.5));
  const raised = changed(node, ["ratio"], {}, [node.inputs[0]!, ratio]);
  if (!call.isRead(1)) return { ...raised, outputs: node.outputs.slice(0, 1) };
  const dtype = opset >= 10 ? "bool" : call.inputs[0]?.dtype;
  if (dtype === undefined) return call.refuse("its mask is read and has an unknown element type");
  const shape = emit.node("Shape", [node.inputs[0]!]);
  const value: Attribute = { kind: "tensor", value: stored(fromNumbers(dtype, [1], [0])) };
  const zeros = emit.node("ConstantOfShape", [shape], { value });
  emit.adopt({ ...raised, outputs: node.outputs.slice(0, 1) });
  return identity(zeros, node.outputs[1]!);
};

function identity(from: string, to: string): Node {
  return {
    name: to,
    opType: "Identity",
    domain: "",
    inputs: [from],
    outputs: [to],
    attributes: new Map(),
  };
}

/** Further outputs meant training up to set 13; since 14 an attribute says so, and the saved statistics are gone. */
const batchNormalization: RaiseRule = (call) => {
  const { node, opset } = call;
  if (opset >= 14) return node;
  if (node.outputs.slice(1).every((name) => name === "")) {
    return node.outputs.length === 1 ? node : { ...node, outputs: node.outputs.slice(0, 1) };
  }
  if (call.isRead(3) || call.isRead(4))
    return call.refuse("its saved mean or variance is read, which later sets do not give");
  return { ...changed(node, [], { training_mode: int(1) }), outputs: node.outputs.slice(0, 3) };
};

/** Up to set 10 positions scale without an offset and nearest rounds down. */
function oldResize(call: RaiseCall, scales: string): Node {
  const { node } = call;
  return {
    ...changed(
      node,
      ["scales"],
      {
        coordinate_transformation_mode: { kind: "string", value: "asymmetric" },
        nearest_mode: { kind: "string", value: "floor" },
      },
      [node.inputs[0]!, "", scales],
    ),
    opType: "Resize",
  };
}

/** Takes scales or sizes; set 11 wrote the missing one as an empty tensor, later sets leave it out. */
const resize: RaiseRule = (call) => {
  const { node, opset } = call;
  if (opset >= 13) return node;
  if (opset < 11) return oldResize(call, node.inputs[1]!);
  const mode = stringAttribute(node, "coordinate_transformation_mode", "half_pixel");
  if (mode === "tf_half_pixel_for_nn")
    return call.refuse(`coordinate_transformation_mode "${mode}" was removed`);
  const [x, roi = "", scales = "", sizes = ""] = node.inputs;
  const crops = mode === "tf_crop_and_resize";
  return { ...node, inputs: [x!, crops ? roi : "", ...(sizes === "" ? [scales] : ["", sizes])] };
};

const upsample: RaiseRule = (call) => {
  const { node, emit } = call;
  const attribute = node.attributes.get("scales"); // set 7, still met in files of set 9
  if (attribute?.kind !== "floats") return oldResize(call, node.inputs[1]!);
  return oldResize(call, emit.constant(fromNumbers("float32", [attribute.value.length], attribute.value)));
};

/** Regions are shifted by half a pixel by default since set 16, and were not before. */
const roiAlign: RaiseRule = ({ node, opset }) => {
  if (opset >= 16) return node;
  return changed(node, [], {
    coordinate_transformation_mode: { kind: "string", value: "output_half_pixel" },
  });
};

/** The operator's new name since set 11. */
const scatter: RaiseRule = ({ node }) => ({ ...node, opType: "ScatterElements" });

/** Every operator whose meaning or form changed; all others are the same in sets 9 to 18. */
export const raiseRules: Readonly<Record<string, RaiseRule>> = {
  BatchNormalization: batchNormalization,
  Clip: clip,
  Dropout: dropout,
  Hardmax: softened,
  LogSoftmax: softened,
  Pad: pad,
  ReduceL1: axesToInput,
  ReduceL2: axesToInput,
  ReduceLogSum: axesToInput,
  ReduceLogSumExp: axesToInput,
  ReduceMax: axesToInput,
  ReduceMean: axesToInput,
  ReduceMin: axesToInput,
  ReduceProd: axesToInput,
  ReduceSum: axesToInput,
  ReduceSumSquare: axesToInput,
  Resize: resize,
  RoiAlign: roiAlign,
  Scatter: scatter,
  Slice: slice,
  Softmax: softened,
  Split: split,
  Squeeze: axesToInput,
  TopK: topK,
  Unsqueeze: axesToInput,
  Upsample: upsample,
};
