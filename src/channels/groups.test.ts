import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { conv, head, ints, relu } from "../../test/helpers/networks.ts";
import { isProblem } from "../base/problem.ts";
import type { Dim, Model } from "../graph/model.ts";
import { operators } from "../ops/index.ts";
import { int64 } from "../tensor/tensor.ts";
import { analyzeChannels } from "./groups.ts";

/** Analyses, and lets nothing but coded problems through. */
function analyzed(model: Model): ReturnType<typeof analyzeChannels> | undefined {
  try {
    return analyzeChannels(model);
  } catch (error) {
    if (isProblem(error)) return undefined;
    throw error;
  }
}

describe("every operator, on operands it may not expect", () => {
  const shapes: Readonly<Record<string, readonly Dim[] | undefined>> = {
    "of unknown rank": undefined,
    "of rank 0": [],
    "of rank 1": [4],
    "with open sizes": ["N", undefined, "H", 6],
    "without elements": ["N", 0, 6, 6],
  };
  const cases = Object.keys(operators).flatMap((opType) =>
    Object.keys(shapes).map((kind) => ({ opType, kind })),
  );

  test.each(cases)("$opType $kind", ({ opType, kind }) => {
    for (const inputs of [1, 2, 3, 5]) {
      for (const opset of [9, 17]) {
        const g = graphBuilder();
        const odd = g.input("odd", shapes[kind]);
        const first = conv(g, g.input("x", ["N", 3, 6, 6]), "c1", 3, 4);
        for (const order of [
          [first, odd],
          [odd, first],
          [odd, odd],
          [first, first],
        ]) {
          const operands = Array.from({ length: inputs }, (_, k) => order[k % 2]!);
          g.output(g.node("Relu", [g.node(opType, operands)]));
        }
        analyzed(g.build({ opset }));
      }
    }
  });

  test.each(Object.keys(operators))("%s of unknown rank fixes the channels it meets", (opType) => {
    const g = graphBuilder();
    const first = conv(g, g.input("x", ["N", 3, 6, 6]), "c1", 3, 4);
    const strange = g.node("Foo", [first], {}, { domain: "com.example" });
    g.output(g.node(opType, [strange, first]));
    const groups = analyzed(g.build({ opsets: { "com.example": 1 } }))?.groups ?? [];
    expect(groups.every(({ locked }) => locked)).toBe(true);
  });
});

describe("graphs that are hardly networks", () => {
  test("no nodes, an input that is an output, a constant that is an output", () => {
    const g = graphBuilder();
    g.output(g.input("x", ["N", 3]));
    g.output(g.weight([3, 4]));
    expect(analyzeChannels(g.build()).groups).toEqual([]);
    expect(analyzeChannels(graphBuilder().build()).groups).toEqual([]);
  });

  test("channels nothing reads are a group of their own, and weights that are outputs are fixed", () => {
    const g = graphBuilder();
    const x = g.input("x", ["N", 3, 6, 6]);
    conv(g, x, "unread", 3, 4);
    const seen = conv(g, x, "seen", 3, 4);
    g.output("seen.weight");
    head(g, seen, 4);
    const groups = analyzeChannels(g.build()).groups.map(({ id, channels, locked }) => [
      id,
      channels,
      locked,
    ]);
    expect(groups).toEqual([
      ["unread", 4, false],
      ["seen", 0, true],
      ["out", 0, true],
    ]);
  });

  test("layers of one name are told apart", () => {
    const g = graphBuilder();
    const x = g.input("x", ["N", 3, 6, 6]);
    const twice = () =>
      g.node(
        "Conv",
        [x, g.weight([4, 3, 3, 3])],
        {},
        { name: "same", outputs: [`y${g.graph().nodes.length}`] },
      );
    head(g, g.node("Concat", [twice(), twice()], { axis: 1 }), 8);
    expect(analyzeChannels(g.build()).groups.map(({ id }) => id)).toEqual(["same", "same#2", "out"]);
  });

  test("a weight that a grouped convolution shares with another node keeps its input whole", () => {
    const g = graphBuilder();
    const first = conv(g, g.input("x", ["N", 3, 6, 6]), "c1", 3, 4);
    const shared = g.weight([4, 2, 3, 3], undefined, { name: "g.weight" });
    const grouped = relu(g, g.node("Conv", [first, shared], { group: 2 }));
    const pair = g.node("Slice", [first, ints(g, "from", [0]), ints(g, "to", [2]), ints(g, "axis", [1])]);
    head(g, g.node("Add", [grouped, g.node("Conv", [pair, shared])]), 4);
    const [c1] = analyzeChannels(g.build()).groups;
    expect(c1).toMatchObject({ id: "c1", locked: true });
    expect(c1!.locks.map(({ reason }) => reason)).toContain(
      "something else reads the weights of this grouped convolution",
    );
  });
});

describe("what a group tells", () => {
  test("producers, members, reads and needed channels of a residual stream", () => {
    const g = graphBuilder();
    const stem = conv(g, g.input("x", ["N", 3, 6, 6]), "c1", 3, 2);
    const wide = g.node("Pad", [stem, ints(g, "pads", [0, 1, 0, 0, 0, 1, 0, 0])]);
    const sum = g.node("Add", [wide, conv(g, relu(g, stem), "c2", 2, 4)]);
    head(g, sum, 4);
    const [group] = analyzeChannels(g.build()).groups;
    expect(group!.producers.map(({ name }) => name)).toEqual(["c1", "c2"]);
    expect(group!.reads.map(({ node, value }) => [node.opType, value])).toEqual([
      ["Conv", "relu_2_out"],
      ["Gemm", "flatten_6_out"],
    ]);
    // Channels are numbered as the producers first make them: c1's two, then those the padding adds.
    expect(group!.members.find(({ value }) => value === sum)!.channelAt).toEqual(Int32Array.of(2, 0, 1, 3));
    expect(group!.atLeastOneOf).toEqual([Int32Array.of(0, 1), Int32Array.of(0, 1, 2, 3)]);
  });
});

test("a scalar gathered from a size does not keep channels from going", () => {
  const g = graphBuilder();
  const x = relu(g, conv(g, g.input("x", ["N", 3, 6, 6]), "c1", 3, 4));
  const rows = g.node("Gather", [g.node("Shape", [x]), g.initializer("zero", int64([], [0]))]);
  head(g, g.node("Div", [x, g.node("Cast", [rows], { to: 1 })]), 4);
  expect(analyzeChannels(g.build()).groups[0]).toMatchObject({ id: "c1", channels: 4 });
});

test("time grows with the nodes, not with their square", () => {
  const chain = (blocks: number): Model => {
    const g = graphBuilder();
    let x = conv(g, g.input("x", ["N", 3, 6, 6]), "stem", 3, 8);
    for (let k = 0; k < blocks; k++) {
      const inner = relu(g, conv(g, x, `a${k}`, 8, 4, { kernel: [1, 1] }));
      x = g.node("Add", [x, conv(g, inner, `b${k}`, 4, 8, { kernel: [1, 1], group: 2 })]);
    }
    head(g, x, 8);
    return g.build();
  };
  const model = chain(1000);
  expect(model.graph.nodes.length).toBeGreaterThan(4000);
  const start = performance.now();
  expect(analyzeChannels(model).groups).toHaveLength(1002);
  expect(performance.now() - start).toBeLessThan(5000); // well below 1 s on an idle core
});
