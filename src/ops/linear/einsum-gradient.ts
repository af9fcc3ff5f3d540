/** @file Gradient of Einsum: the gradient of the result, contracted with the other operands to the letters of the one. */
import type { Dim } from "../../graph/model.ts";
import type { GradientCall, GradientRule } from "../gradient.ts";
import { reduceTo } from "../gradient-support/reduce-to.ts";
import { type Equation, equationOf } from "./einsum.ts";

export const einsumGradient: GradientRule = (call) => {
  const equation = equationOf(call);
  if (equation === undefined)
    return call.refuse("a letter stands twice in one of its operands, or the rank of one is not known");
  return call.node.inputs.map((_, input) =>
    call.wants(input) ? toOperand(call, equation, input) : undefined,
  );
};

function toOperand(call: GradientCall, equation: Equation, input: number): string {
  const { emit, node } = call;
  const { operands, result } = equation;
  const own = operands[input]!;
  const others = operands.map((letters, k) => ({ letters, name: node.inputs[k]! })).toSpliced(input, 1);
  const told = new Set([...result, ...others.flatMap(({ letters }) => letters)]);
  const kept = own.filter((letter) => told.has(letter));
  const written = letterWriter(equation);
  const text = `${[result, ...others.map(({ letters }) => letters)].map(written).join()}->${written(kept)}`;
  const from = [call.gradients[0]!, ...others.map(({ name }) => name)];
  const contracted = emit.node("Einsum", from, { equation: text });
  const shape = call.inputs[input]!.shape!;
  const full = kept.map((letter) => sizeOfLetter(call, equation, letter));
  const reduced = reduceTo(
    call,
    contracted,
    full,
    shape.filter((_, axis) => told.has(own[axis]!)),
  );
  return kept.length === own.length ? reduced : spread(call, reduced, own, told, input);
}

/** Letters that are summed in the operand alone: its elements along them have the same gradient. */
function spread(
  { emit, node, shapeOf }: GradientCall,
  value: string,
  own: readonly string[],
  told: ReadonlySet<string>,
  input: number,
): string {
  const missing = own.flatMap((letter, axis) => (told.has(letter) ? [] : [axis]));
  const wide = emit.node("Unsqueeze", [value, emit.ints(missing)]);
  return emit.node("Expand", [wide, shapeOf(node.inputs[input]!)]);
}

/** Size of a letter after broadcasting: that of an operand in which it is not 1. */
function sizeOfLetter({ inputs }: GradientCall, { operands }: Equation, letter: string): Dim {
  const sizes = operands.flatMap((letters, input) => {
    const axis = letters.indexOf(letter);
    return axis < 0 ? [] : [inputs[input]!.shape![axis]];
  });
  return sizes.find((size) => size !== 1) ?? sizes[0];
}

/** Writes letters; axes under an ellipsis get letters that the equation leaves free. */
function letterWriter({ operands, result }: Equation): (letters: readonly string[]) => string {
  const all = [...new Set([...operands.flat(), ...result])];
  const free = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"].filter(
    (one) => !all.includes(one),
  );
  const names = new Map(all.map((letter) => [letter, letter.length === 1 ? letter : free.shift()!]));
  return (letters) => letters.map((letter) => names.get(letter)!).join("");
}
