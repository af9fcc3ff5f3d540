/**
 * @file Quantization by ranges taken at run time, as onnxruntime's dynamic quantizer writes it: values become codes by their
 * smallest and largest element, products are summed in integers and scaled back. A range always holds zero, so channels
 * that are silent where it is taken leave it as it is without them.
 */
import { codeOf } from "../../onnx/element-types.ts";
import type { DType } from "../../tensor/dtype.ts";
import { convolution } from "../convolution/index.ts";
import { linear } from "../linear/index.ts";
import type { Couplings, InferCall, MaskCall, Operator } from "../operator.ts";
import { recurrent } from "../recurrent/index.ts";
import { fromFront, shapeOf } from "../shapes.ts";
import { asFloat, couplingsWith, inferCallWith, slicedWith } from "./operands.ts";

/** Scale and zero point follow from the smallest and the largest element, whichever channel has them, and zero. */
const dynamicQuantize: Operator = {
  infer: (call) => [
    { dtype: "uint8", shape: shapeOf(call, 0) },
    { dtype: "float32", shape: [] },
    { dtype: "uint8", shape: [] },
  ],
  couple: (c) => {
    const rank = c.inputs[0]?.shape?.length;
    if (rank === undefined) c.lockInput(0, "its rank is not known");
    for (let axis = 0; axis < (rank ?? 0); axis++) c.read(0, axis);
    c.setOutput(0, c.blocksOf(0));
  },
};

/** Where a layer keeps what. */
interface Layer {
  readonly float: Operator;
  readonly dtype: (call: InferCall) => DType | undefined;
  /** Zero points of the first two operands. */
  readonly zeros: readonly [number, number];
  /** Inputs with an entry for each channel that is made, or one for all. */
  readonly perOutput: readonly number[];
  /** Axis of the weights with the channels that are made, counted from the front or the back. */
  readonly made: number;
  /** Whether the first operand comes in codes. */
  readonly isCoded: boolean;
}

/** A convolution or a product of codes, the weights among them. */
function codedLayer({ float, dtype, zeros, perOutput, made, isCoded }: Layer): Operator {
  return {
    infer: asFloat(float, [0, 1], dtype),
    macs: (call) => float.macs!(inferCallWith(call, [0, 1])),
    couple: (c) => {
      const rows = isCoded ? c.inputs[zeros[0]]?.shape : [];
      if (rows !== undefined && (rows[0] ?? 1) !== 1) {
        for (const input of [0, 1]) c.lockInput(input, "its zero point differs from row to row");
        return;
      }
      float.couple(couplingsWith(c, [0, 1]));
      const axis = fromFront(made, c.inputs[1]?.shape?.length ?? 0);
      for (const input of perOutput) coupleOutputs(c, input, axis);
    },
    ...(float.slice !== undefined && { slice: (call) => slicedWith(call, [0, 1], float.slice!) }),
    ...(isCoded && { masked: (call) => maskedCodes(call, zeros) }),
    auxiliaryInputs: [...new Set([...zeros, ...perOutput])],
    integerWeights: [1],
  };
}

function coupleOutputs(c: Couplings, input: number, axis: number): void {
  if ((c.inputs[input]?.shape?.[0] ?? 1) !== 1) c.unify(c.labelsOf(input, 0), c.labelsOf(1, axis));
}

/** Codes of absent channels become the zero point: as floats, which hold them exactly, times the mask, and back. */
export function maskedCodes({ node, inputs: facts, masks, emit }: MaskCall, zeros: readonly number[]): void {
  const inputs = [...node.inputs];
  for (const { input, times } of masks) {
    const asNumbers = (name: string) => emit.node("Cast", [name], { to: codeOf("float32") });
    const zero = node.inputs[zeros[input]!] ?? "";
    const codes = asNumbers(inputs[input]!);
    const silent =
      zero === ""
        ? times(codes, "float32")
        : emit.node("Add", [times(emit.node("Sub", [codes, asNumbers(zero)]), "float32"), asNumbers(zero)]);
    inputs[input] = emit.node("Cast", [silent], { to: codeOf(facts[input]?.dtype ?? "uint8") });
  }
  emit.adopt({ ...node, inputs });
}

const { Conv } = convolution as { readonly Conv: Operator };
const { MatMul } = linear as { readonly MatMul: Operator };
const { LSTM } = recurrent as { readonly LSTM: Operator };

export const runTimeRanges: Readonly<Record<string, Operator>> = {
  DynamicQuantizeLinear: dynamicQuantize,
  ConvInteger: codedLayer({
    float: Conv,
    dtype: () => "int32",
    zeros: [2, 3],
    perOutput: [3],
    made: 0,
    isCoded: true,
  }),
  MatMulInteger: codedLayer({
    float: MatMul,
    dtype: () => "int32",
    zeros: [2, 3],
    perOutput: [3],
    made: -1,
    isCoded: true,
  }),
};

/** Weights lie as [directions, features, gates] here; hidden units stay as in the float operator. */
const dynamicLstm: Operator = {
  infer: (call) => {
    const hidden = shapeOf(call, 2)?.[1];
    const turned = { dtype: "float32" as const, shape: [undefined, undefined, hidden] };
    return LSTM.infer({ ...call, inputs: [call.inputs[0], undefined, turned] });
  },
  couple: (c) => {
    const own = couplingsWith(
      c,
      c.node.inputs.map((_, k) => k),
    );
    const axisOf = (input: number, axis: number) => (input === 1 && axis > 0 ? 3 - axis : axis);
    LSTM.couple({
      ...own,
      labelsOf: (input, axis) => c.labelsOf(input, axisOf(input, axis)),
      produce: (input, axis) => c.produce(input, axisOf(input, axis)),
    });
  },
  integerWeights: [1, 2],
};

/** Of onnxruntime's own operator set. */
export const contribRunTimeRanges: Readonly<Record<string, Operator>> = {
  DynamicQuantizeMatMul: codedLayer({
    float: MatMul,
    dtype: (call) => call.inputs[0]?.dtype,
    zeros: [-1, 3],
    perOutput: [2, 3, 4],
    made: -1,
    isCoded: false,
  }),
  MatMulIntegerToFloat: codedLayer({
    float: MatMul,
    dtype: (call) => call.inputs[2]?.dtype,
    zeros: [4, 5],
    perOutput: [3, 5, 6],
    made: -1,
    isCoded: true,
  }),
  DynamicQuantizeLSTM: dynamicLstm,
};
