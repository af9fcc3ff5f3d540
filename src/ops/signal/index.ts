/** @file Sound on its way into a network: windows, spectra of windows, and the bands they are summed in. */
import { intAttribute } from "../../graph/attributes.ts";
import type { Dim } from "../../graph/model.ts";
import { dtypeOf } from "../../onnx/element-types.ts";
import type { Couplings, Fact, InferCall, Operator } from "../operator.ts";
import { numbersOf, shapeOf } from "../shapes.ts";

/** What these operators read stays as it is. */
function hold(c: Couplings): void {
  for (let input = 0; input < c.node.inputs.length; input++)
    c.lockInput(input, `${c.node.opType} works on whole signals`);
}

const numberAt = (call: InferCall, input: number): number | undefined => numbersOf(call.inputs[input])?.[0];

/** As long as it is told, in the element type it is told. */
const window: Operator = {
  infer: (call) => [{ dtype: outputType(call), shape: [numberAt(call, 0)] }],
  couple: hold,
};

function outputType({ node }: InferCall): Fact["dtype"] {
  return dtypeOf(intAttribute(node, "output_datatype", 1));
}

/** Frequencies of a real signal of this length. */
function frequencies(length: number | undefined): number | undefined {
  return length === undefined ? undefined : Math.floor(length / 2) + 1;
}

const bands: Operator = {
  infer: (call) => [{ dtype: outputType(call), shape: [frequencies(numberAt(call, 1)), numberAt(call, 0)] }],
  couple: hold,
};

/** [N, samples, 1 or 2] in frames: [N, frames, frequencies, 2]. */
function inferSpectra(call: InferCall): readonly Fact[] {
  const signal = shapeOf(call, 0);
  const step = numberAt(call, 1);
  const length = numberAt(call, 3) ?? shapeOf(call, 2)?.[0];
  const { dtype } = call.inputs[0] ?? {};
  if (signal === undefined || typeof length !== "number") return [{ dtype }];
  const samples = signal[1];
  const frames: Dim =
    typeof samples === "number" && step !== undefined ? Math.floor((samples - length) / step) + 1 : undefined;
  const isHalf = intAttribute(call.node, "onesided", 1) === 1;
  return [{ dtype, shape: [signal[0], frames, isHalf ? frequencies(length) : length, 2] }];
}

export const signal: Readonly<Record<string, Operator>> = {
  BlackmanWindow: window,
  HammingWindow: window,
  HannWindow: window,
  MelWeightMatrix: bands,
  STFT: { infer: inferSpectra, couple: hold },
};
