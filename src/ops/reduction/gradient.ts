/** @file Gradients of reductions and soft maxima: what was folded gets its share back. */
import { intAttribute } from "../../graph/attributes.ts";
import { codeOf } from "../../onnx/element-types.ts";
import type { GradientCall, GradientRule } from "../gradient.ts";
import { countOver } from "../gradient-support/count-over.ts";
import { firstInput, flat } from "../gradient-support/first-input.ts";
import { foldOver } from "../gradient-support/fold-over.ts";
import { fromFront, shapeOf } from "../shapes.ts";
import { reducedAxes } from "./index.ts";

/** A reduction whose result and gradient broadcast to the operand: folded axes are there with size 1. */
interface Fold {
  readonly call: GradientCall;
  readonly x: string;
  readonly axes: readonly number[];
  readonly gradient: string;
  /** The result; a node only where a rule asks for it. */
  y(): string;
  of(opType: string, operands: readonly (string | number)[]): string;
}

function reduction(part: (fold: Fold) => string): GradientRule {
  return firstInput((call, gradient) => {
    const { emit, node, dtype } = call;
    const rank = shapeOf(call, 0)?.length;
    const reduced = rank === undefined ? undefined : reducedAxes(call, rank);
    if (reduced === undefined) return call.refuse("the axes it is reduced over are not known");
    const axes = [...reduced.axes].sort((a, b) => a - b);
    const spread = (value: string): string =>
      reduced.keep || axes.length === 0 ? value : emit.node("Unsqueeze", [value, emit.ints(axes)]);
    return part({
      call,
      x: node.inputs[0]!,
      axes,
      gradient: spread(gradient),
      y: () => spread(node.outputs[0]!),
      of: (opType, operands) =>
        emit.node(
          opType,
          operands.map((operand) => (typeof operand === "number" ? emit.scalar(operand, dtype) : operand)),
        ),
    });
  });
}

/** The same number for all elements that were folded into one. */
function repeated({ call, x, axes }: Fold, value: string): string {
  return axes.length === 0 ? value : call.emit.node("Expand", [value, call.shapeOf(x)]);
}

const mean = reduction((fold) =>
  repeated(fold, fold.of("Div", [fold.gradient, countOver(fold.call, 0, fold.axes)])),
);

/** The extreme's gradient, in equal shares where several elements tie. */
const extreme = reduction(({ call, x, y, axes, gradient, of }) => {
  const isBest = of("Equal", [x, y()]);
  const best = call.emit.node("Cast", [isBest], { to: codeOf(call.dtype) });
  return of("Mul", [best, of("Div", [gradient, foldOver(call.emit, "ReduceSum", best, axes)])]);
});

/**
 * The product of the other elements. Zeros are counted and left out of the product, so that it is exact beside one
 * zero (which alone gets a gradient) and beside several (then all are 0).
 */
const product = reduction(({ call, x, axes, gradient, of }) => {
  const { emit } = call;
  const isZero = of("Equal", [x, 0]);
  const zero = emit.node("Cast", [isZero], { to: codeOf(call.dtype) });
  const safe = of("Where", [isZero, 1, x]);
  const others = of("Sub", [foldOver(emit, "ReduceSum", zero, axes), zero]);
  const full = of("Div", [of("Mul", [gradient, foldOver(emit, "ReduceProd", safe, axes)]), safe]);
  return of("Where", [emit.node("Cast", [others], { to: codeOf("bool") }), 0, full]);
});

/** x / y; where all elements are 0, 0. */
const euclidean = reduction(({ x, y, gradient, of }) => {
  const norm = y();
  return of("Mul", [x, of("Where", [of("Equal", [norm, 0]), 0, of("Div", [gradient, norm])])]);
});

/** Along the one axis it is soft over; the result y stands for the operand. */
function soft(
  part: (call: GradientCall, gradient: string, total: (value: string) => string) => string,
): GradientRule {
  return firstInput((call, gradient) => {
    const rank = shapeOf(call, 0)?.length;
    if (rank === undefined) return call.refuse("its rank is not known");
    const axis = fromFront(intAttribute(call.node, "axis", -1), rank);
    return part(call, gradient, (value) => foldOver(call.emit, "ReduceSum", value, [axis]));
  });
}

/** y · (g − Σ g · y). */
const softmax = soft(({ emit, node }, gradient, total) => {
  const y = node.outputs[0]!;
  return emit.node("Mul", [y, emit.node("Sub", [gradient, total(emit.node("Mul", [gradient, y]))])]);
});

/** g − e^y · Σ g. */
const logSoftmax = soft(({ emit, node }, gradient, total) => {
  const share = emit.node("Mul", [emit.node("Exp", [node.outputs[0]!]), total(gradient)]);
  return emit.node("Sub", [gradient, share]);
});

export const reductionGradients: Readonly<Record<string, GradientRule>> = {
  ArgMax: flat,
  ArgMin: flat,
  Hardmax: flat,
  LogSoftmax: logSoftmax,
  /** At 0: 0. */
  ReduceL1: reduction(({ x, gradient, of }) => of("Mul", [of("Sign", [x]), gradient])),
  ReduceL2: euclidean,
  /** 1 / Σ x, which is e^(−y). */
  ReduceLogSum: reduction((fold) =>
    repeated(fold, fold.of("Mul", [fold.gradient, fold.of("Exp", [fold.of("Neg", [fold.y()])])])),
  ),
  ReduceLogSumExp: reduction(({ x, y, gradient, of }) =>
    of("Mul", [of("Exp", [of("Sub", [x, y()])]), gradient]),
  ),
  ReduceMax: extreme,
  ReduceMean: mean,
  ReduceMin: extreme,
  ReduceProd: product,
  ReduceSum: reduction((fold) => repeated(fold, fold.gradient)),
  ReduceSumSquare: reduction(({ x, gradient, of }) => of("Mul", [x, of("Mul", [gradient, 2])])),
  Softmax: softmax,
};
