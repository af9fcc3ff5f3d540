/**
 * @file Takes the caches of keys and values off a decoder: inputs that a node lengthens and hands on as outputs. What is
 * left computes what the whole does with empty caches, and heads are no longer held by the sizes of its inputs and outputs.
 * `reopen-caches.ts` puts them back, as narrow as the heads are by then.
 */
import { type Emitter, emitterFor } from "../graph/emitter.ts";
import type { Dim, Graph, Model, Node, ValueInfo } from "../graph/model.ts";
import { sortNodes } from "../graph/traversal.ts";
import { type Cache, findCaches, holderOf, isConcat, isShape, namesOf } from "./find-caches.ts";

export interface ClosedCaches {
  readonly model: Model;
  readonly original: Model;
  readonly caches: readonly Cache[];
}

/** How the names of lengths begin that are 0 in a model whose caches were taken off. */
export const emptyLength = "empty:";

/** Stands in for a cache where nothing but its sizes is asked for. */
export function sizesOf(past: string): string {
  return `${past}_sizes`;
}

/** Operators that want their outputs whether there is a cache or not. */
const keepsOutputs: ReadonlySet<string> = new Set(["GroupQueryAttention"]);

/** The same model without its caches; undefined where it has none. */
export function closeCaches(model: Model): ClosedCaches | undefined {
  const { graph } = model;
  const caches = findCaches(graph);
  if (caches.length === 0) return undefined;
  const emit = emitterFor(graph, "caches_");
  const asked = graph.nodes.filter(isShape).map((node) => node.inputs[0]!);
  for (const cache of caches) {
    if (asked.includes(cache.past.name)) emitSizes(emit, graph, caches, cache);
    const joiner = graph.nodes.find(({ outputs }) => outputs[0] === cache.node)!;
    if (isConcat(joiner)) emitEmpty(emit, graph, caches, cache, joiner);
  }
  const sorted = sortNodes([...emit.nodes, ...graph.nodes.map((node) => closed(node, caches))]);
  if (sorted.kind === "cyclic") return undefined;
  const [pasts, presents] = [namesOf(caches, "past"), namesOf(caches, "present")];
  const info = new Map(graph.valueInfo);
  const made = new Set(emit.nodes.flatMap(({ outputs }) => outputs));
  for (const cache of caches)
    if (made.has(cache.past.name)) info.set(cache.past.name, { ...cache.past, shape: named(cache) });
  for (const length of new Set(caches.map(lengthOf)))
    if (made.has(lengthName(length))) info.set(lengthName(length), lengthInfo(graph, caches, length));
  const rest: Graph = {
    ...graph,
    nodes: sorted.nodes,
    initializers: new Map([...graph.initializers, ...emit.initializers]),
    inputs: graph.inputs.filter(({ name }) => !pasts.has(name)),
    outputs: graph.outputs.filter(({ name }) => !presents.has(name)),
    valueInfo: info,
  };
  return { model: { ...model, graph: rest }, original: model, caches };
}

/** Sizes of a cache without anything in it. */
function named({ past, axis }: Cache): Dim[] {
  return past.shape!.map((size, k) =>
    k === axis ? `${emptyLength}${typeof size === "string" ? size : past.name}` : size,
  );
}

const lengthOf = (cache: Cache): string => named(cache)[cache.axis] as string;
const lengthName = (length: string): string => `caches_${length}`;

/** The input from which emptiness is made, with its rank. */
function sourceOf(graph: Graph, caches: readonly Cache[]): ValueInfo {
  const pasts = namesOf(caches, "past");
  return graph.inputs.find(({ name, shape }) => !pasts.has(name) && (shape?.length ?? 0) > 0)!;
}

function lengthInfo(graph: Graph, caches: readonly Cache[], length: string): ValueInfo {
  const name = lengthName(length);
  return { name, dtype: "int64", shape: [sourceOf(graph, caches).shape!.length, length] };
}

/**
 * A list of one size that is 0 when it runs but has the name of a cache's length: nothing that follows from the length may be
 * written down as if there were never a cache.
 */
function emitLength(emit: Emitter, graph: Graph, caches: readonly Cache[], length: string): string {
  const name = lengthName(length);
  if (!emit.nodes.some(({ outputs }) => outputs[0] === name)) {
    const flags = emit.node("Cast", [sourceOf(graph, caches).name], { to: 9 });
    const never = emit.node("And", [flags, emit.node("Not", [flags])]);
    emit.adopt({
      name,
      opType: "NonZero",
      domain: "",
      inputs: [never],
      outputs: [name],
      attributes: new Map(),
    });
  }
  return emit.node("Gather", [emit.node("Shape", [name]), emit.ints([1])], { axis: 0 });
}

/** In the place of a cache: nothing of what is joined to it, so that its heads are those of the keys. */
function emitEmpty(
  emit: Emitter,
  graph: Graph,
  caches: readonly Cache[],
  cache: Cache,
  { inputs }: Node,
): void {
  const end = emitLength(emit, graph, caches, lengthOf(cache));
  const name = cache.past.name;
  const from = [inputs[1]!, emit.ints([0]), end, emit.ints([cache.axis])];
  emit.adopt({ name, opType: "Slice", domain: "", inputs: from, outputs: [name], attributes: new Map() });
}

/** A value with the sizes of a cache. */
function emitSizes(emit: Emitter, graph: Graph, caches: readonly Cache[], cache: Cache): void {
  const parts = named(cache).map((size, axis) => {
    if (axis === cache.axis) return emitLength(emit, graph, caches, lengthOf(cache));
    if (typeof size === "number") return emit.ints([size]);
    const [name, at] = holderOf(graph, caches, cache.past.shape![axis])!;
    return emit.node("Gather", [emit.node("Shape", [name]), emit.ints([at])], { axis: 0 });
  });
  const sizes = emit.node("Concat", parts, { axis: 0 });
  const name = sizesOf(cache.past.name);
  emit.adopt({
    name,
    opType: "ConstantOfShape",
    domain: "",
    inputs: [sizes],
    outputs: [name],
    attributes: new Map(),
  });
}

/** A node without the caches it took in; joins stay as they are, since something stands in for theirs. */
function closed(node: Node, caches: readonly Cache[]): Node {
  if (isShape(node)) {
    const own = caches.some(({ past }) => past.name === node.inputs[0]);
    return own ? { ...node, inputs: [sizesOf(node.inputs[0]!)] } : node;
  }
  const own = caches.filter((cache) => cache.node === node.outputs[0]);
  if (own.length === 0 || isConcat(node)) return node;
  const without = (names: readonly string[], places: readonly number[]) => {
    const left = names.map((name, k) => (places.includes(k) ? "" : name));
    while (left.at(-1) === "") left.pop();
    return left;
  };
  const inputs = without(
    node.inputs,
    own.map(({ input }) => input),
  );
  if (keepsOutputs.has(node.opType)) return { ...node, inputs };
  return {
    ...node,
    inputs,
    outputs: without(
      node.outputs,
      own.map(({ output }) => output),
    ),
  };
}
