/** Our builders against exported networks of the same architecture: node for node, and with their weights in place. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type SharedFile, sharedModel } from "../../test/helpers/shared.ts";
import { expectSameOutputs, randomFeeds } from "../../test/helpers/slicing-property.ts";
import { analyzeChannels } from "../channels/groups.ts";
import { openBytes } from "../engine/ort/direct.ts";
import type { Attribute, Model, Node } from "../graph/model.ts";
import { stream } from "../math/random.ts";
import { readModelFile } from "../onnx/read.ts";
import { encodeModel } from "../onnx/write.ts";
import { buildNetwork } from "./index.ts";

const bundled: SharedFile = { path: join(import.meta.dirname, "../../assets/lenet5-mnist.onnx") };

describe.each([
  { name: "lenet5", file: bundled },
  { name: "resnet20", file: sharedModel("resnet20-cifar10") },
  { name: "resnet56", file: sharedModel("resnet56-cifar10") },
])("$name", ({ name, file }) => {
  const skipped = test.skipIf(file.path === undefined);
  const reason = file.reason ?? "";

  skipped(`has the nodes of the exported network ${reason}`, async () => {
    const [ours, theirs] = [buildNetwork(name), await readModelFile(file.path!)];
    expect(layersOf(ours)).toEqual(layersOf(theirs));
    expect(shapesOf(ours)).toEqual(shapesOf(theirs));
  });

  skipped(`has its channel groups ${reason}`, async () => {
    const groupsOf = (model: Model) =>
      analyzeChannels(model).groups.map(({ id, channels, fixedChannels }) => [id, channels, fixedChannels]);
    expect(groupsOf(buildNetwork(name))).toEqual(groupsOf(await readModelFile(file.path!)));
  });

  skipped(`computes the same with its weights ${reason}`, async () => {
    const [ours, theirs] = [buildNetwork(name), await readModelFile(file.path!)];
    const feeds = randomFeeds(theirs, stream(1, 0));
    const outputs = await Promise.all([withWeights(ours, theirs), theirs].map((model) => run(model, feeds)));
    expectSameOutputs(outputs[0]!, outputs[1]!, 1e-5);
  });
});

async function run(model: Model, feeds: ReturnType<typeof randomFeeds>) {
  const session = await openBytes(encodeModel(model));
  try {
    return await session.run(feeds);
  } finally {
    await session.close();
  }
}

/** All float parameters by name; a missing one would leave ours random. */
function withWeights(model: Model, from: Model): Model {
  const initializers = new Map([...model.graph.initializers, ...from.graph.initializers]);
  return { ...model, graph: { ...model.graph, initializers } };
}

function shapesOf({ graph }: Model): unknown {
  const floats = [...graph.initializers].filter(([, { dtype }]) => dtype === "float32");
  return floats.map(([name, { shape }]) => [name, shape]);
}

const layers = new Set([
  "Conv",
  "BatchNormalization",
  "Relu",
  "MaxPool",
  "GlobalAveragePool",
  "Flatten",
  "Gemm",
  "Add",
  "Pad",
]);

/** Nodes that compute on channels, with parameters and attributes; exporters compute the padding of shortcuts at length. */
function layersOf({ graph }: Model): unknown {
  return graph.nodes
    .filter(({ opType }) => layers.has(opType))
    .map((node) => ({
      opType: node.opType,
      parameters: node.inputs.filter((input) => graph.initializers.get(input)?.dtype === "float32"),
      attributes: attributesOf(node),
    }));
}

/** Defaults that exporters write out, and what a differing operator set calls differently, left aside. */
function attributesOf({ attributes }: Node): Record<string, unknown> {
  const defaults: Readonly<Record<string, unknown>> = { alpha: 1, beta: 1, ceil_mode: 0, mode: "constant" };
  const entries = [...attributes].flatMap(([key, value]) => {
    const short = inShort(value);
    return defaults[key] === short ? [] : [[key, short] as const];
  });
  return Object.fromEntries(entries);
}

function inShort(attribute: Attribute): unknown {
  if (!("value" in attribute)) return attribute.kind;
  return typeof attribute.value === "number" ? Math.fround(attribute.value) : attribute.value;
}
