/**
 * @file Hidden units held at zero. An LSTM hands on gate × tanh(cell) and a GRU (1 - gate) × new + gate × old, so a unit
 * is zero for good where its output gate is shut, or where its update gate keeps the zero it begins with. Absence comes in
 * as further features, one for each unit, that the weights lead to that gate alone: units may so be absent by example.
 */
import { intAttribute, stringAttribute } from "../../graph/attributes.ts";
import type { Node } from "../../graph/model.ts";
import { stored } from "../../graph/model.ts";
import { fromNumbers } from "../../tensor/tensor.ts";
import type { Couplings, InferCall, MaskCall } from "../operator.ts";

interface Gated {
  readonly gates: number;
  /** Which gate holds a unit at zero, and on which side of zero its input is then. */
  readonly holding: number;
  readonly sign: 1 | -1;
}

const kinds: Readonly<Record<string, Gated>> = {
  LSTM: { gates: 4, holding: 1, sign: -1 }, // input, output, forget, cell
  GRU: { gates: 3, holding: 0, sign: 1 }, // update, reset, hidden
};

/** So far that a sigmoid is 0 or 1. */
const far = 1e9;

/** How many gates there are, where one of them can hold a unit at zero and all sizes are known. */
export function gatesOf({ node, inputs }: Pick<Couplings, "node" | "inputs">): number | undefined {
  const kind = kinds[node.opType];
  const usual = !["activations", "clip"].some((name) => node.attributes.has(name)) || isUsual(node);
  const isKnown = [1, 2].every((input) => inputs[input]?.shape?.every((size) => typeof size === "number"));
  const isFloat = inputs[0]?.dtype === "float32";
  return usual && isKnown && isFloat && toldOutput(node) !== undefined ? kind?.gates : undefined;
}

/** Sigmoid in the gates, and nothing that bounds what goes into them. */
function isUsual(node: Node): boolean {
  const attribute = node.attributes.get("activations");
  if (node.attributes.has("clip") || attribute?.kind !== "strings") return false;
  const each =
    attribute.value.length / (stringAttribute(node, "direction", "forward") === "bidirectional" ? 2 : 1);
  return attribute.value.every((name, k) => k % each !== 0 || name.toLowerCase() === "sigmoid");
}

/** The first output that tells the states of units: all of them, or the last. */
export function toldOutput({ outputs }: Node): 0 | 1 | undefined {
  return ([0, 1] as const).find((k) => (outputs[k] ?? "") !== "");
}

/** The node behind masks on what it reads, with the absence of its units among its features. */
export function maskedSequence(call: MaskCall): void {
  const { node, emit, masks } = call;
  const inputs = [...node.inputs];
  for (const mask of masks) if (mask.input >= 0) inputs[mask.input] = mask.times(inputs[mask.input]!);
  if (masks.some(({ input }) => input < 0)) {
    inputs[0] = emit.node("Concat", [inputs[0]!, absence(call)], { axis: 2 });
    inputs[1] = emit.node("Concat", [inputs[1]!, holdingWeights(call)], { axis: 2 });
  }
  emit.adopt({ ...node, inputs });
}

/** One where a unit is absent and zero where it is there, [T, N, units] or [N, T, units]. */
function absence(call: MaskCall): string {
  const { node, emit, masks } = call;
  const units = unitsOf(call);
  const batchFirst = intAttribute(node, "layout", 0) === 1;
  const size = emit.node("Shape", [node.inputs[0]!]);
  const at = (axis: number) => emit.node("Gather", [size, emit.ints([axis])], { axis: 0 });
  const [one, batch, all] = [emit.ints([1]), at(batchFirst ? 0 : 1), emit.ints([units])];
  const own = batchFirst ? [batch, one] : [one, batch];
  const told = toldOutput(node) === 0 ? (batchFirst ? [...own, one] : [one, ...own]) : own;
  const target = (parts: readonly string[]) => emit.node("Concat", [...parts, all], { axis: 0 });
  const ones = emit.node("ConstantOfShape", [target(told)], {
    value: { kind: "tensor", value: stored(fromNumbers("float32", [1], [1])) },
  });
  const there = masks.reduce((name, mask) => (mask.input < 0 ? mask.times(name, "float32") : name), ones);
  const absent = emit.node("Sub", [emit.scalar(1), emit.node("Reshape", [there, target(own)])]);
  return emit.node("Expand", [absent, target([at(0), at(1)])]);
}

/** Weights from the absence of every unit to its own holding gate, [directions, gates * units, units]. */
function holdingWeights(call: MaskCall): string {
  const { gates, holding, sign } = kinds[call.node.opType]!;
  const units = unitsOf(call);
  const directions = call.inputs[1]!.shape![0] as number;
  const values = new Float64Array(directions * gates * units * units);
  for (let direction = 0; direction < directions; direction++) {
    for (let unit = 0; unit < units; unit++)
      values[((direction * gates + holding) * units + unit) * units + unit] = sign * far;
  }
  return call.emit.constant(fromNumbers("float32", [directions, gates * units, units], values));
}

function unitsOf({ inputs }: Pick<InferCall, "inputs">): number {
  return inputs[2]!.shape![2] as number;
}
