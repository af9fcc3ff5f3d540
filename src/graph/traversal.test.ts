import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import type { Graph, Node } from "./model.ts";
import { capturedNames, descendantsOf, namesReadBy, producersOf, sortNodes, usersOf } from "./traversal.ts";

/** x → a → b → y beside x → c, with an If that reads b from inside its branch. */
function sample(): Graph {
  const g = graphBuilder();
  const x = g.input("x", ["N", 4]);
  const a = g.node("Relu", [x], {}, { name: "a", outputs: ["va"] });
  const b = g.node("Add", [a, a], {}, { name: "b", outputs: ["vb"] });
  g.node("Neg", [x], {}, { name: "c", outputs: ["vc"] });
  const then = graphBuilder("then_");
  then.output(then.node("Mul", [b, then.weight([4])]));
  const branch = then.graph();
  g.output(
    g.node(
      "If",
      [g.input("flag", [], "bool")],
      { then_branch: branch, else_branch: branch },
      { name: "i", outputs: ["y"] },
    ),
  );
  return g.graph();
}

const names = (nodes: Iterable<Node>): string[] => [...nodes].map(({ name }) => name).sort();

describe("links", () => {
  test("captured values are reads of the node that holds the subgraph", () => {
    const graph = sample();
    const node = graph.nodes.find(({ name }) => name === "i")!;
    expect([...namesReadBy(node)]).toEqual(["flag", "vb"]);
    expect(usersOf(graph).get("vb")).toEqual([node]);
  });

  test("a node that reads a value twice is one user", () => {
    expect(names(usersOf(sample()).get("va")!)).toEqual(["b"]);
  });

  test("inputs and initializers have no producer", () => {
    const producers = producersOf(sample());
    expect([...producers.keys()].sort()).toEqual(["va", "vb", "vc", "y"]);
  });

  test("a subgraph captures what it neither defines nor takes as input", () => {
    const inner = graphBuilder("in_");
    const item = inner.input("item");
    inner.output(inner.node("Add", [item, "outside"]));
    inner.output("also_outside");
    expect([...capturedNames(inner.graph())]).toEqual(["outside", "also_outside"]);
  });

  test("descendants follow links to the end", () => {
    const graph = sample();
    expect(names(descendantsOf(graph, ["va"]))).toEqual(["b", "i"]);
    expect(names(descendantsOf(graph, ["x"]))).toEqual(["a", "b", "c", "i"]);
  });
});

describe("sorting", () => {
  const chain = (length: number): readonly Node[] => {
    const g = graphBuilder();
    let value = g.input("x");
    for (let k = 0; k < length; k++) value = g.node("Relu", [value]);
    return g.graph().nodes;
  };

  test("a sorted list comes back as the same array", () => {
    const { nodes } = sample();
    expect(sortNodes(nodes).nodes).toBe(nodes);
  });

  test("any shuffle of a graph is sorted again", () => {
    const { nodes } = sample();
    fc.assert(
      fc.property(fc.shuffledSubarray([...nodes], { minLength: nodes.length }), (shuffled) => {
        const { kind, nodes: sorted } = sortNodes(shuffled);
        expect(kind).toBe("sorted");
        expect(names(sorted)).toEqual(names(nodes));
        const seen = new Set<string>(["x", "flag"]);
        for (const node of sorted) {
          for (const name of namesReadBy(node)) expect(seen).toContain(name);
          for (const output of node.outputs) seen.add(output);
        }
      }),
    );
  });

  test("a reversed chain of 50,000 nodes is no problem", () => {
    const nodes = chain(50_000);
    expect(sortNodes(nodes.toReversed()).nodes).toEqual(nodes);
  });

  test("a round is named by its members alone", () => {
    const g = graphBuilder();
    g.node("Relu", ["q0"], {}, { name: "before", outputs: ["p0"] });
    g.node("Add", ["p", "p0"], {}, { name: "first", outputs: ["q"] });
    g.node("Relu", ["q"], {}, { name: "second", outputs: ["p"] });
    g.node("Relu", ["z"], {}, { name: "apart", outputs: ["r"] });
    const { kind, nodes } = sortNodes(g.graph().nodes);
    expect(kind).toBe("cyclic");
    expect(names(nodes)).toEqual(["first", "second"]);
  });
});
