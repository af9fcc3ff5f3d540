/** Inference says nothing that ONNX Runtime contradicts. */
import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { evaluateDim } from "../../test/helpers/evaluate-dim.ts";
import { networks } from "../../test/helpers/networks.ts";
import { sharedModel, sharedModelNames } from "../../test/helpers/shared.ts";
import { randomFeeds } from "../../test/helpers/slicing-property.ts";
import { openBytes } from "../engine/ort/direct.ts";
import type { Model } from "../graph/model.ts";
import { stream } from "../math/random.ts";
import { readModelFile } from "../onnx/read.ts";
import { encodeModel } from "../onnx/write.ts";
import { int64, toNumbers } from "../tensor/tensor.ts";
import { inferFacts } from "./infer.ts";

/** Runs the model with every value as an output and compares dtypes, shapes and known elements with the facts. */
async function holdAgainstRuntime(
  model: Model,
  batch: number,
): Promise<{ readonly values: number; readonly known: number }> {
  const bare: Model = { ...model, graph: { ...model.graph, valueInfo: new Map() } };
  const facts = inferFacts(bare);
  const names = model.graph.nodes.flatMap(({ outputs }) => outputs.filter((name) => name !== ""));
  const outputs = names.map((name) => ({ name, dtype: facts.get(name)?.dtype }));
  const session = await openBytes(encodeModel({ ...bare, graph: { ...bare.graph, outputs } }), {
    optimization: "off",
  });
  const results = await session.run(randomFeeds(model, stream(1, 0)));
  const [input] = model.graph.inputs;
  const symbol = facts.get(input!.name)!.shape![0];
  const symbols = typeof symbol === "string" ? { [symbol]: batch } : {};
  let known = 0;
  for (const [name, result] of Object.entries(results)) {
    const { dtype, shape, constant, elements } = facts.get(name)!;
    expect(dtype ?? result.dtype, name).toBe(result.dtype);
    if (shape !== undefined)
      expect(
        shape.map((dim, axis) => evaluateDim(dim, symbols) ?? result.shape[axis]),
        name,
      ).toEqual(result.shape);
    if (constant !== undefined) expect(toNumbers(constant), name).toEqual(toNumbers(result));
    elements?.forEach((element, k) => {
      if (element !== undefined)
        expect(evaluateDim(element, symbols), `${name}[${k}]`).toBe(toNumbers(result)[k]);
    });
    if (shape?.every((dim) => dim !== undefined)) known++;
  }
  await session.close();
  return { values: names.length, known };
}

describe("facts are what the runtime gives", () => {
  const shared = sharedModelNames();
  test.skipIf(shared.length === 0).each(shared)(
    "%s (skipped without ../shared beside the repository)",
    async (name) => {
      const { values, known } = await holdAgainstRuntime(await readModelFile(sharedModel(name).path!), 3);
      expect(known).toBe(values);
    },
  );

  test.each(networks.filter(({ name }) => !name.includes("branch")))("$name", async ({ build }) => {
    const { values, known } = await holdAgainstRuntime(build(), 3);
    expect(known).toBe(values);
  });
});

describe("what cannot be known", () => {
  test("an unknown operator leaves its outputs open, and what follows it", () => {
    const g = graphBuilder();
    const strange = g.node("Foo", [g.input("x", ["N", 3])], {}, { domain: "com.example" });
    const after = g.node("Relu", [strange]);
    g.output(after);
    const facts = inferFacts(g.build({ opsets: { "com.example": 1 } }));
    expect(facts.get(after)).toEqual({ dtype: "float32" });
  });

  test("what the file declares fills the gap, and what was inferred wins", () => {
    const g = graphBuilder();
    const x = g.input("x", ["N", 3]);
    const strange = g.node("Foo", [x], {}, { domain: "com.example" });
    g.info(strange, ["N", 7]);
    const relu = g.node("Relu", [x]);
    g.info(relu, [5, 5]);
    g.output(g.node("Relu", [strange]));
    const facts = inferFacts(g.build({ opsets: { "com.example": 1 } }));
    expect(facts.get(strange)!.shape).toEqual(["N", 7]);
    expect(facts.get(relu)!.shape).toEqual(["N", 3]);
  });

  test("sizes that become numbers are constants of the right element type", () => {
    const g = graphBuilder();
    const sizes = g.node("Cast", [g.node("Shape", [g.input("x", ["N", 3])])], { to: 1 });
    const second = g.node("Gather", [sizes, g.initializer("one", int64([1], [1]))]);
    g.output(second);
    expect(inferFacts(g.build()).get(second)!.constant).toEqual({
      dtype: "float32",
      shape: [1],
      data: Float32Array.of(3),
    });
  });

  test("input shapes can be replaced", () => {
    const g = graphBuilder();
    g.output(g.node("Flatten", [g.input("x", ["N", 3, undefined])]));
    const model = g.build();
    expect(inferFacts(model).get("flatten_0_out")!.shape).toEqual(["N", "3*(x[2])"]);
    const options = { inputShapes: new Map([["x", [2, 3, 5]]]) };
    expect(inferFacts(model, options).get("flatten_0_out")!.shape).toEqual([2, 15]);
  });
});
