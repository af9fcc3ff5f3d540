/** @file Slicing rules come by every node of a graph, also by those that nothing is known about. */
import { describe, expect, test } from "vitest";
import type { Node } from "../graph/model.ts";
import { contribOperators, operators } from "./index.ts";
import type { SliceCall } from "./operator.ts";

const domains = [
  ["", operators],
  ["com.microsoft", contribOperators],
] as const;
const rules = domains.flatMap(([domain, own]) =>
  Object.entries(own).flatMap(([opType, { slice }]) =>
    slice === undefined ? [] : [{ domain, opType, slice }],
  ),
);

/** A node whose inputs and outputs have no known shape. */
function unknownNode(domain: string, opType: string): Node {
  const inputs = Array.from({ length: 8 }, (_, k) => `in${k}`);
  return { domain, opType, name: "unknown", inputs, outputs: ["out0", "out1"], attributes: new Map() };
}

function refuse(): never {
  throw new Error("the rule changed what it does not know");
}

function callFor(node: Node): SliceCall {
  return {
    node,
    opset: 17,
    standardOpset: 17,
    inputs: node.inputs.map(() => ({})),
    outputs: node.outputs.map(() => ({})),
    keptOfInput: () => undefined,
    keptOfOutput: () => undefined,
    shapeOfInput: () => undefined,
    shapeOfOutput: () => undefined,
    constant: () => undefined,
    replaceInput: refuse,
    redirectInput: refuse,
    omitInput: refuse,
    emit: refuse,
    emitLike: refuse,
    store: refuse,
    sizeFromInputs: refuse,
  };
}

describe("a slicing rule leaves a node alone that nothing is known about", () => {
  test.each(rules)("$domain $opType", ({ domain, opType, slice }) => {
    const node = unknownNode(domain, opType);
    expect(slice(callFor(node))).toStrictEqual(node);
  });
});
