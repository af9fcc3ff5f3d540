import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { conv, dense, head, ints, networks, relu } from "../../test/helpers/networks.ts";
import { freeGroups, randomPlan } from "../../test/helpers/random-plan.ts";
import { sharedModel, sharedModelNames } from "../../test/helpers/shared.ts";
import { expectSameOutputs, maskFeeds, randomFeeds } from "../../test/helpers/slicing-property.ts";
import { analyzeChannels } from "../channels/groups.ts";
import { openBytes } from "../engine/ort/direct.ts";
import { checkGraph } from "../graph/check.ts";
import type { Model, Node } from "../graph/model.ts";
import { descendantsOf } from "../graph/traversal.ts";
import { stream } from "../math/random.ts";
import { readModelFile } from "../onnx/read.ts";
import { encodeModel } from "../onnx/write.ts";
import { inferFacts } from "../ops/infer.ts";
import { int64, type Tensor } from "../tensor/tensor.ts";
import { dropDeadNodes } from "./drop-dead-nodes.ts";
import { extract } from "./extract.ts";
import { foldSizes } from "./fold-sizes.ts";
import { insertMasks } from "./insert-masks.ts";
import { openBatch } from "./open-batch.ts";

async function run(model: Model, feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
  const session = await openBytes(encodeModel(checkGraph(model)), { optimization: "off" });
  const wanted = new Set(model.graph.inputs.map(({ name }) => name));
  const outputs = await session.run(
    Object.fromEntries(Object.entries(feeds).filter(([name]) => wanted.has(name))),
  );
  await session.close();
  return outputs;
}

const names = (nodes: Iterable<Node>): string[] => [...nodes].map(({ name }) => name);

describe("dropDeadNodes", () => {
  const sample = () => {
    const g = graphBuilder();
    const x = g.input("x", ["N", 3]);
    const used = g.node("Mul", [x, g.weight([3], undefined, { name: "kept" })], {}, { name: "used" });
    const first = g.node("Mul", [x, g.weight([3], undefined, { name: "lost" })], {}, { name: "first" });
    const second = g.node("Neg", [first], {}, { name: "second" });
    g.node("Abs", [x], {}, { name: "unread" });
    g.weight([2], undefined, { name: "unread weight" });
    for (const value of [used, first, second, "elsewhere"]) g.info(value, ["N", 3]);
    return {
      g,
      model: (from: string) => ({ ...g.build(), graph: { ...g.graph(), outputs: [{ name: from }] } }),
      used,
      second,
    };
  };

  test("what a rewrite left unread goes, with its weights and declarations; what was unread before stays", () => {
    const { g, model, used, second } = sample();
    const before = model(g.node("Add", [used, second], {}, { name: "sum" }));
    const after = {
      ...before,
      graph: {
        ...before.graph,
        nodes: before.graph.nodes.filter(({ name }) => name !== "sum"),
        outputs: [{ name: used }],
      },
    };
    const { graph } = dropDeadNodes(after, before);
    expect(names(graph.nodes)).toEqual(["used", "unread"]);
    expect([...graph.initializers.keys()]).toEqual(["kept", "unread weight"]);
    expect([...graph.valueInfo.keys()]).toEqual([used, "elsewhere"]);
  });

  test("what a body reads is alive", () => {
    const g = graphBuilder();
    const x = g.input("x", ["N", 3]);
    const inner = graphBuilder("b_");
    inner.output(inner.node("Neg", [g.node("Abs", [x], {}, { name: "captured" })]));
    const branch = inner.graph();
    g.output(
      g.node(
        "If",
        [g.input("flag", [], "bool")],
        { then_branch: branch, else_branch: branch },
        { name: "if" },
      ),
    );
    const before = g.build();
    expect(names(dropDeadNodes(before, before).graph.nodes)).toEqual(["captured", "if"]);
    const empty = { ...before, graph: { ...before.graph, nodes: [] } };
    expect(names(dropDeadNodes(before, empty).graph.nodes)).toEqual(["captured", "if"]);
  });
});

describe("foldSizes", () => {
  test("sizes computed at run time become constants where they are known, and nothing else changes", async () => {
    const computed = networks.filter(({ name }) => /whose bound is computed|scale computed/.test(name));
    expect(computed).toHaveLength(2);
    for (const { build } of computed) {
      const model = build();
      const { model: folded, facts } = foldSizes(model, inferFacts(model));
      const added = [...folded.graph.initializers.keys()].filter(
        (name) => !model.graph.initializers.has(name),
      );
      expect(added.length).toBeGreaterThan(0);
      for (const name of added) expect(facts.get(name)?.constant).toBeDefined();
      const feeds = randomFeeds(model, stream(1, 0));
      expectSameOutputs(await run(folded, feeds), await run(model, feeds), 0);
    }
  });

  test("constants that do not come from sizes stay computed", () => {
    const g = graphBuilder();
    const product = g.node("Mul", [ints(g, "a", [2]), ints(g, "b", [3])]);
    g.output(g.node("Tile", [g.input("x", [4]), product]));
    const model = g.build();
    expect(foldSizes(model, inferFacts(model)).model.graph.initializers.size).toBe(2);
  });
});

describe("insertMasks", () => {
  test.each(networks.filter(({ name }) => !name.includes("float16")))(
    "$name: masks of ones change nothing, one row or many",
    async ({ build }) => {
      const model = build();
      const analysis = analyzeChannels(model);
      const free = freeGroups(analysis);
      const feeds = randomFeeds(model, stream(2, 0));
      const ones = maskFeeds(analysis, free, randomPlan(analysis, 2, stream(0, 0)));
      const masked = insertMasks(analysis, free);
      expectSameOutputs(await run(masked, { ...feeds, ...ones }), await run(model, feeds), 1e-6);
      const unmasked = insertMasks(analysis, []);
      expect(names(unmasked.graph.nodes)).toEqual(names(model.graph.nodes));
    },
  );
});

test("masks stay clear of names that the model has", async () => {
  const g = graphBuilder();
  const first = g.node("Relu", [conv(g, g.input("x", ["N", 3, 6, 6]), "c1", 3, 4)], {}, { outputs: ["r"] });
  const twin = g.node("Neg", [first], {}, { outputs: ["r_masked"] });
  const sum = g.node(
    "Add",
    [conv(g, first, "c2", 4, 5), conv(g, twin, "c3", 4, 5)],
    {},
    { outputs: ["masks_Add"] },
  );
  head(g, g.node("Concat", [sum, first], { axis: 1 }, { outputs: ["masks_Concat"] }), 9);
  const model = g.build();
  const analysis = analyzeChannels(model);
  const ones = maskFeeds(analysis, freeGroups(analysis), randomPlan(analysis, 2, stream(0, 0)));
  const feeds = randomFeeds(model, stream(2, 0));
  const masked = insertMasks(analysis, freeGroups(analysis));
  expectSameOutputs(await run(masked, { ...feeds, ...ones }), await run(model, feeds), 1e-6);
});

describe("extract", () => {
  const sample = () => {
    const g = graphBuilder();
    const x = g.input("x", ["N", 3, 6, 6]);
    const one = relu(g, conv(g, x, "c1", 3, 4));
    const two = relu(g, conv(g, one, "c2", 4, 5));
    head(g, g.node("Concat", [one, two, x], { axis: 1 }), 12);
    return { model: g.build(), one, two };
  };

  test("both parts of a cut compute what the whole does", async () => {
    const { model, one, two } = sample();
    const facts = inferFacts(model);
    const front = extract(model, facts, [], [one, two]);
    const back = extract(model, facts, [one, two], ["out_out"]);
    expect(front.graph.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(back.graph.inputs.map(({ name }) => name)).toEqual(["x", one, two]);
    expect([...front.graph.initializers.keys()]).toEqual(["c1.weight", "c1.bias", "c2.weight", "c2.bias"]);
    const feeds = randomFeeds(model, stream(3, 0));
    const between = await run(front, feeds);
    expectSameOutputs(await run(back, { ...feeds, ...between }), await run(model, feeds), 0);
  });

  test("a given value that nothing needs is no input", () => {
    const { model, one } = sample();
    const part = extract(model, inferFacts(model), [one, "c2_out"], [one]);
    expect(part.graph.inputs.map(({ name }) => name)).toEqual([one]);
    expect(part.graph.nodes).toEqual([]);
  });

  test("downstream of a value is what reads it, directly or not", () => {
    const { model, two } = sample();
    const behind = names(descendantsOf(model.graph, [two]));
    expect(behind).toEqual(names(model.graph.nodes.slice(4)));
  });
});

describe("openBatch", () => {
  const shared = sharedModelNames().filter((name) => name.includes("/") || name.includes("lenet"));

  test.skipIf(shared.length === 0).each(shared)(
    "%s exported with a batch of 1 (skipped without ../shared beside the repository)",
    async (name) => {
      const model = await readModelFile(sharedModel(name).path!);
      const fixed: Model = {
        ...model,
        graph: {
          ...model.graph,
          inputs: model.graph.inputs.map((input) => ({
            ...input,
            shape: input.shape!.map((dim, axis) => (axis === 0 ? 1 : dim)),
          })),
          outputs: model.graph.outputs.map((output) => ({ ...output, shape: undefined })),
          valueInfo: new Map(),
        },
      };
      const opened = openBatch(fixed);
      const feeds = randomFeeds(model, stream(4, 0));
      expectSameOutputs(await run(opened, feeds), await run(model, feeds), 0);
    },
  );

  test("a model with an open batch comes back as it is", () => {
    const model = networks[0]!.build();
    expect(openBatch(model)).toBe(model);
  });

  test("a Reshape that writes the batch down copies it instead", async () => {
    const build = (batch: number | string, target: readonly number[]) => {
      const g = graphBuilder();
      const flat = g.node("Reshape", [g.input("x", [batch, 3, 4]), ints(g, "target", target)]);
      g.output(dense(g, flat, "f", 12, 2), [batch, 2]);
      return g.build();
    };
    const wanted = build("N", [-1, 12]);
    const feeds = randomFeeds(wanted, stream(5, 0));
    expectSameOutputs(await run(openBatch(build(2, [2, 12])), feeds), await run(wanted, feeds), 0);
  });

  test("a model whose outputs would not follow is refused", () => {
    const g = graphBuilder();
    const x = g.input("x", [2, 3]);
    g.output(g.node("ReduceSum", [x, g.initializer("axes", int64([1], [0]))]), [1, 3]);
    expect(() => openBatch(g.build())).toThrow(/does not follow the batch/);
  });
});
