/**
 * @file Where operators bend or jump. Differences straddling such a place tell nothing about the derivative, so draws
 * are moved off them by a hundred steps; which derivative a rule takes exactly there has tests of its own.
 */
import { floatAttribute, intAttribute } from "../../src/graph/attributes.ts";
import type { Node } from "../../src/graph/model.ts";
import { dtypeOf } from "../../src/onnx/element-types.ts";
import { isFloat } from "../../src/tensor/dtype.ts";
import { fromNumbers, type Tensor, toNumbers } from "../../src/tensor/tensor.ts";
import type { BuiltCase } from "./operator-cases/operator-case.ts";

/** Least distance kept from a kink and between values that compete. */
const margin = 1e-3;
/** More of it around poles, near which the error of differences grows beyond bounds. */
const margins: Readonly<Record<string, number>> = { Reciprocal: 0.05, Sqrt: 0.05 };

/** The kink next to a number. */
type Nearest = (x: number) => number;

const among =
  (...kinks: readonly number[]): Nearest =>
  (x) =>
    kinks.reduce((best, kink) => (Math.abs(kink - x) < Math.abs(best - x) ? kink : best), Infinity);

/** Kinks of the first operand, by operator. */
const kinks: Readonly<Record<string, (node: Node, feeds: BuiltCase["feeds"]) => Nearest>> = {
  Abs: () => among(0),
  Cast: ({ attributes }) => {
    const to = attributes.get("to");
    const dtype = to?.kind === "int" ? dtypeOf(to.value) : undefined;
    return dtype === undefined || isFloat(dtype) ? among() : Math.round;
  },
  Ceil: () => Math.round,
  Celu: () => among(0),
  Clip: (_, { x1, x2 }) => among(...[x1, x2].flatMap((bound) => (bound ? [...toNumbers(bound)] : []))),
  Elu: () => among(0),
  Floor: () => Math.round,
  HardSigmoid: (node) => {
    const [alpha, beta] = [floatAttribute(node, "alpha", 0.2), floatAttribute(node, "beta", 0.5)];
    return among(-beta / alpha, (1 - beta) / alpha);
  },
  HardSwish: () => among(-3, 3),
  LeakyRelu: () => among(0),
  PRelu: () => among(0),
  Reciprocal: () => among(0),
  ReduceL1: () => among(0),
  Relu: () => among(0),
  Round: () => (x) => Math.floor(x) + 0.5,
  Selu: () => among(0),
  Shrink: (node) => among(-floatAttribute(node, "lambd", 0.5), floatAttribute(node, "lambd", 0.5)),
  Sign: () => among(0),
  Sqrt: () => among(0),
  ThresholdedRelu: (node) => among(floatAttribute(node, "alpha", 1)),
};

/** Operators that pick the best of several values, or compare them: ties are their kinks. */
const competing =
  /^(Max|Min|ReduceMax|ReduceMin|ArgMax|ArgMin|MaxPool|GlobalMaxPool|Greater|Less|GreaterOrEqual|LessOrEqual)$/;

/** The case with its float inputs off the kinks of its operator. */
export function offKinks({ model, feeds }: BuiltCase): BuiltCase {
  const node = model.graph.nodes[0]!;
  if (competing.test(node.opType)) return { model, feeds: apart(feeds) };
  const nearest = kinks[node.opType]?.(node, feeds);
  const { x0 } = feeds;
  if (nearest === undefined || x0 === undefined || !isFloat(x0.dtype)) return { model, feeds };
  const distance = margins[node.opType] ?? margin;
  const moved = toNumbers(x0).map((x) => {
    const kink = nearest(x);
    return Math.abs(x - kink) < distance ? kink + distance : x;
  });
  return { model, feeds: { ...feeds, x0: fromNumbers(x0.dtype, x0.shape, moved) } };
}

/** All floats of all inputs raised, in ascending order, until each is above the one before. */
function apart(feeds: BuiltCase["feeds"]): BuiltCase["feeds"] {
  const floats = Object.entries(feeds).filter(([, value]) => isFloat(value.dtype));
  const values = floats.map(([, value]) => toNumbers(value));
  const places = values.flatMap((numbers, input) => Array.from(numbers, (x, at) => ({ x, input, at })));
  let last = -Infinity;
  for (const { x, input, at } of places.sort((a, b) => a.x - b.x)) {
    last = Math.max(x, last + margin);
    values[input]![at] = last;
  }
  const spread = floats.map(([name, { dtype, shape }], k): [string, Tensor] => [
    name,
    fromNumbers(dtype, shape, values[k]!),
  ]);
  return { ...feeds, ...Object.fromEntries(spread) };
}

/**
 * Whether differences can be taken at all: a cast to 16 bits rounds more than a step is long, and a remainder
 * jumps where the operands divide.
 */
export function hasDifferences({ model, feeds }: BuiltCase): boolean {
  const node = model.graph.nodes[0]!;
  const [a, b] = [feeds["x0"], feeds["x1"]].map((value) => [...(value ? toNumbers(value) : [])]);
  if (node.opType === "Cast") return !/16$/.test(dtypeOf(intAttribute(node, "to", 0)) ?? "");
  if (node.opType !== "Mod") return true;
  return a!.every((x) => b!.every((y) => Math.abs(x / y - Math.round(x / y)) > margin));
}
