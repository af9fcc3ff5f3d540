/** @file Inputs of a decoder that a node lengthens and hands on as outputs: caches of keys and values. */
import { intAttribute } from "../graph/attributes.ts";
import type { Dim, Graph, Node, ValueInfo } from "../graph/model.ts";
import { usersOf } from "../graph/traversal.ts";
import { isFloat } from "../tensor/dtype.ts";

/** One cache: what comes in, what goes out, and the node that lengthens it. */
export interface Cache {
  readonly past: ValueInfo;
  readonly present: ValueInfo;
  /** First output of the node. */
  readonly node: string;
  /** Where the node takes the cache in, and where it hands it on. */
  readonly input: number;
  readonly output: number;
  /** Axis of positions. */
  readonly axis: number;
}

/** Inputs of attention operators with a cache, the outputs that hand it on, and the axis of positions. */
const whole: Readonly<Record<string, readonly (readonly [input: number, output: number, axis: number])[]>> = {
  Attention: [
    [4, 1, 2],
    [5, 2, 2],
  ],
  "com.microsoft.Attention": [[4, 1, 3]],
  "com.microsoft.GroupQueryAttention": [
    [3, 1, 2],
    [4, 2, 2],
  ],
  "com.microsoft.MultiHeadAttention": [
    [6, 1, 2],
    [7, 2, 2],
  ],
};

/** The names of all inputs, or outputs, that are caches. */
export function namesOf(caches: readonly Cache[], which: "past" | "present"): Set<string> {
  return new Set(caches.map((cache) => cache[which].name));
}

function kindOf({ domain, opType }: Node): string {
  return domain === "" ? opType : `${domain}.${opType}`;
}

export const isShape = (node: Node): boolean => kindOf(node) === "Shape";
export const isConcat = (node: Node): boolean => kindOf(node) === "Concat";

/** Inputs that one node lengthens, whose sizes others may ask for; an operator's two caches go together. */
export function findCaches(graph: Graph): Cache[] {
  const users = usersOf(graph);
  const found = graph.inputs.flatMap((past): Cache[] => {
    if (past.dtype === undefined || !isFloat(past.dtype) || past.shape === undefined) return [];
    const [joiner, ...others] = (users.get(past.name) ?? []).filter((node) => !isShape(node));
    if (joiner === undefined || others.length > 0) return [];
    const place = placeIn(joiner, past);
    const present = place && outputBehind(graph, joiner.outputs[place.output] ?? "");
    if (place === undefined || present === undefined || typeof past.shape[place.axis] === "number") return [];
    return [{ past, present, node: joiner.outputs[0]!, ...place }];
  });
  const isComplete = (all: readonly Cache[], cache: Cache) => {
    const joiner = graph.nodes.find(({ outputs }) => outputs[0] === cache.node)!;
    const places = (whole[kindOf(joiner)] ?? []).filter(([input]) => (joiner.inputs[input] ?? "") !== "");
    return places.every(([input]) => all.some((other) => other.node === cache.node && other.input === input));
  };
  const sized = found.filter((cache) => canSize(graph, found, cache));
  return sized.filter((cache) => isComplete(sized, cache));
}

/** Where a node takes a cache in; undefined where it does anything else with it. */
function placeIn(node: Node, past: ValueInfo): Pick<Cache, "input" | "output" | "axis"> | undefined {
  const times = node.inputs.filter((name) => name === past.name).length;
  if (times !== 1 || !node.inputs.includes(past.name)) return undefined;
  const at = node.inputs.indexOf(past.name);
  if (isConcat(node)) {
    const axis = intAttribute(node, "axis", 0);
    const rank = past.shape!.length;
    return at === 0 && node.inputs.length === 2
      ? { input: 0, output: 0, axis: axis < 0 ? axis + rank : axis }
      : undefined;
  }
  const own = whole[kindOf(node)]?.find(([input]) => input === at);
  return own && { input: own[0], output: own[1], axis: own[2] };
}

/** The output of the graph that is this value, or a copy of it. */
function outputBehind({ outputs, nodes }: Graph, value: string): ValueInfo | undefined {
  if (value === "") return undefined;
  const copies = nodes.filter(({ opType, inputs }) => opType === "Identity" && inputs[0] === value);
  const names = [value, ...copies.flatMap((node) => node.outputs)];
  return outputs.find(({ name }) => names.includes(name));
}

/** An input that is no cache and has this open size, with its axis. */
export function holderOf(graph: Graph, caches: readonly Cache[], size: Dim): [string, number] | undefined {
  const pasts = namesOf(caches, "past");
  for (const { name, shape } of graph.inputs)
    if (!pasts.has(name) && shape?.includes(size) === true) return [name, shape.indexOf(size)];
  return undefined;
}

/** Whether all sizes but the positions are numbers, or sizes of other inputs; and whether there is another input. */
function canSize(graph: Graph, caches: readonly Cache[], { past, axis }: Cache): boolean {
  const pasts = namesOf(caches, "past");
  const others = graph.inputs.filter(({ name }) => !pasts.has(name));
  return (
    others.some(({ shape }) => shape !== undefined && shape.length > 0) &&
    past.shape!.every(
      (size, k) => k === axis || typeof size === "number" || holderOf(graph, caches, size) !== undefined,
    )
  );
}
