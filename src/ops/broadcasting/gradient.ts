/** @file Gradients of operators on two or more tensors with broadcasting; what was repeated is summed. */
import { codeOf } from "../../onnx/element-types.ts";
import type { GradientCall, GradientRule } from "../gradient.ts";
import { flat } from "../gradient-support/first-input.ts";
import { reduceTo } from "../gradient-support/reduce-to.ts";
import { numbersOf } from "../shapes.ts";

/** Sums a gradient of the result's shape down to the shape of an operand. */
function reduced(call: GradientCall, gradient: string, input: number): string {
  return reduceTo(call, gradient, call.outputs[0]?.shape, call.inputs[input]?.shape);
}

/** Applies `part` to each wanted operand and sums what was repeated. */
function perOperand(part: (call: GradientCall, input: number, gradient: string) => string): GradientRule {
  return (call) =>
    call.node.inputs.map((_, input) =>
      call.wants(input) ? reduced(call, part(call, input, call.gradients[0]!), input) : undefined,
    );
}

const pass = perOperand((_, __, gradient) => gradient);

/** The sum comes before the sign, which then is turned on fewer elements. */
const sub: GradientRule = (call) => {
  const gradient = call.gradients[0]!;
  return [
    call.wants(0) ? reduced(call, gradient, 0) : undefined,
    call.wants(1) ? call.emit.node("Neg", [reduced(call, gradient, 1)]) : undefined,
  ];
};

const mul = perOperand(({ emit, node }, input, gradient) =>
  emit.node("Mul", [gradient, node.inputs[1 - input]!]),
);

/** y = a / b: 1 / b and −y / b. */
const div: GradientRule = (call) => {
  const { emit, node } = call;
  const quotient = emit.node("Div", [call.gradients[0]!, node.inputs[1]!]);
  const toB = () => emit.node("Mul", [quotient, node.outputs[0]!]);
  return [
    call.wants(0) ? reduced(call, quotient, 0) : undefined,
    call.wants(1) ? emit.node("Neg", [reduced(call, toB(), 1)]) : undefined,
  ];
};

/** x^p: p · x^(p − 1), and log(x) · y. Both are 0 where the power is constant: p = 0, and x = 0 with p > 0. */
const pow: GradientRule = (call) => [
  call.wants(0) ? powerToBase(call) : undefined,
  call.wants(1) ? reduced(call, powerToExponent(call), 1) : undefined,
];

function powerToBase(call: GradientCall): string | undefined {
  const exponents = numbersOf(call.inputs[1]);
  const exponent = exponents?.every((p) => p === exponents[0]) === true ? exponents[0] : undefined;
  if (exponent === 0) return undefined;
  const gradient = call.gradients[0]!;
  const derivative = exponent === undefined ? generalDerivative(call) : derivativeFor(call, exponent);
  const full = derivative === undefined ? gradient : call.emit.node("Mul", [gradient, derivative]);
  return reduced(call, full, 0);
}

/** The derivative for one known exponent other than 0; undefined where it is 1. */
function derivativeFor({ emit, node, dtype }: GradientCall, exponent: number): string | undefined {
  const x = node.inputs[0]!;
  const number = (value: number) => emit.scalar(value, dtype);
  if (exponent === 1) return undefined;
  if (exponent === 0.5) return emit.node("Div", [number(0.5), node.outputs[0]!]);
  const power = exponent === 2 ? x : emit.node("Pow", [x, number(exponent - 1)]);
  return emit.node("Mul", [power, number(exponent)]);
}

function generalDerivative({ emit, node, inputs, dtype }: GradientCall): string {
  const [x, given] = node.inputs as [string, string];
  const p = inputs[1]?.dtype === dtype ? given : emit.node("Cast", [given], { to: codeOf(dtype) });
  const zero = emit.scalar(0, dtype);
  const power = emit.node("Pow", [x, emit.node("Sub", [p, emit.scalar(1, dtype)])]);
  return emit.node("Where", [emit.node("Equal", [p, zero]), zero, emit.node("Mul", [p, power])]);
}

function powerToExponent({ emit, node, gradients, dtype }: GradientCall): string {
  const x = node.inputs[0]!;
  const zero = emit.scalar(0, dtype);
  const logarithm = emit.node("Where", [emit.node("Equal", [x, zero]), zero, emit.node("Log", [x])]);
  return emit.node("Mul", [emit.node("Mul", [gradients[0]!, node.outputs[0]!]), logarithm]);
}

/** a − n · b with the integer n = (a − y) / b, either way of rounding: 1 and −n. */
const mod: GradientRule = (call) => {
  const { emit, node } = call;
  const gradient = call.gradients[0]!;
  const toB = () => {
    const multiple = emit.node("Div", [
      emit.node("Sub", [node.inputs[0]!, node.outputs[0]!]),
      node.inputs[1]!,
    ]);
    return emit.node("Mul", [gradient, emit.node("Round", [multiple])]);
  };
  return [
    call.wants(0) ? reduced(call, gradient, 0) : undefined,
    call.wants(1) ? emit.node("Neg", [reduced(call, toB(), 1)]) : undefined,
  ];
};

/** The gradient goes to the operand that is the extreme; of several, to the first alone. */
const extreme: GradientRule = (call) => {
  const { emit, node, dtype } = call;
  const zero = emit.scalar(0, dtype);
  const last = node.inputs.length - 1;
  let left = call.gradients[0]!; // what no earlier operand took
  return node.inputs.map((name, input) => {
    const later = node.inputs.some((_, other) => other > input && call.wants(other));
    const isBest =
      input < last && (later || call.wants(input)) ? emit.node("Equal", [name, node.outputs[0]!]) : "";
    const own = !call.wants(input)
      ? undefined
      : isBest === ""
        ? left
        : emit.node("Where", [isBest, left, zero]);
    if (later) left = emit.node("Where", [isBest, zero, left]);
    return own === undefined ? undefined : reduced(call, own, input);
  });
};

const mean: GradientRule = (call) => {
  const { emit, node, dtype } = call;
  const share = emit.node("Mul", [call.gradients[0]!, emit.scalar(1 / node.inputs.length, dtype)]);
  return node.inputs.map((_, input) => (call.wants(input) ? reduced(call, share, input) : undefined));
};

/** slope · x below 0, else x. At 0: 1. */
const pRelu: GradientRule = (call) => {
  const { emit, node, dtype } = call;
  const [x, slope] = node.inputs as [string, string];
  const gradient = call.gradients[0]!;
  const zero = emit.scalar(0, dtype);
  const toX = () =>
    emit.node("Where", [emit.node("Less", [x, zero]), emit.node("Mul", [gradient, slope]), gradient]);
  const toSlope = () => emit.node("Mul", [gradient, emit.node("Min", [x, zero])]);
  return [
    call.wants(0) ? reduced(call, toX(), 0) : undefined,
    call.wants(1) ? reduced(call, toSlope(), 1) : undefined,
  ];
};

const where: GradientRule = (call) => {
  const { emit, node, dtype } = call;
  const gradient = call.gradients[0]!;
  const zero = emit.scalar(0, dtype);
  const toYes = () => emit.node("Where", [node.inputs[0]!, gradient, zero]);
  const toNo = () => emit.node("Where", [node.inputs[0]!, zero, gradient]);
  return [
    undefined,
    call.wants(1) ? reduced(call, toYes(), 1) : undefined,
    call.wants(2) ? reduced(call, toNo(), 2) : undefined,
  ];
};

export const broadcastingGradients: Readonly<Record<string, GradientRule>> = {
  Add: pass,
  And: flat,
  BitShift: flat,
  Div: div,
  Equal: flat,
  Greater: flat,
  GreaterOrEqual: flat,
  Less: flat,
  LessOrEqual: flat,
  Max: extreme,
  Mean: mean,
  Min: extreme,
  Mod: mod,
  Mul: mul,
  Or: flat,
  PRelu: pRelu,
  Pow: pow,
  Sub: sub,
  Sum: pass,
  Where: where,
  Xor: flat,
};
