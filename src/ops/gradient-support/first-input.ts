/** @file Rules of operators whose first input alone has a gradient, and of those without any. */
import type { GradientCall, GradientRule } from "../gradient.ts";

/** A rule for the first input alone. @param part Given the gradient of the first output, names that of the input. */
export function firstInput(part: (call: GradientCall, gradient: string) => string | undefined): GradientRule {
  return (call) => {
    const gradient = call.gradients[0];
    return [call.wants(0) && gradient !== undefined ? part(call, gradient) : undefined];
  };
}

/** For operators that are constant between jumps (Sign, comparisons) or yield no numbers: the derivative is zero. */
export const flat: GradientRule = () => [];
