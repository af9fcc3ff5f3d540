/** Real models come back byte for byte, and ONNX Runtime agrees with what we write. */
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { checkGraph } from "../src/graph/check.ts";
import type { Graph, Model } from "../src/graph/model.ts";
import { stored } from "../src/graph/model.ts";
import { findNonFinite } from "../src/graph/non-finite.ts";
import { readModel, readModelFile } from "../src/onnx/read.ts";
import { encodeModel, writeModelFile } from "../src/onnx/write.ts";
import { graphBuilder } from "./helpers/build.ts";
import { sharedModel, sharedModelNames } from "./helpers/shared.ts";

const folder = mkdtempSync(join(tmpdir(), "round-trip-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The same model as if built by hand: nothing in it remembers the file. */
function forgotten(model: Model): Model {
  const graph: Graph = {
    name: model.graph.name,
    inputs: model.graph.inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    outputs: model.graph.outputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    initializers: new Map(
      [...model.graph.initializers].map(([name, tensor]) => [name, stored(tensor.load())]),
    ),
    valueInfo: new Map(),
    nodes: model.graph.nodes.map(({ origin: _, ...node }) => ({
      ...node,
      attributes: new Map(
        [...node.attributes].map(([name, { origin: __, ...attribute }]) => [
          name,
          attribute.kind === "tensor" ? { ...attribute, value: stored(attribute.value.load()) } : attribute,
        ]),
      ) as never,
    })),
  };
  return { graph, opsets: model.opsets, metadata: new Map() };
}

async function run(model: Uint8Array | string): Promise<unknown> {
  const options = { executionProviders: ["cpu"], intraOpNumThreads: 1, logSeverityLevel: 3 } as const;
  const session =
    typeof model === "string"
      ? await ort.InferenceSession.create(model, options)
      : await ort.InferenceSession.create(model, options);
  const feeds: Record<string, ort.Tensor> = {};
  for (const input of session.inputMetadata) {
    if (!input.isTensor) throw new Error(`input ${input.name} is no tensor`);
    const dims = input.shape.map((dim) => (typeof dim === "number" ? dim : 1));
    const size = dims.reduce((a, b) => a * b, 1);
    feeds[input.name] = new ort.Tensor(
      "float32",
      Float32Array.from({ length: size }, (_, k) => Math.sin(k)),
      dims,
    );
  }
  const results = await session.run(feeds);
  await session.release();
  return Object.entries(results).map(([name, { dims, data }]) => [name, dims, data]);
}

const names = sharedModelNames();

describe.skipIf(names.length === 0)("shared models (skipped when there is no ../shared/models)", () => {
  test.each(names)("%s comes back byte for byte", async (name) => {
    const { path } = sharedModel(name);
    const bytes = await readFile(path!);
    const model = readModel(bytes);
    expect(Buffer.compare(encodeModel(model), bytes)).toBe(0);
    expect(checkGraph(model)).toBe(model);
    expect(findNonFinite(model)).toBeUndefined();
  });

  test.each(["lenet5-mnist", "zoo/shufflenet-slim", "zoo/vit-slim"])(
    "%s runs the same when rebuilt",
    async (name) => {
      const { path } = sharedModel(name);
      const model = await readModelFile(path!);
      expect(await run(encodeModel(forgotten(model)))).toEqual(await run(path!));
    },
  );

  test("ResNet-20 runs the same with its weights in a data file", async () => {
    const { path } = sharedModel("resnet20-cifar10");
    const written = join(folder, "resnet.onnx");
    await writeModelFile(await readModelFile(path!), written, { externalData: true });
    expect(await run(written)).toEqual(await run(path!));
  });
});

describe("built models load in ONNX Runtime", () => {
  function built(opset: number): Model {
    const g = graphBuilder();
    const x = g.input("x", ["N", 3, 8, 8]);
    const conv = g.node("Conv", [x, g.weight([4, 3, 3, 3]), g.weight([4])], { pads: [1, 1, 1, 1] });
    const pooled = g.node("GlobalAveragePool", [g.node("LeakyRelu", [conv], { alpha: 0.25 })]);
    g.output(g.node("Flatten", [pooled], { axis: 1 }), ["N", 4]);
    return g.build({ opset, metadata: { made: "by hand" } });
  }

  test.each([9, 11, 13, 17, 21])("opset %i", async (opset) => {
    const results = (await run(encodeModel(built(opset)))) as [string, number[], Float32Array][];
    expect(results[0]![1]).toEqual([1, 4]);
    expect(results[0]![2].every(Number.isFinite)).toBe(true);
  });

  test("with branches that read from outside", async () => {
    const g = graphBuilder();
    const x = g.input("x", [1, 4]);
    const flag = g.node("Greater", [g.node("ReduceSum", [x], { keepdims: 0 }), g.weight([], [0])]);
    const branch = (factor: number): Graph => {
      const b = graphBuilder(`b${factor}_`);
      b.output(b.node("Mul", [x, b.weight([], [factor])]));
      return b.graph();
    };
    g.output(g.node("If", [flag], { then_branch: branch(2), else_branch: branch(3) }), [1, 4]);
    const bytes = encodeModel(checkGraph(g.build()));
    const [[, , data]] = (await run(bytes)) as [[string, number[], Float32Array]];
    expect([...data]).toEqual([0, 1, 2, 3].map((k) => Math.fround(2 * Math.fround(Math.sin(k)))));
    expect(encodeModel(readModel(bytes))).toEqual(bytes);
  });

  test("same model, same bytes", () => {
    expect(encodeModel(built(17))).toEqual(encodeModel(built(17)));
  });
});
