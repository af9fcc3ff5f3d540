import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { floats, graphBuilder } from "../../test/helpers/build.ts";
import { networks } from "../../test/helpers/networks.ts";
import { expectSameOutputs } from "../../test/helpers/slicing-property.ts";
import { isProblem } from "../base/problem.ts";
import { openBytes } from "../engine/ort/direct.ts";
import { referenceEngine } from "../engine/reference/reference.ts";
import { checkGraph } from "../graph/check.ts";
import type { Model } from "../graph/model.ts";
import { codeOf } from "../onnx/element-types.ts";
import { readModel } from "../onnx/read.ts";
import { encodeModel } from "../onnx/write.ts";
import type { DType } from "../tensor/dtype.ts";
import { float32, fromNumbers, type Tensor, toNumbers } from "../tensor/tensor.ts";
import { liftConstants } from "./lift-constants.ts";
import { toFloat32, writeBack } from "./to-float32.ts";

const others = ["float16", "bfloat16", "float64"] as const;

/** A dense layer whose weight is an initializer and whose bias is a Constant node, with a cast in between. */
function dense(dtype: DType): Model {
  const g = graphBuilder();
  const x = g.input("x", ["N", 3], dtype);
  const bias = g.node("Constant", [], { value: fromNumbers(dtype, [2], [0.1, -0.3]) }, { name: "bias" });
  const product = g.node("MatMul", [x, g.weight([3, 2], undefined, { name: "w", dtype })]);
  const sum = g.node("Add", [product, bias], {}, { name: "sum" });
  g.info(sum, ["N", 2], dtype);
  const steps = g.node("Cast", [g.node("Cast", [sum], { to: codeOf("int32") })], { to: codeOf(dtype) });
  const shape = g.node("Shape", [sum]);
  const zeros = g.node("ConstantOfShape", [shape], { value: fromNumbers(dtype, [1], [0.5]) });
  g.output(g.node("Add", [g.node("Add", [sum, steps]), zeros]), ["N", 2], dtype);
  return g.build({ opset: 18 });
}

const x = float32([2, 3], [1, 2, 3, -4, 5, 0.5]);
const only = (outputs: Record<string, Tensor>): Tensor => Object.values(outputs)[0]!;

function codeOfProblem(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (isProblem(error)) return error.code;
    throw error;
  }
}

describe.each(others)("%s", (dtype) => {
  test("becomes float32 everywhere and computes the same", async () => {
    const model = dense(dtype);
    const single = toFloat32(model);
    expect(
      JSON.stringify([single.graph.inputs, single.graph.outputs, ...single.graph.valueInfo]),
    ).not.toContain(dtype);
    expect([...single.graph.initializers.values()].map((weight) => weight.dtype)).toEqual(["float32"]);
    const session = await openBytes(encodeModel(checkGraph(single)), { optimization: "off" }); // checks every type
    const got = only(await session.run({ x }));
    await session.close();
    const given = fromNumbers(dtype, x.shape, toNumbers(x));
    const wanted = only(await (await referenceEngine.open(model)).run({ x: given }));
    expect(got.dtype).toBe("float32");
    toNumbers(got).forEach((value, k) => {
      const error = Math.abs(value - toNumbers(wanted)[k]!);
      expect(error).toBeLessThan(dtype === "bfloat16" ? 0.05 : dtype === "float16" ? 0.01 : 1e-5);
    });
  });

  test("unchanged values go back to identical bytes", () => {
    const bytes = encodeModel(dense(dtype));
    const model = readModel(bytes);
    const trained = toFloat32(liftConstants(model));
    const values = new Map([...trained.graph.initializers].map(([name, weight]) => [name, weight.load()]));
    expect([...values.keys()]).toEqual(["w", "bias_out"]);
    expect(encodeModel(writeBack(model, values))).toEqual(bytes);
  });

  test("changed values go back rounded, and only they", () => {
    const model = readModel(encodeModel(dense(dtype)));
    const before = toNumbers(model.graph.initializers.get("w")!.load());
    const values = Float32Array.from(before);
    values[1] = 1 / 3;
    const w = float32([3, 2], values);
    const after = readModel(encodeModel(writeBack(model, new Map([["w", w]]))));
    const weight = after.graph.initializers.get("w")!;
    expect(weight.dtype).toBe(dtype);
    const wanted = [...before];
    wanted[1] = toNumbers(fromNumbers(dtype, [], [Math.fround(1 / 3)]))[0]!;
    expect([...toNumbers(weight.load())]).toEqual(wanted);
    expect(after.graph.nodes).toHaveLength(model.graph.nodes.length);
  });
});

describe("toFloat32", () => {
  test.each(networks)("$name in float32 comes back as it is", ({ build }) => {
    const model = build();
    const isSingle = [...model.graph.initializers.values()].every(({ dtype }) => !/float(16|64)/.test(dtype));
    expect(toFloat32(model) === model).toBe(isSingle);
  });

  test("bodies are converted too", () => {
    const g = graphBuilder();
    const branch = (prefix: string) => {
      const b = graphBuilder(prefix);
      b.output(
        b.node("Mul", [b.input("x", [2], "float16"), b.weight([2], undefined, { dtype: "float16" })]),
        [2],
        "float16",
      );
      return b.graph();
    };
    g.output(
      g.node("If", [g.input("flag", [], "bool")], { then_branch: branch("a_"), else_branch: branch("b_") }),
    );
    const [node] = toFloat32(g.build()).graph.nodes;
    for (const attribute of node!.attributes.values()) {
      if (attribute.kind !== "graph") throw new Error("no body");
      const { inputs, outputs, initializers } = attribute.value;
      const dtypes = [...inputs, ...outputs, ...initializers.values()].map(({ dtype }) => dtype);
      expect(dtypes).toEqual(["float32", "float32", "float32"]);
    }
  });

  test("doubles beyond single precision stay finite; infinity stays infinite", () => {
    const g = graphBuilder();
    g.output(g.node("Neg", [g.weight([3], [1e300, -1e300, -Infinity], { name: "w", dtype: "float64" })]));
    const single = toFloat32(g.build()).graph.initializers.get("w")!.load();
    expect([...single.data]).toEqual([3.4028234663852886e38, -3.4028234663852886e38, -Infinity]);
  });
});

describe("writeBack", () => {
  const withWeight = (dtype: DType, values: readonly number[]): Model => {
    const g = graphBuilder();
    g.output(g.node("Neg", [g.weight([values.length], values, { name: "w", dtype })]));
    g.weight([1], [1], { name: "other" });
    return g.build();
  };

  test("doubles that were not trained keep the digits float32 has no room for", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true }), { minLength: 1 }), (numbers) => {
        const model = withWeight("float64", numbers);
        const w = toFloat32(model).graph.initializers.get("w")!.load();
        expect(writeBack(model, new Map([["w", w]])).graph.initializers.get("w")).toBe(
          model.graph.initializers.get("w"),
        );
      }),
    );
  });

  test("any float32 value goes back to the nearest number of the model's type", () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true, min: -6e4, max: 6e4 }), { minLength: 2 }), (numbers) => {
        const model = withWeight(
          "float16",
          numbers.map(() => 7),
        );
        const after = writeBack(model, new Map([["w", float32([numbers.length], numbers)]]));
        const { data } = after.graph.initializers.get("w")!.load();
        expect(data).toEqual(fromNumbers("float16", [numbers.length], numbers).data);
        expect(after.graph.initializers.get("other")).toBe(model.graph.initializers.get("other"));
      }),
    );
  });

  test("a Constant written as a list of floats takes new values", () => {
    const g = graphBuilder();
    g.output(g.node("Constant", [], { value_floats: floats([1, 2]) }, { name: "c" }));
    const after = writeBack(g.build(), new Map([["c_out", float32([2], [3, 4])]]));
    const value = after.graph.nodes[0]!.attributes.get("value");
    expect(value?.kind === "tensor" && [...value.value.load().data]).toEqual([3, 4]);
  });

  test("what does not fit is refused", () => {
    const model = withWeight("float16", [1, 2]);
    const refused = (name: string, value: Tensor) =>
      codeOfProblem(() => writeBack(model, new Map([[name, value]])));
    expect(refused("w", float32([2], [1, 70_000]))).toBe("weight-mismatch");
    expect(refused("w", float32([1], [1]))).toBe("weight-mismatch");
    expect(refused("nobody", float32([1], [1]))).toBe("weight-mismatch");
    const integers = withWeight("int32", [1, 2]);
    expect(codeOfProblem(() => writeBack(integers, new Map([["w", float32([2], [1, 2])]])))).toBe(
      "weight-mismatch",
    );
  });
});

describe("liftConstants", () => {
  test("float tensors become initializers under their names; the rest stays", async () => {
    const g = graphBuilder();
    const x = g.input("x", ["N", 2]);
    const constant = (name: string, value: Tensor) => g.node("Constant", [], { value }, { name });
    const scaled = g.node("Mul", [x, constant("weight", float32([2], [2, 3]))]);
    const moved = g.node("Add", [scaled, constant("number", float32([], [1]))]);
    const shape = constant("shape", fromNumbers("int64", [2], [-1, 2]));
    const listed = g.node("Constant", [], { value_floats: floats([1, 2]) }, { name: "listed" });
    g.output(g.node("Reshape", [g.node("Add", [moved, listed]), shape]), ["N", 2]);
    g.output(constant("shown", float32([1], [9])), [1]);
    const model = g.build();
    const lifted = checkGraph(liftConstants(model));
    expect([...lifted.graph.initializers.keys()]).toEqual(["weight_out", "listed_out"]);
    expect(lifted.graph.nodes.filter(({ opType }) => opType === "Constant").map(({ name }) => name)).toEqual([
      "number",
      "shape",
      "shown",
    ]);
    const feeds = { x: float32([2, 2], [1, 2, 3, 4]) };
    const run = async (of: Model) => (await referenceEngine.open(of)).run(feeds);
    expectSameOutputs(await run(lifted), await run(model), 0);
    expect(liftConstants(lifted)).toBe(lifted);
  });
});
