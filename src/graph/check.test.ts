import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { isProblem, type ProblemCode } from "../base/problem.ts";
import { checkGraph } from "./check.ts";
import type { Model } from "./model.ts";
import { findNonFinite } from "./non-finite.ts";

function codeOf(run: () => unknown): ProblemCode | "none" {
  try {
    run();
    return "none";
  } catch (error) {
    if (isProblem(error)) return error.code;
    throw error;
  }
}

function withBranch(fill: (branch: ReturnType<typeof graphBuilder>) => void): Model {
  const g = graphBuilder();
  const x = g.input("x", [4]);
  const branch = graphBuilder("b_");
  fill(branch);
  const graph = branch.graph();
  const flag = g.input("flag", [], "bool");
  g.node("Relu", [x], {}, { outputs: ["inner"] });
  g.output(g.node("If", [flag], { then_branch: graph, else_branch: graph }));
  return g.build();
}

describe("checkGraph", () => {
  test("a good model comes back as the same object", () => {
    const model = withBranch((branch) => branch.output(branch.node("Neg", ["inner"])));
    expect(checkGraph(model)).toBe(model);
  });

  test("nodes in the wrong order are sorted, in subgraphs too", () => {
    const model = withBranch((branch) => {
      branch.node("Neg", ["early"], {}, { outputs: ["late"] });
      branch.node("Abs", ["inner"], {}, { outputs: ["early"] });
      branch.output("late");
    });
    const shuffled = { ...model, graph: { ...model.graph, nodes: model.graph.nodes.toReversed() } };
    const { nodes } = checkGraph(shuffled).graph;
    expect(nodes.map(({ opType }) => opType)).toEqual(["Relu", "If"]);
    const branch = nodes[1]!.attributes.get("then_branch")!;
    expect(branch.kind === "graph" && branch.value.nodes.map(({ opType }) => opType)).toEqual(["Abs", "Neg"]);
  });

  test("branches may define the same names", () => {
    const model = withBranch((branch) =>
      branch.output(branch.node("Neg", ["inner"], {}, { outputs: ["same"] })),
    );
    expect(codeOf(() => checkGraph(model))).toBe("none");
  });

  test("two makers of one value", () => {
    const g = graphBuilder();
    const x = g.input("x");
    g.node("Relu", [x], {}, { outputs: ["y"] });
    g.node("Neg", [x], {}, { outputs: ["y"] });
    expect(codeOf(() => checkGraph(g.build()))).toBe("graph-duplicate-value");
  });

  test("an initializer with the name of a node output", () => {
    const g = graphBuilder();
    g.node("Relu", [g.input("x")], {}, { outputs: ["y"] });
    g.weight([1], undefined, { name: "y" });
    expect(codeOf(() => checkGraph(g.build()))).toBe("graph-duplicate-value");
  });

  test("a value that nothing makes: read by a node, by a branch, as an output", () => {
    const node = graphBuilder();
    node.node("Relu", ["nowhere"]);
    const output = graphBuilder();
    output.output("nowhere");
    const branch = withBranch((inner) => inner.output(inner.node("Neg", ["nowhere"])));
    for (const model of [node.build(), output.build(), branch])
      expect(codeOf(() => checkGraph(model))).toBe("graph-unknown-value");
  });

  test("what a branch defines is not visible outside", () => {
    const model = withBranch((branch) =>
      branch.output(branch.node("Neg", ["inner"], {}, { outputs: ["hidden"] })),
    );
    const outputs = [{ name: "hidden" }];
    expect(codeOf(() => checkGraph({ ...model, graph: { ...model.graph, outputs } }))).toBe(
      "graph-unknown-value",
    );
  });

  test("a round of nodes", () => {
    const g = graphBuilder();
    g.node("Relu", ["b"], {}, { name: "one", outputs: ["a"] });
    g.node("Relu", ["a"], {}, { name: "two", outputs: ["b"] });
    expect(() => checkGraph(g.build())).toThrow(/one, two|two, one/);
    expect(codeOf(() => checkGraph(g.build()))).toBe("graph-cycle");
  });

  test("a domain without an operator set", () => {
    const g = graphBuilder();
    g.node("Gelu", [g.input("x")], {}, { domain: "com.microsoft" });
    expect(codeOf(() => checkGraph(g.build()))).toBe("graph-missing-opset");
    expect(codeOf(() => checkGraph(g.build({ opsets: { "com.microsoft": 1 } })))).toBe("none");
  });
});

describe("findNonFinite", () => {
  const withWeights = (...lists: number[][]): Model => {
    const g = graphBuilder();
    for (const [k, values] of lists.entries()) g.weight([values.length], values, { name: `w${k}` });
    return g.build();
  };

  test("names the first offender and where it sits", () => {
    const model = withWeights([1, 2], [0, Number.NaN], [Number.POSITIVE_INFINITY, 0]);
    expect(findNonFinite(model)).toEqual({ initializer: "w1", index: 1, value: Number.NaN });
  });

  test("bounds of one element may be infinite, but not NaN", () => {
    expect(findNonFinite(withWeights([Number.NEGATIVE_INFINITY], [1, 2]))).toBeUndefined();
    expect(findNonFinite(withWeights([Number.NaN]))?.initializer).toBe("w0");
  });

  test("half-precision weights are decoded", () => {
    const g = graphBuilder();
    g.weight([2], [1, Number.NEGATIVE_INFINITY], { name: "half", dtype: "float16" });
    expect(findNonFinite(g.build())?.value).toBe(Number.NEGATIVE_INFINITY);
  });

  test("weights of branches count", () => {
    const model = withBranch((branch) => {
      branch.weight([2], [Number.NaN, 1], { name: "deep" });
      branch.output(branch.node("Neg", ["inner"]));
    });
    expect(findNonFinite(model)?.initializer).toBe("deep");
  });
});
