/** @file Gradients of operators on two or more tensors with broadcasting. */
import type { GradientCall, GradientRule } from "../gradient.ts";
import { reduceTo } from "../gradient-support/reduce-to.ts";

/** Applies `part` to each wanted operand and sums what was repeated. */
function perOperand(part: (call: GradientCall, input: number, gradient: string) => string): GradientRule {
  return (call) =>
    call.node.inputs.map((_, input) => {
      if (!call.wants(input)) return undefined;
      const full = part(call, input, call.gradients[0]!);
      return reduceTo(call, full, call.outputs[0]?.shape, call.inputs[input]?.shape);
    });
}

export const broadcastingGradients: Readonly<Record<string, GradientRule>> = {
  Add: perOperand((_, __, gradient) => gradient),
  Sub: perOperand(({ emit }, input, gradient) => (input === 0 ? gradient : emit.node("Neg", [gradient]))),
  Mul: perOperand(({ emit, node }, input, gradient) => emit.node("Mul", [gradient, node.inputs[1 - input]!])),
};
