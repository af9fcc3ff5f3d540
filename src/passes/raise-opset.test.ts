import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { floats, graphBuilder } from "../../test/helpers/build.ts";
import { networks } from "../../test/helpers/networks.ts";
import { operatorCases } from "../../test/helpers/operator-cases/index.ts";
import { built } from "../../test/helpers/operator-cases/operator-case.ts";
import { sharedModel, sharedModelNames } from "../../test/helpers/shared.ts";
import { expectSameOutputs, type Feeds, randomFeeds } from "../../test/helpers/slicing-property.ts";
import { isProblem } from "../base/problem.ts";
import { openBytes } from "../engine/ort/direct.ts";
import { referenceEngine } from "../engine/reference/reference.ts";
import { checkGraph } from "../graph/check.ts";
import type { Model } from "../graph/model.ts";
import { stream } from "../math/random.ts";
import { readModelFile } from "../onnx/read.ts";
import { encodeModel } from "../onnx/write.ts";
import { fromNumbers, int64, type Tensor } from "../tensor/tensor.ts";
import { raiseOpset } from "./raise-opset.ts";

async function runtime(model: Model, feeds: Feeds): Promise<Record<string, Tensor>> {
  const session = await openBytes(encodeModel(checkGraph(model)), { optimization: "off" });
  try {
    return await session.run(feeds);
  } finally {
    await session.close();
  }
}

async function reference(model: Model, feeds: Feeds): Promise<Record<string, Tensor>> {
  return (await referenceEngine.open(model)).run(feeds);
}

const opTypes = ({ graph }: Model): string[] => graph.nodes.map(({ opType }) => opType);

const older = operatorCases.filter(({ opsets }) => Math.min(...opsets) < 18);

describe.each(older)("$opType", ({ opType, opsets, draw }) => {
  test.each(opsets.filter((opset) => opset < 18))("of set %i gives the same in set 18", async (opset) => {
    await fc.assert(
      fc.asyncProperty(fc.gen(), async (g) => {
        const { model, feeds } = built(opType, opset, draw(g, opset));
        const raised = checkGraph(raiseOpset(model));
        expect(raised.opsets.get("")).toBe(18);
        const [ours, wanted] = [await reference(raised, feeds), await reference(model, feeds)];
        expect(ours).toEqual(wanted);
        expectNear(await runtime(raised, feeds), await runtime(model, feeds));
      }),
      { numRuns: 10, seed: 9_018, endOnFailure: true },
    );
  });
});

/** The runtime may round other kernels otherwise; NaN equals NaN. */
function expectNear(got: Record<string, Tensor>, wanted: Record<string, Tensor>): void {
  expect(Object.keys(got)).toEqual(Object.keys(wanted));
  for (const [name, { dtype, shape, data }] of Object.entries(got)) {
    const other = wanted[name]!;
    expect({ dtype, shape }).toEqual({ dtype: other.dtype, shape: other.shape });
    for (const [k, value] of [...data].entries()) {
      const [a, b] = [Number(value), Number(other.data[k]!)];
      if (!Object.is(a, b) && !(Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b))))
        throw new Error(`${name}[${k}]: ${a} instead of ${b}`);
    }
  }
}

describe("whole networks", () => {
  test.each(networks)("$name", async ({ build }) => {
    const model = build();
    const feeds = randomFeeds(model, stream(5, 0));
    expectSameOutputs(await runtime(raiseOpset(model), feeds), await runtime(model, feeds), 1e-6);
  });

  const shared = sharedModelNames();
  test.skipIf(shared.length === 0)("shared models keep their outputs", async () => {
    for (const name of shared) {
      const model = await readModelFile(sharedModel(name).path!);
      const feeds = randomFeeds(model, stream(5, 0));
      expectSameOutputs(await runtime(raiseOpset(model), feeds), await runtime(model, feeds), 1e-6);
    }
  });
});

describe("raiseOpset", () => {
  const oneNode = (
    opType: string,
    opset: number,
    attributes: Parameters<ReturnType<typeof graphBuilder>["node"]>[2],
    outputs = 1,
  ) => {
    const g = graphBuilder();
    const x = g.input("x", ["N", 4, 3]);
    const names = g.nodes(opType, [x], outputs, attributes);
    g.output(names[0]!);
    return g.build({ opset });
  };

  test("models of set 18 and later come back as they are", () => {
    const model = oneNode("Relu", 18, {});
    expect(raiseOpset(model)).toBe(model);
    const newer = oneNode("Relu", 21, {});
    expect(raiseOpset(newer)).toBe(newer);
  });

  test("a softmax over the last axis, or one with nothing behind it, needs no reshaping", () => {
    expect(opTypes(raiseOpset(oneNode("Softmax", 11, { axis: 2 })))).toEqual(["Softmax"]);
    expect(opTypes(raiseOpset(oneNode("Softmax", 11, { axis: 1 })))).toEqual([
      "Shape",
      "Flatten",
      "Softmax",
      "Reshape",
    ]);
    const g = graphBuilder();
    g.output(g.node("Softmax", [g.input("x", ["N", 1000, 1, 1])]));
    const raised = raiseOpset(g.build({ opset: 9 }));
    expect(opTypes(raised)).toEqual(["Softmax"]);
    expect(raised.graph.nodes[0]!.attributes.get("axis")).toEqual({ kind: "int", value: 1 });
  });

  test("flattening keeps an open batch", async () => {
    const model = raiseOpset(oneNode("Hardmax", 11, { axis: 1 }));
    for (const n of [1, 3]) {
      const x = fromNumbers(
        "float32",
        [n, 4, 3],
        Float32Array.from({ length: n * 12 }, (_, k) => k % 12),
      );
      const [y] = Object.values(await runtime(model, { x }));
      expect(y!.shape).toEqual([n, 4, 3]);
      expect([...y!.data].reduce<number>((a, b) => a + Number(b), 0)).toBe(n); // one winner per row of 12
    }
  });

  test("an unread mask of Dropout goes, and the ratio is kept for training", () => {
    const raised = raiseOpset(oneNode("Dropout", 10, { ratio: 0.25 }, 2));
    const [dropout] = raised.graph.nodes;
    expect(dropout!.outputs).toHaveLength(1);
    expect(raised.graph.initializers.get(dropout!.inputs[1]!)!.load().data[0]).toBe(0.25);
  });

  test("TopK and Scatter take their later forms", async () => {
    const g = graphBuilder();
    const x = g.input("x", ["N", 4]);
    const [top] = g.nodes("TopK", [x], 2, { k: 2 });
    const at = g.initializer("at", int64([1, 2], [0, 3]));
    g.output(g.node("Scatter", [x, at, top!], { axis: 1 }));
    const model = g.build({ opset: 9 });
    const feeds = { x: fromNumbers("float32", [1, 4], [1, 7, 3, 5]) };
    const [after] = Object.values(await runtime(raiseOpset(model), feeds));
    expect([...after!.data]).toEqual([7, 7, 3, 5]);
    expect(await runtime(model, feeds)).toEqual(await runtime(raiseOpset(model), feeds));
  });

  test("regions of RoiAlign stay where they were", async () => {
    const g = graphBuilder();
    const rois = g.initializer("rois", fromNumbers("float32", [1, 4], [1, 1, 5, 5]));
    const batch = g.initializer("batch", int64([1], [0]));
    const attributes = { output_height: 2, output_width: 2, sampling_ratio: 2 };
    g.output(g.node("RoiAlign", [g.input("x", [1, 1, 6, 6]), rois, batch], attributes));
    const model = g.build({ opset: 10 });
    const x = fromNumbers(
      "float32",
      [1, 1, 6, 6],
      Float32Array.from({ length: 36 }, (_, k) => k * k),
    );
    expect(await runtime(raiseOpset(model), { x })).toEqual(await runtime(model, { x }));
  });

  test("an Upsample with scales as an attribute becomes a Resize", () => {
    const raised = raiseOpset(oneNode("Upsample", 9, { scales: floats([1, 1, 2]) }));
    expect(opTypes(raised)).toEqual(["Resize"]);
    const scales = raised.graph.initializers.get(raised.graph.nodes[0]!.inputs[2]!)!;
    expect([...scales.load().data]).toEqual([1, 1, 2]);
  });

  test("training outputs of a batch norm become the training mode", () => {
    const model = (read: number) => {
      const g = graphBuilder();
      const c = () => g.weight([4]);
      const outputs = g.nodes("BatchNormalization", [g.input("x", ["N", 4, 3]), c(), c(), c(), c()], 5);
      g.output(outputs[0]!);
      g.output(outputs[read]!);
      return g.build({ opset: 9 });
    };
    const [norm] = raiseOpset(model(1)).graph.nodes;
    expect(norm!.outputs).toHaveLength(3);
    expect(norm!.attributes.get("training_mode")).toEqual({ kind: "int", value: 1 });
    expect(() => raiseOpset(model(3))).toThrow(/saved mean/);
  });

  test("bodies are raised as well, under names of their own", async () => {
    const g = graphBuilder();
    const x = g.input("x", ["N", 4, 3]);
    const branch = (prefix: string, axis: number) => {
      const b = graphBuilder(prefix);
      const soft = b.node("Softmax", [x], { axis });
      b.output(b.node("Clip", [b.node("ReduceSum", [soft], { axes: [2] })], { min: 0.25, max: 0.5 }));
      return b.graph();
    };
    const flag = g.input("flag", [], "bool");
    const outer = g.node(
      "ReduceMean",
      [g.node("If", [flag], { then_branch: branch("t_", 1), else_branch: branch("e_", 2) })],
      { axes: [1] },
    );
    g.output(outer);
    const model = g.build({ opset: 9 });
    const raised = raiseOpset(model);
    expect(opTypes(raised)).toEqual(["If", "ReduceMean"]);
    const data = Float32Array.from({ length: 24 }, (_, k) => Math.sin(k));
    for (const on of [0, 1]) {
      const feeds = { x: fromNumbers("float32", [2, 4, 3], data), flag: fromNumbers("bool", [], [on]) };
      expectSameOutputs(await runtime(raised, feeds), await runtime(model, feeds), 1e-6);
    }
  });

  test("what later sets cannot say is refused by name", () => {
    const codeOf = (run: () => unknown): string | undefined => {
      try {
        run();
      } catch (error) {
        if (isProblem(error)) return error.code;
      }
      return undefined;
    };
    const nearest = oneNode("Resize", 11, { coordinate_transformation_mode: "tf_half_pixel_for_nn" });
    expect(codeOf(() => raiseOpset(nearest))).toBe("opset-not-raised");
    expect(codeOf(() => raiseOpset(oneNode("Relu", 8, {})))).toBe("model-version");
  });

  test("a bound at the end of the int64 range stays at the end", async () => {
    const model = oneNode("Slice", 9, { axes: [1], starts: [1], ends: [2 ** 63] });
    const x = fromNumbers(
      "float32",
      [1, 4, 3],
      Float32Array.from({ length: 12 }, (_, k) => k),
    );
    const [y] = Object.values(await runtime(raiseOpset(model), { x }));
    expect(y!.shape).toEqual([1, 3, 3]);
  });
});
