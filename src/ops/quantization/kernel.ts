/** @file QuantizeLinear and DequantizeLinear, per tensor and per axis. */
import { intAttribute } from "../../graph/attributes.ts";
import { arrayTypes, type DType } from "../../tensor/dtype.ts";
import { fromNumbers, toNumbers } from "../../tensor/tensor.ts";
import { roundHalfToEven } from "../elementwise/kernel.ts";
import type { Kernel, KernelCall } from "../kernel.ts";
import { axisOf, optionalNumbers, required, unsupported } from "../kernel-support/call.ts";
import { around } from "../kernel-support/move.ts";

/** saturate(round(x / scale) + zero point), halves to even. */
const quantizeLinear: Kernel = (call) => {
  const x = required(call, 0);
  const dtype = call.inputs[2]?.dtype ?? "uint8";
  const scales = toNumbers(required(call, 1));
  const zeros = optionalNumbers(call, 2);
  const [low, high] = boundsOf(call, dtype);
  const parameter = parameterOf(call);
  const out = toNumbers(x).map((value, at) => {
    const p = parameter(at);
    return Math.min(high, Math.max(low, roundHalfToEven(value / scales[p]!) + (zeros?.[p] ?? 0)));
  });
  return [fromNumbers(dtype, x.shape, out)];
};

/** (x − zero point) · scale. */
const dequantizeLinear: Kernel = (call) => {
  const [x, scale] = [required(call, 0), required(call, 1)];
  const scales = toNumbers(scale);
  const zeros = optionalNumbers(call, 2);
  const parameter = parameterOf(call);
  const out = toNumbers(x).map(
    (value, at) => (value - (zeros?.[parameter(at)] ?? 0)) * scales[parameter(at)]!,
  );
  return [fromNumbers(scale.dtype, x.shape, out)];
};

/** Which scale belongs to an element: the only one, or the one of its position along `axis`. */
function parameterOf(call: KernelCall): (at: number) => number {
  const [x, scale] = [required(call, 0), required(call, 1)];
  if (scale.shape.length > 1 || intAttribute(call.node, "block_size", 0) !== 0)
    throw unsupported(call, "blocks");
  if (scale.data.length === 1) return () => 0;
  const axis = axisOf(call, intAttribute(call.node, "axis", 1), x.shape.length);
  const { size, inner } = around(x.shape, axis);
  return (at) => Math.floor(at / inner) % size;
}

function boundsOf(call: KernelCall, dtype: DType): [number, number] {
  const bits = 8 * arrayTypes[dtype].BYTES_PER_ELEMENT;
  if (dtype === "uint8" || dtype === "uint16") return [0, 2 ** bits - 1];
  if (dtype === "int8" || dtype === "int16") return [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  throw unsupported(call, `quantising to ${dtype}`);
}

export const quantizationKernels: Readonly<Record<string, Kernel>> = {
  DequantizeLinear: dequantizeLinear,
  QuantizeLinear: quantizeLinear,
};
