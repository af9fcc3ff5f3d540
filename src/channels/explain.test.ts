/** @file Chains that say why channels belong together are true of the graph, and reach every layer of a group. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { conv, head, networks, relu } from "../../test/helpers/networks.ts";
import { sharedModel } from "../../test/helpers/shared.ts";
import { type Model, nodeLabel } from "../graph/model.ts";
import { readModelFile } from "../onnx/read.ts";
import type { ChainStep } from "./chains.ts";
import { explainGroup, type GroupExplanation } from "./explain.ts";
import { analyzeChannels, type ChannelAnalysis } from "./groups.ts";

function explained(analysis: ChannelAnalysis, id: string): GroupExplanation {
  const group = analysis.groups.findIndex((one) => one.id === id);
  expect(group).toBeGreaterThanOrEqual(0);
  return explainGroup(analysis, group);
}

const arrows = { forward: "->", backward: "<-", beside: "--", apart: ".." } as const;

/** A chain in one line: operators, arrows, and `!` where one ties. */
function inShort(chain: readonly ChainStep[]): string {
  return chain
    .map(
      ({ opType, tie, next }) => `${opType}${tie === null ? "" : "!"} ${next === null ? "" : arrows[next]}`,
    )
    .join(" ")
    .trim();
}

/** Every arrow of a chain stands for a value of the graph. */
function expectTrue({ graph }: Model, chain: readonly ChainStep[]): void {
  const nodes = new Map(graph.nodes.map((node) => [nodeLabel(node), node]));
  chain.slice(1).forEach(({ node }, k) => {
    const { node: before, next } = chain[k]!;
    const [a, b] = [nodes.get(before)!, nodes.get(node)!];
    const meet = (some: readonly string[], others: readonly string[]) =>
      some.some((name) => name !== "" && others.includes(name));
    if (next === "forward") expect(meet(a.outputs, b.inputs)).toBe(true);
    else if (next === "backward") expect(meet(a.inputs, b.outputs)).toBe(true);
    else if (next === "beside") expect(meet(a.inputs, b.inputs)).toBe(true);
    else expect(next).toBe("apart");
  });
  expect(chain.at(-1)!.next).toBeNull();
}

function expectSound(analysis: ChannelAnalysis): void {
  analysis.groups.forEach((group, k) => {
    const { first, links, pairings, locks, fixedChannels } = explainGroup(analysis, k);
    const told = new Set([first.layer]);
    const ends = new Set([first.node]);
    for (const { layer, tiedTo, chain } of links) {
      expect(told).toContain(tiedTo);
      told.add(layer);
      ends.add(chain.at(-1)!.node);
      expectTrue(analysis.model, chain);
    }
    expect([...ends].sort()).toEqual(group.producers.map(nodeLabel).sort());
    for (const { chain } of pairings) {
      expectTrue(analysis.model, chain);
      expect(chain.some(({ tie }) => tie !== null)).toBe(true);
    }
    expect(locks.reduce((sum, { channels }) => sum + channels, 0)).toBe(fixedChannels);
  });
}

test.each(networks)("$name: each layer is reached, over values that are there", ({ build }) => {
  expectSound(analyzeChannels(build()));
});

test("LeNet: no layer shares channels with another, and the output is held", async () => {
  const path = join(import.meta.dirname, "../../assets/lenet5-mnist.onnx");
  const analysis = analyzeChannels(await readModelFile(path));
  expectSound(analysis);
  expect(explained(analysis, "c1")).toMatchObject({ channels: 10, links: [], pairings: [], locks: [] });
  expect(explained(analysis, "out")).toMatchObject({
    channels: 0,
    locks: [{ node: "graph output", reason: 'it is the graph output "logits"', channels: 10 }],
  });
});

const resnet = sharedModel("resnet20-cifar10");
test.skipIf(resnet.path === undefined)(
  `ResNet-20: additions tie the layers of the residual stream, and padded shortcuts move it ${resnet.reason ?? ""}`,
  async () => {
    const analysis = analyzeChannels(await readModelFile(resnet.path!));
    expectSound(analysis);
    const { links } = explained(analysis, "conv1");
    expect(links).toHaveLength(9);
    expect(links[0]).toMatchObject({ layer: "layer1.0.conv2", tiedTo: "conv1" });
    expect(inShort(links[0]!.chain)).toBe(
      "Conv -> BatchNormalization -> Relu -> Add! <- BatchNormalization <- Conv",
    );
    expect(links[0]!.chain[3]).toMatchObject({
      node: "/layer1/layer1.0/Add",
      tied: [{ axis: 1 }, { axis: 1 }],
    });
    const wider = links.find(({ layer }) => layer === "layer2.0.conv2")!;
    expect(wider.chain.filter(({ move }) => move !== null)).toMatchObject([
      { opType: "Pad", move: { kind: "offset", by: 8 } },
    ]);
  },
);

describe("built networks", () => {
  const image = ["N", 3, 6, 6];

  test("squeeze and excitation: the gate meets what it scales", () => {
    const g = graphBuilder();
    const x = relu(g, conv(g, g.input("x", image), "c1", 3, 4));
    const squeezed = relu(g, conv(g, g.node("GlobalAveragePool", [x]), "f1", 4, 2, { kernel: [1, 1] }));
    const gate = g.node("Sigmoid", [conv(g, squeezed, "f2", 2, 4, { kernel: [1, 1] })]);
    head(g, g.node("Mul", [x, gate], {}, { name: "scale" }), 4);
    const { links } = explained(analyzeChannels(g.build()), "c1");
    expect(links).toMatchObject([{ layer: "f2", tiedTo: "c1" }]);
    expect(inShort(links[0]!.chain)).toBe("Conv -> Relu -> Mul! <- Sigmoid <- Conv");
    expect(links[0]!.chain[2]).toMatchObject({ node: "scale", tie: "meet" });
  });

  test("a node without rules holds what it reads", () => {
    const g = graphBuilder();
    const first = conv(g, g.input("x", image), "c1", 3, 4);
    const strange = g.node("Foo", [first], {}, { domain: "com.example", name: "strange" });
    g.info(strange, ["N", 4, 6, 6]);
    head(g, conv(g, strange, "c2", 4, 3), 3);
    const analysis = analyzeChannels(g.build({ opsets: { "com.example": 1 } }));
    expect(explained(analysis, "c1")).toMatchObject({
      channels: 0,
      fixedChannels: 4,
      locks: [{ node: "strange", reason: "operator com.example.Foo has no channel rule", channels: 4 }],
    });
  });

  test("a gated unit: two halves of one layer are one channel each", () => {
    const g = graphBuilder();
    const both = conv(g, g.input("x", image), "c1", 3, 8);
    const [value, gate] = g.nodes("Split", [both], 2, { axis: 1 });
    head(g, g.node("Mul", [value!, g.node("Sigmoid", [gate!])]), 4);
    const { pairings, links } = explained(analyzeChannels(g.build({ opset: 12 })), "c1");
    expect(links).toEqual([]);
    expect(pairings).toMatchObject([{ layer: "c1", positions: [0, 4] }]);
    expect(inShort(pairings[0]!.chain)).toBe("Conv -> Split -> Mul! <- Sigmoid <- Split <- Conv");
    expect(pairings[0]!.chain[4]!.move).toEqual({ kind: "offset", by: -4 });
  });

  test("two branches with one weight are one group for that weight", () => {
    const g = graphBuilder();
    const weight = g.weight([4, 3, 3, 3], undefined, { name: "twin.weight" });
    const branch = (input: string) =>
      g.node("Conv", [g.input(input, image), weight], { pads: [1, 1, 1, 1] }, { name: `${input}_conv` });
    head(g, g.node("Concat", [branch("left"), branch("right")], { axis: 1 }), 8);
    const { links } = explained(analyzeChannels(g.build()), "twin");
    expect(links).toHaveLength(1);
    expect(inShort(links[0]!.chain)).toBe("Conv -- Conv");
  });

  test("grouped convolutions with one weight tie what they read, though no value leads from one to the other", () => {
    const g = graphBuilder();
    const weight = g.weight([4, 2, 3, 3], undefined, { name: "twin.weight" });
    const branch = (input: string) => {
      const first = conv(g, g.input(input, image), `${input}_first`, 3, 4);
      return g.node("Conv", [first, weight], { pads: [1, 1, 1, 1], group: 2 }, { name: `${input}_conv` });
    };
    head(g, g.node("Add", [branch("left"), branch("right")]), 4);
    const analysis = analyzeChannels(g.build());
    expectSound(analysis);
    const { links } = explained(analysis, "left_first");
    expect(links).toMatchObject([{ layer: "right_first", tiedTo: "left_first" }]);
    expect(inShort(links[0]!.chain)).toBe("Conv .. Conv! <- Conv");
    expect(links[0]!.chain[1]).toMatchObject({ node: "right_conv", tie: "meet" });
  });

  test("a balance that no group keeps alone ties the layers behind its blocks", () => {
    const g = graphBuilder();
    const x = g.input("x", image);
    const joined = g.node("Concat", [conv(g, x, "c1", 3, 4), conv(g, x, "c2", 3, 4)], { axis: 1 });
    head(g, conv(g, joined, "c3", 8, 6, { group: 2 }), 6);
    const { links } = explained(analyzeChannels(g.build()), "c1");
    expect(links).toMatchObject([{ layer: "c2", tiedTo: "c1" }]);
    expect(inShort(links[0]!.chain)).toBe("Conv -> Concat -> Conv! <- Concat <- Conv");
    expect(links[0]!.chain[2]).toMatchObject({ node: "c3", tie: "balance" });
  });
});

test("ties are noted once for two arrays of labels, not for each label", () => {
  const g = graphBuilder();
  const x = g.input("x", ["N", 3, 6, 6]);
  head(g, g.node("Add", [conv(g, x, "c1", 3, 64), conv(g, x, "c2", 3, 64)]), 64);
  const { ties } = analyzeChannels(g.build()).labelling;
  expect(ties.filter(({ node }) => node.opType === "Add")).toHaveLength(1);
});
