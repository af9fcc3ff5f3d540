/** @file Operators of integers seen as their float counterparts: scales and zero points between the operands are passed over. */
import type { Node } from "../../graph/model.ts";
import type { DType } from "../../tensor/dtype.ts";
import type { Couplings, Fact, InferCall, Operator, SliceCall } from "../operator.ts";

/** Inputs of an operator that are the operands of its counterpart, in that one's order. */
export type Operands = readonly number[];

function nodeWith(node: Node, operands: Operands): Node {
  return { ...node, inputs: operands.map((input) => node.inputs[input] ?? "") };
}

function factsOf(inputs: readonly (Fact | undefined)[], operands: Operands): (Fact | undefined)[] {
  return operands.map((input) => inputs[input]);
}

/** What the counterpart is asked for shapes and cost. */
export function inferCallWith<Call extends InferCall>(call: Call, operands: Operands): Call {
  return { ...call, node: nodeWith(call.node, operands), inputs: factsOf(call.inputs, operands) };
}

/** Facts as `float` gives them for some of the operands, with another element type. */
export function asFloat(
  float: Operator,
  operands: Operands,
  dtype: (call: InferCall) => DType | undefined,
): (call: InferCall) => readonly Fact[] {
  return (call) => {
    const [first] = float.infer(inferCallWith(call, operands));
    return [{ ...first, dtype: dtype(call) }];
  };
}

/** Couplings in which the counterpart's rule may speak of its own inputs. */
export function couplingsWith(c: Couplings, operands: Operands): Couplings {
  const own = (input: number): number => operands[input] ?? -1;
  return {
    ...c,
    node: nodeWith(c.node, operands),
    inputs: factsOf(c.inputs, operands),
    labelsOf: (input, axis) => c.labelsOf(own(input), axis),
    axisBlock: (input, axis) => c.axisBlock(own(input), axis),
    blockAlong: (input, axis) => c.blockAlong(own(input), axis),
    blockOnto: (input, from, onto) => c.blockOnto(own(input), from, onto),
    blocksOf: (input) => c.blocksOf(own(input)),
    produce: (input, axis) => c.produce(own(input), axis),
    read: (input, axis) => c.read(own(input), axis),
    readAround: (input, axis) => c.readAround(own(input), axis),
    lockInput: (input, why) => c.lockInput(own(input), why),
    countsOf: (input, axis, labels, divisor) => c.countsOf(own(input), axis, labels, divisor),
    measure: (input) => c.measure(own(input)),
    rewrites: (input, what) => c.rewrites(own(input), what),
    isConstant: (input) => c.isConstant(own(input)),
    isStored: (input) => c.isStored(own(input)),
  };
}

/** What the counterpart's slicing rule may ask; the node it gives back gets the inputs of the operator again. */
export function slicedWith(call: SliceCall, operands: Operands, rule: (call: SliceCall) => Node): Node {
  const own = (input: number): number => operands[input] ?? -1;
  const sliced = rule({
    ...call,
    node: nodeWith(call.node, operands),
    inputs: factsOf(call.inputs, operands),
    keptOfInput: (input, axis) => call.keptOfInput(own(input), axis),
    shapeOfInput: (input) => call.shapeOfInput(own(input)),
    constant: (input) => call.constant(own(input)),
    replaceInput: (input, value) => call.replaceInput(own(input), value),
    redirectInput: (input, name) => call.redirectInput(own(input), name),
    omitInput: (input) => call.omitInput(own(input)),
  });
  return { ...sliced, inputs: call.node.inputs };
}
