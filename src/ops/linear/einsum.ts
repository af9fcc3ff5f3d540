/** @file Einsum: every letter is an axis, and what is summed is read as channels. */
import { stringAttribute } from "../../graph/attributes.ts";
import type { Dim } from "../../graph/model.ts";
import { blockOn, firmOf, unifyBlocks } from "../label-blocks.ts";
import type { CostTerm, Couplings, InferCall, LabelBlock, Operator } from "../operator.ts";
import { likeFirst } from "../shapes.ts";

/** Letters of each operand and of the result; axes under an ellipsis are numbered. */
export interface Equation {
  readonly operands: readonly (readonly string[])[];
  readonly result: readonly string[];
}

type Call = Pick<InferCall, "node" | "inputs">;

/** The equation with its ellipses written out; undefined when ranks are not known or a letter stands twice in one operand. */
export function equationOf({ node, inputs }: Call): Equation | undefined {
  const ranks = node.inputs.map((_, k) => inputs[k]?.shape?.length);
  const [left, right] = stringAttribute(node, "equation", "").replaceAll(" ", "").split("->");
  const terms = left!.split(",");
  if (terms.length !== ranks.length || ranks.includes(undefined)) return undefined;
  const hidden = Math.max(
    0,
    ...terms.map((term, k) => (term.includes(".") ? ranks[k]! - term.replace("...", "").length : 0)),
  );
  const operands = terms.map((term, k) =>
    lettersOf(term, ranks[k]! - term.replace("...", "").length, hidden),
  );
  if (operands.some((letters, k) => letters.length !== ranks[k] || new Set(letters).size !== letters.length))
    return undefined;
  return { operands, result: lettersOf(right ?? impliedResult(terms), hidden, hidden) };
}

/** Axes under an ellipsis count from the back, as in broadcasting. */
function lettersOf(term: string, covered: number, hidden: number): string[] {
  const [before, after] = term.split("...");
  if (after === undefined) return [...term];
  const dots = Array.from({ length: covered }, (_, k) => `.${hidden - covered + k}`);
  return [...before!, ...dots, ...after];
}

/** Without an arrow: the ellipsis, then letters that stand once, in order of the alphabet. */
function impliedResult(terms: readonly string[]): string {
  const letters = terms.join("").replaceAll(".", "");
  const once = [...new Set(letters)].filter((letter) => letters.split(letter).length === 2).sort();
  return `${terms.some((term) => term.includes("...")) ? "..." : ""}${once.join("")}`;
}

interface Place {
  readonly input: number;
  readonly axis: number;
  readonly size: Dim;
}

function placesOf({ operands }: Equation, call: Call, letter: string): Place[] {
  return operands.flatMap((letters, input) => {
    const axis = letters.indexOf(letter);
    return axis < 0 ? [] : [{ input, axis, size: call.inputs[input]!.shape![axis] }];
  });
}

function infer(call: InferCall) {
  const equation = equationOf(call);
  const shape = equation?.result.map((letter): Dim => {
    const sizes = placesOf(equation, call, letter).map(({ size }) => size);
    return (
      sizes.find((size) => typeof size === "number" && size !== 1) ??
      sizes.find((size) => size !== 1) ??
      sizes[0]
    );
  });
  return [likeFirst(call, shape)];
}

function couple(c: Couplings): void {
  const equation = equationOf(c);
  if (equation === undefined) {
    for (let input = 0; input < c.node.inputs.length; input++)
      c.lockInput(input, "Einsum needs operands of known rank that name every axis once");
    return;
  }
  const letters = new Set([...equation.operands.flat()]);
  const blocks = new Map([...letters].map((letter) => [letter, coupleLetter(c, equation, letter)]));
  c.setOutput(
    0,
    equation.result.flatMap((letter, axis) => blockOn(axis, blocks.get(letter))),
  );
}

function coupleLetter(c: Couplings, equation: Equation, letter: string): LabelBlock | undefined {
  const places = placesOf(equation, c, letter);
  const wide = places.filter(({ size }) => size !== 1);
  const isSummed = !equation.result.includes(letter);
  const [first, ...others] = wide.length > 0 ? wide : places;
  if (!isSummed && wide.every(({ input }) => c.isConstant(input))) c.produce(first!.input, first!.axis);
  let block = c.axisBlock(first!.input, first!.axis);
  for (const { input, axis } of wide.length > 0 ? others : []) {
    const other = c.axisBlock(input, axis);
    unifyBlocks(c, block, other, "it is multiplied with an axis that is fixed");
    block = firmOf(c, block, other);
  }
  const carrier = wide.find(({ input }) => !c.isConstant(input));
  if (isSummed && carrier !== undefined) c.read(carrier.input, carrier.axis);
  return block;
}

/** One product per position of all letters, for two operands; more are not counted. */
function macs(call: InferCall): readonly CostTerm[] {
  const equation = equationOf(call);
  if (equation?.operands.length !== 2) return [];
  const letters = new Set(equation.operands.flat());
  const axes = [...letters].map((letter) => {
    const places = placesOf(equation, call, letter);
    const { input, axis } = places.find(({ size }) => size !== 1) ?? places[0]!;
    return { value: call.node.inputs[input]!, axis };
  });
  return [{ coefficient: 1, axes }];
}

export const einsum: Operator = { infer, couple, macs };
