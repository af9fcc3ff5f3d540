/**
 * @file The in-memory ONNX model: plain, read-only data. Edits build new objects.
 *
 * `origin` fields carry what only the file format understands (doc strings, unknown fields, the original
 * encoding). The onnx/ folder writes and reads them; nobody else looks inside.
 */
import type { DType } from "../tensor/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Size of one axis: a number, a symbolic expression such as "N" or "N*49", or unknown. */
export type Dim = number | string | undefined;

/** A named value with what the file says about its type; `shape` is absent when even the rank is unknown. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype?: DType | undefined;
  readonly shape?: readonly Dim[] | undefined;
  readonly origin?: unknown;
}

/** A weight or constant. The elements are decoded when first asked for. */
export interface StoredTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Decodes the elements. @throws {PrunerError} when external data are missing or too short. */
  readonly load: () => Tensor;
  readonly origin?: unknown;
}

/**
 * An initializer the product does not compute with: strings, complex numbers, floats and integers of 8 bits and less
 * that have no typed array, sparse tensors. It has a name and is carried along untouched.
 */
export interface OpaqueTensor {
  /** As ONNX calls it, for messages: "STRING", "INT4", "FLOAT8E4M3FN", "sparse". */
  readonly elementType: string;
  readonly shape: readonly number[];
  readonly origin: unknown;
}

export type Attribute =
  | { readonly kind: "int"; readonly value: number; readonly origin?: unknown }
  | { readonly kind: "float"; readonly value: number; readonly origin?: unknown }
  | { readonly kind: "string"; readonly value: string; readonly origin?: unknown }
  | { readonly kind: "ints"; readonly value: readonly number[]; readonly origin?: unknown }
  | { readonly kind: "floats"; readonly value: readonly number[]; readonly origin?: unknown }
  | { readonly kind: "strings"; readonly value: readonly string[]; readonly origin?: unknown }
  | { readonly kind: "tensor"; readonly value: StoredTensor; readonly origin?: unknown }
  | { readonly kind: "graph"; readonly value: Graph; readonly origin?: unknown }
  /** Anything else (lists of graphs, sparse tensors, types): carried along untouched. */
  | { readonly kind: "opaque"; readonly graphs: readonly Graph[]; readonly origin: unknown };

export interface Node {
  /** May be empty in a file; readers of the IR use {@link nodeLabel} for messages. */
  readonly name: string;
  readonly opType: string;
  /** "" is the standard ONNX domain ("ai.onnx" is normalised to it). */
  readonly domain: string;
  /** Value names; "" marks an omitted optional input. */
  readonly inputs: readonly string[];
  /** Value names; "" marks an omitted optional output. */
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly origin?: unknown;
}

export interface Graph {
  readonly name: string;
  /** In topological order. */
  readonly nodes: readonly Node[];
  /** Real inputs only: names that also have an initializer (old files) are listed in `initializers` alone. */
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: ReadonlyMap<string, StoredTensor>;
  /** Initializers that are only carried along; absent when there are none. */
  readonly opaque?: ReadonlyMap<string, OpaqueTensor> | undefined;
  /** What the file says about intermediate values. */
  readonly valueInfo: ReadonlyMap<string, ValueInfo>;
  readonly origin?: unknown;
}

export interface Model {
  readonly graph: Graph;
  /** Version per operator domain; "" is the standard domain. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly origin?: unknown;
}

/** How messages name a node: its name, or its operator and first output when it has none. */
export function nodeLabel(node: Node): string {
  return node.name !== "" ? node.name : `${node.opType} -> ${node.outputs[0] ?? "?"}`;
}

/** A stored tensor whose elements are at hand. */
export function stored(value: Tensor, origin?: unknown): StoredTensor {
  return { dtype: value.dtype, shape: value.shape, load: () => value, origin };
}
