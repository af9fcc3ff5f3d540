/** @file Adds nodes and constants to a graph under names nobody else has. */
import { allocate, type DType } from "../tensor/dtype.ts";
import { fromNumbers, int64, sizeOf, type Tensor } from "../tensor/tensor.ts";
import { type Attribute, type Graph, type Node, type StoredTensor, stored } from "./model.ts";
import { definedNames } from "./traversal.ts";

/** An attribute in short: numbers are ints, lists of numbers are lists of ints; floats are written out. */
export type AttributeInShort = number | string | readonly number[] | Attribute;

/** New nodes and constants, in the order they were made. */
export interface Emitter {
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<string, StoredTensor>;
  /**
   * Adds a node with one output and returns the name of that output. "" leaves an optional input out.
   * @param wish Name of the output, if it is free.
   */
  node(
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeInShort>>,
    wish?: string,
  ): string;
  /** Adds a node with several outputs and returns their names. */
  nodeWith(
    outputs: number,
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeInShort>>,
  ): string[];
  /** Takes over a node as it is, so that what follows may read its outputs. */
  adopt(node: Node): void;
  /** Adds a constant and returns its name. */
  constant(value: Tensor): string;
  /** A constant list of int64; equal lists share one constant. */
  ints(values: readonly number[]): string;
  /** A constant number of the given element type, without axes; equal numbers share one constant. */
  scalar(value: number, dtype?: DType): string;
  /** A name that nothing in the graph has. */
  unique(wish: string): string;
}

/**
 * @param graph Names in it are taken.
 * @param prefix Put before the names of new values.
 */
export function emitterFor(graph: Graph, prefix: string): Emitter {
  const taken = definedNames(graph);
  const nodes: Node[] = [];
  const initializers = new Map<string, StoredTensor>();
  const shared = new Map<string, string>();
  const counts = new Map<string, number>();
  const unique = (wish: string): string => {
    let name = wish;
    let count = counts.get(wish) ?? 0;
    while (taken.has(name)) name = `${wish}_${++count}`;
    counts.set(wish, count);
    taken.add(name);
    return name;
  };
  const constant = (value: Tensor): string => {
    const name = unique(`${prefix}constant`);
    initializers.set(name, stored(value));
    return name;
  };
  const once = (key: string, make: () => Tensor): string => {
    const known = shared.get(key);
    if (known !== undefined) return known;
    const name = constant(make());
    shared.set(key, name);
    return name;
  };
  const push = (
    opType: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, AttributeInShort>> = {},
  ): void => {
    const name = outputs[0]!;
    nodes.push({ name, opType, domain: "", inputs, outputs, attributes: attributesOf(attributes) });
  };
  return {
    nodes,
    initializers,
    node: (opType, inputs, attributes, wish = `${prefix}${opType}`) => {
      const output = unique(wish);
      push(opType, inputs, [output], attributes);
      return output;
    },
    nodeWith: (count, opType, inputs, attributes) => {
      const outputs = Array.from({ length: count }, () => unique(`${prefix}${opType}`));
      push(opType, inputs, outputs, attributes);
      return outputs;
    },
    adopt: (node) => {
      nodes.push(node);
      for (const output of node.outputs) if (output !== "") taken.add(output);
    },
    constant,
    ints: (values) => once(`ints ${values.join()}`, () => int64([values.length], values)),
    scalar: (value, dtype = "float32") => once(`${dtype} ${value}`, () => fromNumbers(dtype, [], [value])),
    unique,
  };
}

/** A float attribute. */
export function float(value: number): Attribute {
  return { kind: "float", value };
}

/** A tensor of zeros. */
export function zeros(dtype: DType, shape: readonly number[]): Tensor {
  return { dtype, shape, data: allocate(dtype, sizeOf(shape)) };
}

/** Attributes written in short. */
export function attributesOf(
  short: Readonly<Record<string, AttributeInShort>>,
): ReadonlyMap<string, Attribute> {
  return new Map(Object.entries(short).map(([name, value]) => [name, attributeOf(value)]));
}

function attributeOf(value: AttributeInShort): Attribute {
  if (typeof value === "number") return { kind: "int", value };
  if (typeof value === "string") return { kind: "string", value };
  return "kind" in value ? value : { kind: "ints", value };
}
