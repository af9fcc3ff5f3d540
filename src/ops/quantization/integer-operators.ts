/**
 * @file Operators that compute in integers. Those with a scale for everything they read and make hand channels on as their
 * float counterparts do: an absent channel reads as the zero point, which adds nothing. The others hold what they read.
 * Operators behind ranges taken at run time stand in `run-time-ranges.ts`.
 */
import { intAttribute } from "../../graph/attributes.ts";
import type { Node } from "../../graph/model.ts";
import type { DType } from "../../tensor/dtype.ts";
import { meetingBlocks } from "../broadcasting/index.ts";
import { convolution } from "../convolution/index.ts";
import { joining } from "../joining/index.ts";
import { linear } from "../linear/index.ts";
import type { Couplings, InferCall, MaskCall, Operator } from "../operator.ts";
import { pooling } from "../pooling/index.ts";
import { broadcastShape, fromFront, passThrough, shapeOf } from "../shapes.ts";
import { asFloat, couplingsWith, inferCallWith, type Operands, slicedWith } from "./operands.ts";

function holdAll(c: Couplings, why: string): void {
  for (let input = 0; input < c.node.inputs.length; input++) c.lockInput(input, why);
}

/** Where a layer keeps what; each operand is followed by its scale and its zero point. */
interface Layer {
  readonly float: Operator;
  /** Inputs of the float counterpart. */
  readonly operands: Operands;
  readonly weights: number;
  /** Axis of the weights along which scales may differ, counted from the front or the back. */
  readonly scaled: (node: Node) => number;
  readonly dtype: (call: InferCall) => DType | undefined;
}

/** A convolution or a product whose operands have scales. */
function scaledLayer({ float, operands, weights, scaled, dtype }: Layer): Operator {
  return {
    infer: asFloat(float, operands, dtype),
    macs: (call) => float.macs!(inferCallWith(call, operands)),
    couple: (c) => {
      float.couple(couplingsWith(c, operands));
      const axis = fromFront(scaled(c.node), c.inputs[weights]?.shape?.length ?? 0);
      for (const input of [weights + 1, weights + 2])
        if ((c.inputs[input]?.shape?.[0] ?? 1) !== 1)
          c.unify(c.labelsOf(input, 0), c.labelsOf(weights, axis));
    },
    ...(float.slice !== undefined && { slice: (call) => slicedWith(call, operands, float.slice!) }),
    masked: maskedCodes,
    auxiliaryInputs: [1, 2, 4, 5, 6, 7, 8],
    integerWeights: [weights],
  };
}

/** Codes of absent channels become the zero point of their operand: to floats, times the mask, and back, exactly. */
function maskedCodes({ node, masks, emit }: MaskCall): void {
  const inputs = [...node.inputs];
  for (const { input, times } of masks) {
    const scale = [node.inputs[input + 1]!, node.inputs[input + 2]!];
    const silent = times(emit.node("DequantizeLinear", [inputs[input]!, ...scale]), "float32");
    inputs[input] = emit.node("QuantizeLinear", [silent, ...scale]);
  }
  emit.adopt({ ...node, inputs });
}

const { Conv } = convolution as { readonly Conv: Operator };
const { MatMul, Gemm } = linear as { readonly MatMul: Operator; readonly Gemm: Operator };
const { Concat } = joining as { readonly Concat: Operator };
const ofResult = (call: InferCall): DType | undefined => call.inputs[7]?.dtype;

export const integers: Readonly<Record<string, Operator>> = {
  QLinearConv: scaledLayer({
    float: Conv,
    operands: [0, 3, 8],
    weights: 3,
    scaled: () => 0,
    dtype: ofResult,
  }),
  QLinearMatMul: scaledLayer({
    float: MatMul,
    operands: [0, 3],
    weights: 3,
    scaled: () => -1,
    dtype: ofResult,
  }),
};

const { AveragePool, GlobalAveragePool } = pooling as Readonly<Record<string, Operator>>;

/** What comes out at a position is made of what goes in there. */
const positionwise: Operator = {
  infer: (call) => [{ dtype: call.inputs[4]?.dtype ?? call.inputs[0]?.dtype, shape: shapeOf(call, 0) }],
  couple: passThrough,
};

/** Two operands that are broadcast to each other. */
const ofTwo: Operator = {
  infer: (call) => [
    { dtype: call.inputs[0]?.dtype, shape: broadcastShape([shapeOf(call, 0), shapeOf(call, 3)]) },
  ],
  couple: (c) => c.setOutput(0, meetingBlocks(c, [0, 3])),
};

/** Shares along one axis; before operator set 13, along that one and all behind it. The others go through. */
const softmax: Operator = {
  infer: positionwise.infer,
  couple: (c) => {
    const rank = c.inputs[0]?.shape?.length;
    if (rank === undefined) {
      c.lockInput(0, "its rank is not known");
      return;
    }
    const first = fromFront(intAttribute(c.node, "axis", -1), rank);
    const end = intAttribute(c.node, "opset", 13) < 13 ? rank : first + 1;
    for (let axis = first; axis < end; axis++) c.lock(c.labelsOf(0, axis), `${c.node.opType} mixes over it`);
    passThrough(c);
  },
};

function pool(float: Operator): Operator {
  return {
    infer: (call) => float.infer(inferCallWith(call, [0])),
    couple: (c) => {
      if (intAttribute(c.node, "channels_last", 0) === 1) holdAll(c, "it pools with its channels last");
      else float.couple(couplingsWith(c, [0]));
    },
  };
}

/** Parts with a scale and a zero point each, behind those of the result. */
const partsOf = (node: Node): Operands => node.inputs.flatMap((_, k) => (k >= 2 && k % 3 === 2 ? [k] : []));

const concat: Operator = {
  infer: (call) => asFloat(Concat, partsOf(call.node), () => call.inputs[2]?.dtype)(call),
  couple: (c) => Concat.couple(couplingsWith(c, partsOf(c.node))),
};

/** Of onnxruntime's own operator set. */
export const contribIntegers: Readonly<Record<string, Operator>> = {
  QGemm: scaledLayer({
    float: Gemm,
    operands: [0, 3, 6],
    weights: 3,
    scaled: (node) => (intAttribute(node, "transB", 0) === 1 ? 0 : 1),
    dtype: (call) => ((call.node.inputs[7] ?? "") === "" ? "float32" : call.inputs[8]?.dtype),
  }),
  QLinearConcat: concat,
  QLinearAdd: ofTwo,
  QLinearMul: ofTwo,
  QLinearSigmoid: positionwise,
  QLinearLeakyRelu: positionwise,
  QLinearSoftmax: softmax,
  QLinearAveragePool: pool(AveragePool!),
  QLinearGlobalAveragePool: pool(GlobalAveragePool!),
};
