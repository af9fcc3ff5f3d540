/**
 * @file Gradients of operators with one operand that work element by element. They read the operator's result where
 * they can, which is kept for its consumers anyway, so that its operand may be overwritten.
 *
 * At a kink, where the derivative jumps, each rule takes one of the derivatives on its two sides; its comment says which.
 */
import { floatAttribute, stringAttribute } from "../../graph/attributes.ts";
import { type AttributeInShort, float } from "../../graph/emitter.ts";
import { codeOf } from "../../onnx/element-types.ts";
import { isFloat } from "../../tensor/dtype.ts";
import type { GradientCall, GradientRule } from "../gradient.ts";
import { firstInput, flat } from "../gradient-support/first-input.ts";
import { whereBetween } from "../gradient-support/where-between.ts";
import { numbersOf } from "../shapes.ts";
import { dropout } from "./dropout-gradient.ts";

/** What a formula is written with. Operands are names of values, or numbers. */
interface Terms {
  readonly call: GradientCall;
  readonly gradient: string;
  /** The operand. */
  readonly x: string;
  /** The result. */
  readonly y: string;
  /** Adds a node. */
  of(
    opType: string,
    operands: readonly (string | number)[],
    attributes?: Record<string, AttributeInShort>,
  ): string;
  /** A float attribute of the forward node. */
  attribute(name: string, fallback: number): number;
}

function formula(part: (terms: Terms) => string): GradientRule {
  return firstInput((call, gradient) => {
    const { emit, node, dtype } = call;
    const named = (operand: string | number): string =>
      typeof operand === "number" ? emit.scalar(operand, dtype) : operand;
    return part({
      call,
      gradient,
      x: node.inputs[0]!,
      y: node.outputs[0]!,
      of: (opType, operands, attributes) => emit.node(opType, operands.map(named), attributes),
      attribute: (name, fallback) => floatAttribute(node, name, fallback),
    });
  });
}

/** The gradient times a derivative. */
function times(derivative: (terms: Terms) => string): GradientRule {
  return formula((terms) => terms.of("Mul", [terms.gradient, derivative(terms)]));
}

/** The gradient divided by the reciprocal of a derivative. */
function dividedBy(divisor: (terms: Terms) => string): GradientRule {
  return formula((terms) => terms.of("Div", [terms.gradient, divisor(terms)]));
}

/** max(x, 0). At 0: 0. */
const relu = formula(({ call, gradient, y }) => whereBetween(call, gradient, y, { above: 0 }));

/** x above alpha, else 0. At alpha: 0. */
const thresholdedRelu = formula(({ call, gradient, x, y, attribute }) => {
  const alpha = attribute("alpha", 1);
  if (alpha < 0) return whereBetween(call, gradient, x, { above: alpha });
  return whereBetween(call, gradient, y, { above: 0 }); // nothing between 0 and alpha comes out
});

/**
 * At 0: 1. A positive slope leaves the result the sign of the operand. In single precision the larger of the slope and
 * a step from 0 to 1 at 0, made by a steep hard sigmoid, saves a quarter of the time a choice takes.
 */
const leakyRelu = formula(({ call, of, x, y, gradient, attribute }) => {
  const slope = attribute("alpha", 0.01);
  const signed = slope > 0 ? y : x;
  if (call.dtype !== "float32" || slope < 0 || slope > 1)
    return of("Where", [of("Less", [signed, 0]), of("Mul", [gradient, slope]), gradient]);
  const step = of("HardSigmoid", [signed], { alpha: float(2 ** 100), beta: float(1) });
  return of("Mul", [gradient, of("Max", [step, slope])]);
});

/** 1 where x is not negative, else alpha · e^x, which is y + alpha. At 0: 1. */
const elu = times(({ of, x, y, attribute }) => {
  const alpha = attribute("alpha", 1);
  if (alpha === 1) return of("HardSigmoid", [y], { alpha: float(1), beta: float(1) }); // y + 1, at most 1
  return of("Where", [of("Less", [alpha > 0 ? y : x, 0]), of("Add", [y, alpha]), 1]);
});

/** e^(x / alpha) below 0, which is y / alpha + 1, else 1; both are 1 at 0. */
const celu: GradientRule = (call) => {
  const alpha = floatAttribute(call.node, "alpha", 1);
  if (!(alpha > 0)) return call.refuse(`alpha is ${alpha}, which bends it the other way`);
  return times(({ of, y }) => of("HardSigmoid", [y], { alpha: float(1 / alpha), beta: float(1) }))(call);
};

/** gamma above 0, else gamma · alpha · e^x, which is y + gamma · alpha. At 0: gamma · alpha. */
const selu = times(({ of, x, y, attribute }) => {
  const gamma = attribute("gamma", 1.0507009873554805);
  const low = gamma * attribute("alpha", 1.6732632423543772);
  return of("Where", [of("Greater", [gamma > 0 ? y : x, 0]), gamma, of("Add", [y, low])]);
});

/** alpha between the bounds. Where a bound is met: 0. */
const hardSigmoid = formula(({ call, of, y, gradient, attribute }) => {
  const inside = of("Mul", [y, of("Sub", [1, y])]); // y is 0 or 1 outside
  const scaled = of("Mul", [gradient, attribute("alpha", 0.2)]);
  return of("Where", [call.emit.node("Cast", [inside], { to: codeOf("bool") }), scaled, 0]);
});

/** x · h(x) with the hard sigmoid h: h + x / 6 between −3 and 3, else h. At −3 and 3: as between. */
const hardSwish = times(({ of, x }) => {
  const outside = of("Shrink", [x], { lambd: float(3), bias: float(0) }); // x beyond 3 on either side, else 0
  const slope = of("Mul", [of("Sub", [x, outside]), 1 / 6]);
  return of("Add", [of("HardSigmoid", [x], { alpha: float(1 / 6), beta: float(0.5) }), slope]);
});

/** x · s with s = sigmoid(alpha · x): s + alpha · y · (1 − s) = alpha · y + s · (1 − alpha · y). */
const swish = times(({ of, x, y, attribute }) => {
  const alpha = attribute("alpha", 1);
  const [ax, ay] = alpha === 1 ? [x, y] : [of("Mul", [x, alpha]), of("Mul", [y, alpha])];
  return of("Add", [ay, of("Mul", [of("Sigmoid", [ax]), of("Sub", [1, ay])])]);
});

/** x · t with t = tanh(softplus(x)): t + x · sigmoid(x) · (1 − t²). */
const mish = times(({ of, x }) => {
  const t = of("Tanh", [of("Softplus", [x])]);
  const rest = of("Sub", [1, of("Mul", [t, t])]);
  return of("Add", [t, of("Mul", [of("Mul", [x, of("Sigmoid", [x])]), rest])]);
});

/** x · Φ(x): Φ(x) + x · φ(x); with u = x / √2 that is (1 + erf u) / 2 + u · e^(−u² − ln √π). */
const geluByErf = times(({ of, x }) => {
  const u = of("Mul", [x, Math.SQRT1_2]);
  const below = of("HardSigmoid", [of("Erf", [u])], { alpha: float(0.5), beta: float(0.5) });
  const density = of("Exp", [of("Sub", [-Math.log(Math.PI) / 2, of("Mul", [u, u])])]);
  return of("Add", [below, of("Mul", [u, density])]);
});

/** x · h with h = sigmoid(2k · (x + a · x³)): h + y · (1 − h) · 2k · (1 + 3a · x²). */
const geluByTanh = times(({ of, x, y }) => {
  const [k2, a] = [2 * Math.sqrt(2 / Math.PI), 0.044715];
  const squared = of("Mul", [x, x]);
  const inner = of("Mul", [x, of("Add", [of("Mul", [squared, k2 * a]), k2])]);
  const h = of("Sigmoid", [inner]);
  const slope = of("Add", [of("Mul", [squared, 3 * k2 * a]), k2]);
  return of("Add", [h, of("Mul", [of("Mul", [y, of("Sub", [1, h])]), slope])]);
});

const gelu: GradientRule = (call) =>
  (stringAttribute(call.node, "approximate", "none") === "tanh" ? geluByTanh : geluByErf)(call);

/** The gradient beyond lambd on either side, else 0. At ±lambd: 0. */
const shrink = formula(({ of, x, gradient, attribute }) =>
  of("Where", [of("Greater", [of("Abs", [x]), attribute("lambd", 0.5)]), gradient, 0]),
);

/**
 * The gradient goes to x where the result lies between the bounds, else to the bound it equals; where the bounds are
 * equal, to the upper one. So at a bound: 0 for x.
 */
const clip: GradientRule = (call) => {
  const { emit, node, dtype } = call;
  const [gradient, y] = [call.gradients[0]!, node.outputs[0]!];
  const [above, below] = [boundOf(call, 1), boundOf(call, 2)];
  const zero = emit.scalar(0, dtype);
  const total = (part: string): string => emit.node("ReduceSum", [part], { keepdims: 0 });
  const beyond = (comparison: string, bound: string, part: string): string =>
    emit.node("Where", [emit.node(comparison, [y, bound]), zero, part]);
  const toLower = (): string =>
    beyond("Greater", node.inputs[1]!, whereBetween(call, gradient, y, { below }));
  return [
    call.wants(0) ? whereBetween(call, gradient, y, { above, below }) : undefined,
    call.wants(1) ? total(toLower()) : undefined,
    call.wants(2) ? total(beyond("Less", node.inputs[2]!, gradient)) : undefined,
  ];
};

/** The number of a bound that is known, the name of one that is not, undefined for one left out. */
function boundOf({ node, inputs }: GradientCall, input: number): number | string | undefined {
  const name = node.inputs[input] ?? "";
  return name === "" ? undefined : (numbersOf(inputs[input])?.[0] ?? name);
}

/** Between floats the gradient is cast back; to integers and truth values the derivative is zero. */
const cast = firstInput((call, gradient) => {
  const [from, to] = [call.inputs[0]?.dtype, call.outputs[0]?.dtype];
  if (from === undefined || to === undefined)
    return call.refuse("the element types it casts between are not known");
  if (!isFloat(to)) return undefined;
  return from === to ? gradient : call.emit.node("Cast", [gradient], { to: codeOf(from) });
});

/** 1 − x², 1 + x² and x² − 1. */
const oneMinusSquare = ({ of, x }: Terms): string => of("Sub", [1, of("Mul", [x, x])]);
const onePlusSquare = ({ of, x }: Terms): string => of("Add", [1, of("Mul", [x, x])]);
const squareMinusOne = ({ of, x }: Terms): string => of("Sub", [of("Mul", [x, x]), 1]);

export const elementwiseGradients: Readonly<Record<string, GradientRule>> = {
  /** At 0: 0. */
  Abs: times(({ of, x }) => of("Sign", [x])),
  Acos: dividedBy((terms) => terms.of("Neg", [terms.of("Sqrt", [oneMinusSquare(terms)])])),
  Acosh: dividedBy((terms) => terms.of("Sqrt", [squareMinusOne(terms)])),
  Asin: dividedBy((terms) => terms.of("Sqrt", [oneMinusSquare(terms)])),
  Asinh: dividedBy((terms) => terms.of("Sqrt", [onePlusSquare(terms)])),
  Atan: dividedBy(onePlusSquare),
  Atanh: dividedBy(oneMinusSquare),
  BitwiseNot: flat,
  Cast: cast,
  Ceil: flat,
  Celu: celu,
  Clip: clip,
  Cos: formula(({ of, x, gradient }) => of("Neg", [of("Mul", [gradient, of("Sin", [x])])])),
  Cosh: times(({ of, x }) => of("Sinh", [x])),
  Dropout: dropout,
  Elu: elu,
  /** 2 / √π · e^(−x²). */
  Erf: times(({ of, x }) => of("Exp", [of("Sub", [Math.log(2 / Math.sqrt(Math.PI)), of("Mul", [x, x])])])),
  Exp: times(({ y }) => y),
  Floor: flat,
  Gelu: gelu,
  HardSigmoid: hardSigmoid,
  HardSwish: hardSwish,
  Identity: firstInput((_, gradient) => gradient),
  IsInf: flat,
  IsNaN: flat,
  LeakyRelu: leakyRelu,
  Log: dividedBy(({ x }) => x),
  Mish: mish,
  Neg: formula(({ of, gradient }) => of("Neg", [gradient])),
  Not: flat,
  Reciprocal: formula(({ of, y, gradient }) => of("Neg", [of("Mul", [of("Mul", [gradient, y]), y])])),
  Relu: relu,
  Round: flat,
  Selu: selu,
  Shrink: shrink,
  Sigmoid: formula(({ of, y, gradient }) => of("Mul", [of("Mul", [gradient, y]), of("Sub", [1, y])])),
  Sign: flat,
  Sin: times(({ of, x }) => of("Cos", [x])),
  Sinh: times(({ of, x }) => of("Cosh", [x])),
  Softplus: times(({ of, x }) => of("Sigmoid", [x])),
  /** 1 / (1 + |x|)². */
  Softsign: dividedBy(({ of, x }) => {
    const root = of("Add", [of("Abs", [x]), 1]);
    return of("Mul", [root, root]);
  }),
  /** 1 / 2y; infinite at 0. */
  Sqrt: formula(({ of, y, gradient }) => of("Div", [of("Mul", [gradient, 0.5]), y])),
  Swish: swish,
  Tan: times(({ of, y }) => of("Add", [1, of("Mul", [y, y])])),
  Tanh: times(({ of, y }) => of("Sub", [1, of("Mul", [y, y])])),
  ThresholdedRelu: thresholdedRelu,
};
