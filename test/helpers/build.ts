/**
 * @file Builds small models for tests.
 * @example
 * const g = graphBuilder();
 * const x = g.input("x", ["N", 3, 8, 8]);
 * const hidden = g.node("Relu", [g.node("Conv", [x, g.weight([4, 3, 3, 3]), g.weight([4])], { pads: [1, 1, 1, 1] })]);
 * g.output(hidden, ["N", 4, 8, 8]);
 * const model = g.build();
 */
import type { Attribute, Dim, Graph, Model, Node, StoredTensor, ValueInfo } from "../../src/graph/model.ts";
import { stored } from "../../src/graph/model.ts";
import type { DType } from "../../src/tensor/dtype.ts";
import { fromNumbers, sizeOf, type Tensor } from "../../src/tensor/tensor.ts";

/**
 * An attribute in short: whole numbers are ints, other numbers floats, lists likewise; tensors and graphs as they are.
 * Whole-valued floats need {@link float} (`{ alpha: float(1) }`).
 */
export type AttributeShorthand =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | Tensor
  | Graph
  | Attribute;

export interface NodeOptions {
  readonly name?: string;
  readonly domain?: string;
  /** Names of the outputs, or how many there are; 1 when left out. */
  readonly outputs?: readonly string[] | number;
}

export interface BuildOptions {
  /** Version of the standard operator set; 17 when left out. */
  readonly opset?: number;
  /** Further operator sets. */
  readonly opsets?: Readonly<Record<string, number>>;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface GraphBuilder {
  /** Adds a graph input and returns its name. */
  input(name: string, shape?: readonly Dim[], dtype?: DType): string;
  /**
   * Adds an initializer and returns its name. Without values the elements are repeatable pseudo-random numbers between
   * -1 and 1, divided by the square root of what one output sums over.
   */
  weight(shape: readonly number[], values?: ArrayLike<number>, options?: WeightOptions): string;
  /** Adds a ready-made initializer and returns its name. */
  initializer(name: string, value: Tensor | StoredTensor): string;
  /** Adds a node and returns the name of its first output. "" leaves an optional input out. */
  node(
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeShorthand>>,
    options?: NodeOptions,
  ): string;
  /** As {@link GraphBuilder.node} for nodes with several outputs, whose names it returns. */
  nodes(
    opType: string,
    inputs: readonly string[],
    outputs: readonly string[] | number,
    attributes?: Readonly<Record<string, AttributeShorthand>>,
  ): string[];
  /** Makes a value a graph output and returns its name. */
  output(name: string, shape?: readonly Dim[], dtype?: DType): string;
  /** Says something about an intermediate value. */
  info(name: string, shape: readonly Dim[], dtype?: DType): void;
  /** The graph alone, for branches and loop bodies. */
  graph(name?: string): Graph;
  build(options?: BuildOptions): Model;
}

export interface WeightOptions {
  readonly name?: string;
  readonly dtype?: DType;
}

/** @param prefix Put before made-up names; subgraphs want one of their own. */
export function graphBuilder(prefix = ""): GraphBuilder {
  const nodes: Node[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const initializers = new Map<string, StoredTensor>();
  const valueInfo = new Map<string, ValueInfo>();
  const addNode = (
    opType: string,
    from: readonly string[],
    attributes: Readonly<Record<string, AttributeShorthand>>,
    { name, domain, outputs: wanted = 1 }: NodeOptions,
  ): string[] => {
    const label = name ?? `${prefix}${opType.toLowerCase()}_${nodes.length}`;
    const made =
      typeof wanted !== "number"
        ? [...wanted]
        : Array.from({ length: wanted }, (_, index) =>
            index === 0 ? `${label}_out` : `${label}_out${index}`,
          );
    const entries = Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)] as const);
    nodes.push({
      name: label,
      opType,
      domain: domain ?? "",
      inputs: [...from],
      outputs: made,
      attributes: new Map(entries),
    });
    return made;
  };
  const builder: GraphBuilder = {
    input: (name, shape, dtype = "float32") => {
      inputs.push({ name, dtype, shape });
      return name;
    },
    weight: (shape, values, { name = `${prefix}w${initializers.size}`, dtype = "float32" } = {}) =>
      builder.initializer(name, fromNumbers(dtype, shape, values ?? someValues(shape, initializers.size))),
    initializer: (name, value) => {
      initializers.set(name, "load" in value ? value : stored(value));
      return name;
    },
    node: (opType, from, attributes = {}, options = {}) => addNode(opType, from, attributes, options)[0]!,
    nodes: (opType, from, wanted, attributes = {}) => addNode(opType, from, attributes, { outputs: wanted }),
    output: (name, shape, dtype = "float32") => {
      outputs.push({ name, dtype, shape });
      return name;
    },
    info: (name, shape, dtype = "float32") => {
      valueInfo.set(name, { name, dtype, shape });
    },
    graph: (name = `${prefix}graph`) => ({ name, nodes, inputs, outputs, initializers, valueInfo }),
    build: ({ opset = 17, opsets = {}, metadata = {} } = {}) => ({
      graph: builder.graph(),
      opsets: new Map([["", opset], ...Object.entries(opsets)]),
      metadata: new Map(Object.entries(metadata)),
    }),
  };
  return builder;
}

/** A float attribute, also when the number is whole. */
export function float(value: number): Attribute {
  return { kind: "float", value };
}

/** A float-list attribute, also when the numbers are whole. */
export function floats(value: readonly number[]): Attribute {
  return { kind: "floats", value };
}

function attributeOf(value: AttributeShorthand): Attribute {
  if (typeof value === "string") return { kind: "string", value };
  if (typeof value === "number") return { kind: Number.isInteger(value) ? "int" : "float", value };
  if (isList(value)) return listAttribute(value);
  if ("kind" in value) return value;
  if ("nodes" in value) return { kind: "graph", value };
  return { kind: "tensor", value: stored(value) };
}

function listAttribute(value: readonly number[] | readonly string[]): Attribute {
  if (value.length > 0 && typeof value[0] === "string") return { kind: "strings", value: value as string[] };
  const numbers = value as readonly number[];
  return { kind: numbers.every(Number.isInteger) ? "ints" : "floats", value: numbers };
}

function isList(value: AttributeShorthand): value is readonly number[] | readonly string[] {
  return Array.isArray(value);
}

/** Repeatable values from a linear congruential sequence that starts elsewhere for every weight. */
function someValues(shape: readonly number[], stream: number): Float32Array {
  const summed = Math.max(1, sizeOf(shape.slice(1)));
  let state = (stream * 2654435761 + 12345) >>> 0;
  return Float32Array.from({ length: sizeOf(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) / Math.sqrt(summed);
  });
}
