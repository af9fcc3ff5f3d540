/** @file A model under repair: constants of nodes are replaced, everything else stays. */
import { type Model, type Node, type StoredTensor, stored } from "../graph/model.ts";
import { definedNames, namesReadBy } from "../graph/traversal.ts";
import { fromNumbers } from "../tensor/tensor.ts";

export interface Draft {
  /** As repaired so far. */
  model(): Model;
  /** The node that makes a value, as it is now. */
  nodeOf(output: string): Node;
  /** A constant that is stored in the model; undefined for computed values. */
  constant(name: string): StoredTensor | undefined;
  /** How many nodes and outputs read a value. */
  readers(name: string): number;
  /**
   * Gives an input of a node new elements. A constant nobody else reads keeps its name; a shared one stays as it is for
   * the others. An input the node did not have is added.
   * @param output A value the node makes.
   * @param like Element type of the new constant.
   */
  replace(
    output: string,
    input: number,
    shape: readonly number[],
    values: Float64Array,
    like: StoredTensor,
  ): void;
}

export function draftOf(original: Model): Draft {
  const { graph } = original;
  const initializers = new Map(graph.initializers);
  const nodes = [...graph.nodes];
  const places = new Map(
    nodes.flatMap(({ outputs }, place) => outputs.map((name) => [name, place] as const)),
  );
  const readers = readerCounts(original);
  const taken = definedNames(graph);
  const fresh = (wish: string): string => {
    let name = wish;
    for (let k = 2; taken.has(name); k++) name = `${wish}_${k}`;
    taken.add(name);
    return name;
  };
  return {
    model: () => ({
      ...original,
      graph: { ...graph, nodes: [...nodes], initializers: new Map(initializers) },
    }),
    nodeOf: (output) => nodes[places.get(output)!]!,
    constant: (name) => initializers.get(name) ?? constantNode(nodes[places.get(name) ?? -1]),
    readers: (name) => readers.get(name) ?? 0,
    replace(output, input, shape, values, like) {
      const place = places.get(output)!;
      const inputs = [...nodes[place]!.inputs];
      while (inputs.length <= input) inputs.push("");
      const old = inputs[input]!;
      const isOwn = initializers.has(old) && readers.get(old) === 1;
      const name = isOwn ? old : fresh(`${output}_input_${input}`);
      const { origin } = isOwn ? like : {};
      initializers.set(name, stored(fromNumbers(like.dtype, shape, values), origin));
      if (isOwn) return;
      readers.set(old, (readers.get(old) ?? 1) - 1).set(name, 1);
      inputs[input] = name;
      nodes[place] = { ...nodes[place]!, inputs };
    },
  };
}

function readerCounts({ graph }: Model): Map<string, number> {
  const readers = new Map<string, number>();
  const names = [
    ...graph.nodes.flatMap((node) => [...namesReadBy(node)]),
    ...graph.outputs.map((out) => out.name),
  ];
  for (const name of names) readers.set(name, (readers.get(name) ?? 0) + 1);
  return readers;
}

function constantNode(node: Node | undefined): StoredTensor | undefined {
  const value = node?.opType === "Constant" ? node.attributes.get("value") : undefined;
  return value?.kind === "tensor" ? value.value : undefined;
}
