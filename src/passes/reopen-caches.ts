/** @file Puts the caches of a decoder back that `close-caches.ts` took off, with the heads that are left. */
import type { Dim, Model, Node, ValueInfo } from "../graph/model.ts";
import { sortNodes } from "../graph/traversal.ts";
import { type Facts, inferFacts } from "../ops/infer.ts";
import { type ClosedCaches, sizesOf } from "./close-caches.ts";
import { dropDeadNodes } from "./drop-dead-nodes.ts";
import type { Cache } from "./find-caches.ts";

/** An input and an output with a cache, and the sizes of the input. */
export interface ShrunkCache {
  readonly past: string;
  readonly present: string;
  readonly before: readonly Dim[];
  readonly after: readonly Dim[];
}

/**
 * @param model What became of the closed model: cut, repaired, trained; its nodes and values have kept their names.
 * @returns The model with its caches, and how wide each is now.
 */
export function reopenCaches(
  model: Model,
  { original, caches }: ClosedCaches,
): { readonly model: Model; readonly shrunk: readonly ShrunkCache[] } {
  const pasts = new Map(caches.map((cache) => [cache.past.name, cache]));
  const presents = new Map(caches.map((cache) => [cache.present.name, cache]));
  const nodes = model.graph.nodes
    .filter(({ outputs }) => !pasts.has(outputs[0] ?? ""))
    .map((node) => reopened(node, caches, original));
  const closedFacts = inferFacts(model);
  const joined = { ...model, graph: { ...model.graph, nodes, inputs: original.graph.inputs } };
  const openFacts = inferFacts(joined);
  const shapeOf = (cache: Cache, info: ValueInfo) => narrowed(info, [closedFacts, openFacts], cache);
  const fresh = (own: ReadonlyMap<string, Cache>) => (info: ValueInfo) => {
    const cache = own.get(info.name);
    return cache === undefined ? info : { ...info, shape: shapeOf(cache, info) };
  };
  const inputs = original.graph.inputs.map((info) => {
    const current = model.graph.inputs.find(({ name }) => name === info.name);
    return current ?? fresh(pasts)(info);
  });
  const outputs = original.graph.outputs.map((info) => {
    const current = model.graph.outputs.find(({ name }) => name === info.name);
    return current ?? fresh(presents)(info);
  });
  const valueInfo = new Map([...model.graph.valueInfo].filter(([name]) => !pasts.has(name)));
  const sorted = sortNodes(nodes);
  const graph = { ...model.graph, nodes: sorted.nodes, inputs, outputs, valueInfo };
  return {
    model: dropDeadNodes({ ...model, graph }, original),
    shrunk: caches.map((cache) => ({
      past: cache.past.name,
      present: cache.present.name,
      before: cache.past.shape!,
      after: shapeOf(cache, cache.past)!,
    })),
  };
}

/** Open sizes as they were declared, numbers as they are now. */
function narrowed(info: ValueInfo, facts: readonly Facts[], { present, axis }: Cache): ValueInfo["shape"] {
  const now = facts.map((one) => one.get(present.name)?.shape).find((shape) => shape !== undefined);
  return info.shape?.map((size, k) =>
    k !== axis && typeof size === "number" && typeof now?.[k] === "number" ? now[k] : size,
  );
}

function reopened(node: Node, caches: readonly Cache[], original: Model): Node {
  const asked = caches.find(({ past }) => node.inputs[0] === sizesOf(past.name));
  if (asked !== undefined) return { ...node, inputs: [asked.past.name] };
  const own = caches.filter((cache) => cache.node === node.outputs[0]);
  if (own.length === 0 || node.opType === "Concat") return node;
  const before = original.graph.nodes.find(({ outputs }) => outputs[0] === node.outputs[0])!;
  const inputs = withPlaces(node.inputs, before.inputs, own, "input");
  return { ...node, inputs, outputs: withPlaces(node.outputs, before.outputs, own, "output") };
}

/** Names with those of the caches in their places again. */
function withPlaces(
  now: readonly string[],
  before: readonly string[],
  caches: readonly Cache[],
  which: "input" | "output",
): string[] {
  const names = [...now];
  for (const cache of caches) {
    while (names.length <= cache[which]) names.push("");
    names[cache[which]] = before[cache[which]]!;
  }
  return names;
}
