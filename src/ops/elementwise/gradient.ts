/** @file Gradients of unary operators. */
import type { GradientCall, GradientRule } from "../gradient.ts";

/** A rule for the first input alone. */
function unary(part: (call: GradientCall, gradient: string) => string): GradientRule {
  return (call) => [call.wants(0) ? part(call, call.gradients[0]!) : undefined];
}

export const elementwiseGradients: Readonly<Record<string, GradientRule>> = {
  Identity: unary((_, gradient) => gradient),
  Relu: unary(({ emit, node, dtype }, gradient) => {
    const zero = emit.scalar(0, dtype);
    return emit.node("Where", [emit.node("Greater", [node.outputs[0]!, zero]), gradient, zero]);
  }),
};
