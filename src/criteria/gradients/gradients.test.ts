/** @file Criteria with gradients against closed forms, leave-one-out, and the ways they may not depend on. */
import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../../test/helpers/build.ts";
import { isProblem, type PrunerError } from "../../base/problem.ts";
import { analyzeChannels, type ChannelAnalysis } from "../../channels/groups.ts";
import { type Dataset, datasetFromArrays, fitToInputs } from "../../datasets/index.ts";
import { ortEngine } from "../../engine/ort/engine.ts";
import { referenceEngine } from "../../engine/reference/reference.ts";
import { maxModelHidden, maxModelOutput } from "../../games/max-model.ts";
import type { Model } from "../../graph/model.ts";
import { stream, uniform } from "../../math/random.ts";
import type { DType } from "../../tensor/dtype.ts";
import { fromNumbers } from "../../tensor/tensor.ts";
import type { PayoffSetup } from "../../valuation/targets.ts";
import { type CriterionName, criteria, type ScoreOptions, scoreGroups } from "../index.ts";
import type { GradientOptions } from "./gradient-options.ts";
import { type WeightCriterionName, weightRules, weightScores } from "./weight-scores.ts";

interface Shape {
  readonly hidden: readonly number[];
  readonly out: readonly number[];
  readonly units: number;
  readonly outputs: number;
  readonly dtype?: DType;
  readonly opset?: number;
  /** Stores the hidden weight transposed, as exporters of Linear layers do. */
  readonly transposed?: boolean;
}

/** Dense 2 → units → ReLU → outputs without biases; group "h". */
function dense({
  hidden,
  out,
  units,
  outputs,
  dtype = "float32",
  opset = 17,
  transposed = false,
}: Shape): Model {
  const g = graphBuilder();
  const x = g.input("x", ["N", 2], dtype);
  const turned = Array.from(hidden, (_, k) => hidden[(k % 2) * units + Math.floor(k / 2)]!);
  const weight = transposed
    ? g.weight([units, 2], turned, { name: "h.weight", dtype })
    : g.weight([2, units], hidden, { name: "h.weight", dtype });
  const inner = g.node("Relu", [g.node("Gemm", [x, weight], { transB: transposed ? 1 : 0 })]);
  const last = g.weight([units, outputs], out, { name: "out.weight", dtype });
  g.output(g.node("Gemm", [inner, last], {}, { outputs: ["y"] }), ["N", outputs], dtype);
  return g.build({ opset });
}

/** Filters (columns) (1, -1), (2, 2), (0, 0); the third unit is dead. */
const small: Shape = {
  hidden: [1, 2, 0, -1, 2, 0],
  out: [1, 0, 0, 1, 1, 1],
  units: 3,
  outputs: 2,
};

/**
 * Examples (1, 0), (0, 1), (2, 1): hidden values (1, 2, 0), (0, 2, 0), (1, 6, 0), outputs (1, 2), (0, 2), (1, 6), and
 * targets that leave the errors (1, 2), (-1, 1), (-1, 1). The loss is half the squared length of the error.
 */
const inputs = [1, 0, 0, 1, 2, 1];
const targets = Float32Array.of(0, 0, 1, 1, 2, 5);

type Run = Partial<Omit<GradientOptions, "analysis" | "groups" | "payoff">>;

interface Setting {
  readonly model: Model;
  readonly values?: readonly number[];
  readonly payoff?: PayoffSetup;
  readonly options?: Partial<ScoreOptions>;
  readonly run?: Run;
}

const squared = (held: Float32Array = targets): PayoffSetup => ({
  kind: "squared-error",
  output: "y",
  outputIs: "logits",
  targets: held,
});

function dataFor(model: Model, values: readonly number[]): Dataset {
  const { dtype, name } = model.graph.inputs[0]!;
  const rows = fromNumbers(dtype!, [values.length / 2, 2], values);
  return fitToInputs(datasetFromArrays({ inputs: { [name]: rows } }), model.graph.inputs);
}

function examplesFor({ model, values = inputs, payoff = squared(), run }: Setting) {
  return { engine: referenceEngine, dataset: run?.dataset ?? dataFor(model, values), payoff, ...run };
}

const openGroup = ({ groups }: ChannelAnalysis) => groups.findIndex(({ channels }) => channels > 0);

async function scoresOf(name: CriterionName, setting: Setting): Promise<number[]> {
  const analysis = analyzeChannels(setting.model);
  const group = openGroup(analysis);
  const examples = examplesFor(setting);
  const scores = await scoreGroups(criteria[name], {
    analysis,
    groups: [group],
    seed: 1,
    examples,
    ...setting.options,
  });
  return [...scores[group]!];
}

async function problemOf(work: Promise<unknown>): Promise<PrunerError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isProblem(error)) throw new Error(`no problem was raised, but ${String(error)}`);
  return error;
}

const close = (expected: readonly number[], digits = 5) =>
  expected.map((value) => expect.closeTo(value, digits));

/**
 * By hand. Payoffs fall by e · o' per unit of output, so the derivative of unit j is −z_j (e · out_j): (−1, −4, 0),
 * (0, −2, 0), (1, −6, 0) by example. Gradients of the hidden weights are mean(x · 1[z > 0] · (e · out_j)): columns
 * (−1/3, −1/3), (4/3, 2/3), 0. The loss is quadratic in them while no unit switches, with H g the columns
 * (−7/9, −1/3), (8/3, 4/3), 0.
 */
const closedForms: Partial<Record<CriterionName, readonly number[]>> = {
  taylor: [2 / 3, 4, 0],
  "taylor-signed": [0, -4, 0],
  fisher: [1 / 3, 28 / 3, 0],
  sensitivity: [1, 4 / 3, 1],
  "gradient-activation": [2 / 3, 4, 0],
  "taylor-weight": [2 / 9, 80 / 9, 0],
  "taylor-filter": [0, 4, 0],
  snip: [2 / 3, 4, 0],
  grasp: [-4 / 9, 8, 0],
  synflow: [2, 4, 0],
};

describe("closed forms on a dense layer", () => {
  const names = Object.keys(closedForms) as CriterionName[];

  test("every criterion with gradients has one", () => {
    const measured = Object.entries(criteria).filter(([, { needs }]) => needs === "gradients");
    expect([...measured.map(([name]) => name), "synflow"].sort()).toEqual([...names].sort());
  });

  test.each(names)("%s", async (name) => {
    expect(await scoresOf(name, { model: dense(small) })).toEqual(close(closedForms[name]!));
  });

  test.each(names)("%s on onnxruntime, weights stored the other way round", async (name) => {
    const setting = { model: dense({ ...small, transposed: true }), run: { engine: ortEngine } };
    expect(await scoresOf(name, setting)).toEqual(close(closedForms[name]!));
  });

  test.each(names)(
    "%s of half-precision and double-precision models, old and new operator sets",
    async (name) => {
      for (const dtype of ["float16", "float64"] as const) {
        const model = dense({ ...small, dtype, opset: dtype === "float16" ? 13 : 20 });
        expect(await scoresOf(name, { model })).toEqual(close(closedForms[name]!, 4));
      }
    },
  );

  test.each([
    ["taylor-weight", [1 / 9, 64 / 9, 0, 1 / 9, 16 / 9, 0]],
    ["snip", [1 / 3, 8 / 3, 0, 1 / 3, 4 / 3, 0]],
    ["grasp", [-7 / 9, 16 / 3, 0, 1 / 3, 8 / 3, 0]],
    ["synflow", [1, 2, 0, 1, 2, 0]],
  ] as const)("%s of single weights", async (name, expected) => {
    const model = dense(small);
    const analysis = analyzeChannels(model);
    const scores = await weightScores(name, { analysis, examples: examplesFor({ model }) });
    expect([...scores.keys()].sort()).toEqual(["h.weight", "out.weight"]);
    const { shape, data } = scores.get("h.weight")!;
    expect(shape).toEqual([2, 3]);
    if (name !== "grasp") expect([...data]).toEqual(close(expected)); // H spans the output's weights here as well
    expect([...data].every(Number.isFinite)).toBe(true);
  });
});

test("sizes that a model leaves open are those of the data", async () => {
  const g = graphBuilder();
  const weight = g.weight([2, 1, 1, 1], [1, -2], { name: "c.weight" });
  const inner = g.node("Relu", [g.node("Conv", [g.input("x", ["N", 1, "H", "W"]), weight])]);
  const pooled = g.node("Flatten", [g.node("GlobalAveragePool", [inner])]);
  g.output(g.node("Gemm", [pooled, g.weight([2, 1], [1, 1])], {}, { outputs: ["y"] }), ["N", 1]);
  const model = g.build();
  const rows = fromNumbers("float32", [1, 1, 2, 2], [1, -1, 3, 0]);
  const dataset = fitToInputs(datasetFromArrays({ inputs: { x: rows } }), model.graph.inputs);
  const run = { dataset };
  const payoff = squared(Float32Array.of(0)); // channels 1, 0, 3, 0 and 0, 2, 0, 0; output 1 + 0.5 = 1.5
  expect(await scoresOf("taylor", { model, payoff, run })).toEqual(close([3, 1.5]));
  expect(await scoresOf("sensitivity", { model, payoff, run })).toEqual(close([3, 3]));
  expect(await scoresOf("snip", { model, payoff, run })).toEqual(close([3, 1.5]));
});

describe("aggregates", () => {
  // signed derivatives of the second unit: -4, -2, -6
  test.each([
    ["mean", -4],
    ["abs-mean", 4],
    ["abs-of-mean", 4],
    ["mean+2std", -4 + 2 * Math.sqrt(8 / 3)],
    ["p0", -6],
    ["p50", -4],
    ["p75", -3],
    ["p100", -2],
  ] as const)("%s", async (aggregate, expected) => {
    const scores = await scoresOf("taylor-signed", { model: dense(small), options: { aggregate } });
    expect(scores[1]).toBeCloseTo(expected, 5);
  });

  test("abs-of-mean lets examples cancel, abs-mean does not", async () => {
    const at = async (aggregate: "abs-mean" | "abs-of-mean") =>
      (await scoresOf("taylor-signed", { model: dense(small), options: { aggregate } }))[0];
    expect([await at("abs-mean"), await at("abs-of-mean")]).toEqual(close([2 / 3, 0]));
  });

  test("criteria without scores of examples refuse them", async () => {
    for (const name of ["l1", "snip", "synflow", "apoz"] as const) {
      const problem = await problemOf(scoresOf(name, { model: dense(small), options: { aggregate: "p99" } }));
      expect(problem.code).toBe("usage");
      expect(problem.message).toMatch(/--aggregate p99/);
    }
  });

  test("percentiles over more than fits memory are refused before work starts", async () => {
    const setting = { model: dense(small), options: { aggregate: "p99" as const }, run: { memory: 35 } };
    const problem = await problemOf(scoresOf("taylor", setting));
    expect(problem).toMatchObject({ code: "values-too-large", data: { needed: 36, available: 35 } });
    expect(await scoresOf("taylor", { ...setting, run: { memory: 36 } })).toHaveLength(3);
  });
});

describe("the scores do not depend on", () => {
  const model = dense({
    units: 5,
    outputs: 3,
    hidden: Array.from({ length: 10 }, (_, k) => Math.sin(3 * k + 1)),
    out: Array.from({ length: 15 }, (_, k) => Math.cos(2 * k)),
  });
  const values = Array.from({ length: 46 }, (_, k) => Math.sin(k * k));
  const payoff: PayoffSetup = {
    kind: "cross-entropy",
    output: "y",
    outputIs: "logits",
    targets: Int32Array.from({ length: 23 }, (_, k) => k % 3),
  };
  const names = Object.keys(closedForms) as CriterionName[];
  const score = (name: CriterionName, run: Run) => scoresOf(name, { model, values, payoff, run });

  test.each(names)("batches: %s", async (name) => {
    const whole = await score(name, { batchSize: 23 });
    expect(await score(name, { batchSize: 4 })).toEqual(close(whole));
    expect(whole.some((value) => value !== 0)).toBe(true);
  });

  test.each(names)("how many runs are under way, to the last bit: %s", async (name) => {
    const one = await score(name, { batchSize: 4, engine: ortEngine, ahead: 1 });
    expect(await score(name, { batchSize: 4, engine: ortEngine, ahead: 5 })).toEqual(one);
  });

  test("an abort ends the work between batches", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    for (const name of ["taylor", "snip", "grasp"] as const)
      await expect(score(name, { signal })).rejects.toThrow("enough");
  });
});

describe("the max model", () => {
  const random = stream(3, 0);
  const values = Array.from({ length: 8000 }, () => 10 * uniform(random));
  const model = dense({ units: 4, outputs: 1, hidden: maxModelHidden.flat(), out: maxModelOutput });
  const largest = Float32Array.from({ length: 4000 }, (_, k) => Math.max(values[2 * k]!, values[2 * k + 1]!));

  test("with a constant error Taylor is the Shapley value, and the unread unit scores zero", async () => {
    const below = squared(largest.map((value) => value + 0.5)); // d payoff / d output = 1
    const setting = { model, values, payoff: below };
    const signed = await scoresOf("taylor-signed", setting);
    [5 / 6, 5 / 6, 5, 0].forEach((value, unit) => {
      expect(Math.abs(signed[unit]! - value)).toBeLessThan(0.05);
    });
    for (const name of Object.keys(closedForms) as CriterionName[])
      expect((await scoresOf(name, setting))[3]).toBe(0);
  });

  test("without an error nothing has a gradient: first-order criteria are blind there", async () => {
    const scores = await scoresOf("taylor", { model, values, payoff: squared(largest) });
    scores.forEach((score) => {
      expect(score).toBeLessThan(1e-4);
    });
  });
});

describe("problems", () => {
  const model = dense(small);

  test("criteria with gradients need data", async () => {
    const names = (Object.keys(closedForms) as CriterionName[]).filter((name) => name !== "synflow");
    for (const name of names) {
      const problem = await problemOf(scoresOf(name, { model, options: { examples: undefined } }));
      expect(problem).toMatchObject({ code: "criterion-needs-data", data: { criterion: name } });
    }
    const bare = weightScores("snip", { analysis: analyzeChannels(model) });
    expect((await problemOf(bare)).code).toBe("criterion-needs-data");
  });

  test.each(["accuracy", "margin"] as const)("%s has no gradient", async (kind) => {
    const payoff: PayoffSetup = { kind, output: "y", outputIs: "logits", targets: Int32Array.of(0, 1, 0) };
    for (const name of ["taylor", "snip"] as const)
      expect((await problemOf(scoresOf(name, { model, payoff }))).code).toBe("payoff-not-differentiable");
  });

  test("targets of another size are not broadcast", async () => {
    const payoff = squared(Float32Array.of(1, 2, 3));
    expect((await problemOf(scoresOf("taylor", { model, payoff }))).code).toBe("targets-mismatch");
  });

  test("weights that are no numbers are told", async () => {
    const broken = dense({ ...small, hidden: [1, Number.NaN, 0, -1, 2, 0] });
    const problem = await problemOf(scoresOf("taylor", { model: broken }));
    expect(problem.code).toBe("output-not-finite");
    for (const name of ["snip", "synflow"] as const)
      expect((await problemOf(scoresOf(name, { model: broken }))).code).toBe("score-not-finite");
  });

  test("an operator without a gradient is named", async () => {
    const g = graphBuilder();
    const x = g.input("x", ["N", 2]);
    const weight = g.weight([2, 3], undefined, { name: "h.weight" });
    const odd = g.node("Relu", [g.node("MatMul", [x, weight])]);
    const top = g.node(
      "CumSum",
      [odd, g.initializer("axis", fromNumbers("int64", [], [1]))],
      {},
      { name: "odd" },
    );
    g.info(top, ["N", 3]);
    g.output(g.node("MatMul", [top, g.weight([3, 2])], {}, { outputs: ["y"] }), ["N", 2]);
    const model = g.build();
    const work = weightScores("snip", { analysis: analyzeChannels(model), examples: examplesFor({ model }) });
    const problem = await problemOf(work);
    expect(problem).toMatchObject({ code: "no-gradient", data: { node: "odd", opType: "CumSum" } });
  });

  test("synflow wants all sizes of the input", async () => {
    const g = graphBuilder();
    const pooled = g.node("GlobalAveragePool", [
      g.node("Conv", [g.input("x", ["N", 1, "H", "W"]), g.weight([3, 1, 3, 3], undefined, { name: "c" })]),
    ]);
    g.output(g.node("Gemm", [g.node("Flatten", [pooled]), g.weight([3, 2])]), ["N", 2]);
    const open = weightScores("synflow", { analysis: analyzeChannels(g.build()) });
    expect((await problemOf(open)).code).toBe("input-size-open");
  });
});

test("synflow stays finite where float32 does not", async () => {
  const g = graphBuilder();
  let x = g.input("x", ["N", 4]);
  for (let layer = 0; layer < 30; layer++)
    x = g.node("Relu", [
      g.node("MatMul", [
        x,
        g.weight(
          [4, 4],
          Array.from({ length: 16 }, () => 100),
        ),
      ]),
    ]);
  g.output(x, ["N", 4]);
  const scores = await weightScores("synflow", { analysis: analyzeChannels(g.build()) });
  for (const { data } of scores.values())
    expect(Number(data[0]) > 1e60 && Number.isFinite(data[0])).toBe(true);
});

test("synflow of a network that ends in a softmax is that of its logits", async () => {
  const plain = dense(small);
  const node = {
    name: "end",
    opType: "Softmax",
    domain: "",
    inputs: ["y"],
    outputs: ["p"],
    attributes: new Map(),
  };
  const graph = { ...plain.graph, nodes: [...plain.graph.nodes, node], outputs: [{ name: "p" }] };
  expect(await scoresOf("synflow", { model: { ...plain, graph } })).toEqual(close(closedForms.synflow!));
});

test("synflow passes ReLU6 as it passes ReLU, and says so when nothing passes", async () => {
  const network = (activation: string, scale: number) => {
    const g = graphBuilder();
    const weight = g.weight([2, 3], small.hidden, { name: "h.weight" });
    const inner = g.node("Mul", [g.node("Gemm", [g.input("x", ["N", 2]), weight]), g.weight([1], [scale])]);
    const bounds = activation === "Clip" ? [g.weight([], [0]), g.weight([], [6])] : [];
    const active = g.node(activation, [inner, ...bounds]);
    g.output(g.node("Gemm", [active, g.weight([3, 2], small.out)], {}, { outputs: ["y"] }), ["N", 2]);
    return g.build();
  };
  const relu = await scoresOf("synflow", { model: network("Relu", 100) });
  expect(relu).toEqual(close([200, 400, 0]));
  expect(await scoresOf("synflow", { model: network("Clip", 100) })).toEqual(relu);
  const shut = await problemOf(scoresOf("synflow", { model: network("Relu", 0) }));
  expect(shut.code).toBe("criterion-not-applicable");
});

test("synflow conserves flow: what goes into a layer's weights comes out of the next's", async () => {
  const model = dense({ ...small, hidden: [1, 2, 3, -1, 2, 0.5] });
  const scores = await weightScores("synflow", { analysis: analyzeChannels(model) });
  const total = (name: string) => Array.from(scores.get(name)!.data, Number).reduce((a, b) => a + b, 0);
  expect(total("h.weight")).toBeCloseTo(total("out.weight"), 9);
});

test("weights of every rule are scored in their own shape", async () => {
  const model = dense({ ...small, transposed: true });
  const analysis = analyzeChannels(model);
  for (const name of Object.keys(weightRules) as WeightCriterionName[]) {
    const scores = await weightScores(name, { analysis, examples: examplesFor({ model }) });
    expect([...scores].map(([, { shape }]) => shape)).toEqual([
      [3, 2],
      [3, 2],
    ]);
  }
});
