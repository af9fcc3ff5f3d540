/** @file Losses against the payoffs of metrics/ and formulas written out plainly, and their gradients. */
import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { checkGradients, doubled, inDouble } from "../../test/helpers/gradient-check.ts";
import { isProblem } from "../base/problem.ts";
import { ortEngine } from "../engine/ort/engine.ts";
import { referenceEngine } from "../engine/reference/reference.ts";
import { checkGraph } from "../graph/check.ts";
import type { Dim, Model } from "../graph/model.ts";
import { normal, stream, uniform } from "../math/random.ts";
import type { OutputIs } from "../metrics/metric.ts";
import { type PayoffKind, payoff } from "../metrics/payoff.ts";
import { inferFacts } from "../ops/infer.ts";
import { fromNumbers, sizeOf, type Tensor, toNumbers } from "../tensor/tensor.ts";
import { addLoss, type LossOptions } from "./add-loss.ts";
import { l2Penalty } from "./penalties.ts";
import type { CrossEntropySpec, LossGraph, LossSpec } from "./spec.ts";

const outputs: readonly OutputIs[] = ["logits", "probabilities", "log-probabilities"];

/** A model that hands its input on, so that the loss is a function of what is fed. */
function passThrough(shape: readonly Dim[]): Model {
  const g = graphBuilder();
  g.output(g.node("Identity", [g.input("x", shape)], {}, { name: "out" }), shape);
  return g.build({ opset: 18 });
}

const output = "out_out";

function crossEntropy(more: Partial<CrossEntropySpec> = {}): CrossEntropySpec {
  return { kind: "cross-entropy", output, outputIs: "logits", ...more };
}

function lossOf(model: Model, spec: LossSpec, options?: LossOptions): LossGraph {
  return addLoss(model, inferFacts(model), spec, options);
}

interface Values {
  readonly loss: number;
  readonly dataLoss: number;
  readonly perExample: number[];
  readonly penalties: Record<string, number>;
}

/** What a loss comes to, by the reference engine in double precision and by the runtime in single. */
async function valuesOf(graph: LossGraph, feeds: Record<string, Tensor>): Promise<Values> {
  const { loss, dataLoss, perExample, penalties } = graph;
  const names = [...new Set([loss, dataLoss, perExample, ...penalties.values()])];
  const wanted = {
    ...graph.model,
    graph: { ...graph.model.graph, outputs: names.map((name) => ({ name })) },
  };
  const exact = await (await referenceEngine.open(inDouble(wanted))).run(
    Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, doubled(value)])),
  );
  const session = await ortEngine.open(checkGraph(wanted));
  const single = await session.run(feeds);
  await session.close();
  for (const name of names) {
    const [a, b] = [toNumbers(exact[name]!), toNumbers(single[name]!)];
    const scale = Math.max(1, ...a.map(Math.abs));
    expectAll(
      b.map((value) => value / scale),
      a.map((value) => value / scale),
      4,
    );
  }
  const one = (name: string) => {
    expect(exact[name]!.shape).toEqual([]);
    return toNumbers(exact[name]!)[0]!;
  };
  return {
    loss: one(loss),
    dataLoss: one(dataLoss),
    perExample: [...toNumbers(exact[perExample]!)],
    penalties: Object.fromEntries([...penalties].map(([name, value]) => [name, one(value)])),
  };
}

function expectAll(got: ArrayLike<number>, wanted: ArrayLike<number>, digits: number): void {
  expect(got.length).toBe(wanted.length);
  for (let k = 0; k < got.length; k++) expect(got[k], `element ${k}`).toBeCloseTo(wanted[k]!, digits);
}

const random = stream(3, 0);
const float = (shape: readonly number[], values: ArrayLike<number>): Tensor =>
  fromNumbers("float32", shape, values);
const labelsOf = (shape: readonly number[], values: ArrayLike<number>): Tensor =>
  fromNumbers("int64", shape, values);

function gaussian(shape: readonly number[], scale = 2): Tensor {
  return float(
    shape,
    Float64Array.from({ length: sizeOf(shape) }, () => scale * normal(random)),
  );
}

/** Class probabilities along axis 1. */
function softmaxed({ shape, data }: Tensor): Tensor {
  const classes = shape[1]!;
  const positions = sizeOf(shape.slice(2));
  const weights = toNumbers({ dtype: "float32", shape, data }).map(Math.exp);
  const totals = (at: number) => {
    const start = Math.floor(at / (classes * positions)) * classes * positions + (at % positions);
    return Array.from({ length: classes }, (_, k) => weights[start + k * positions]!).reduce(
      (a, b) => a + b,
      0,
    );
  };
  return float(
    shape,
    weights.map((weight, at) => weight / totals(at)),
  );
}

function inForm(logits: Tensor, outputIs: OutputIs, single = false): Tensor {
  if (outputIs === "logits") return logits;
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  const chances = single ? float(logits.shape, toNumbers(logits).map(sigmoid)) : softmaxed(logits);
  if (outputIs === "probabilities") return chances;
  return float(logits.shape, toNumbers(chances).map(Math.log));
}

/** Losses as the payoffs of metrics/ have them: one per example. */
function payoffs(
  kind: PayoffKind,
  outputIs: OutputIs,
  x: Tensor,
  targets: Int32Array | Float32Array,
): number[] {
  const width = x.shape[1] ?? 1;
  const rows = payoff(kind, { outputIs }).rows(
    x.data as Float32Array,
    width,
    targets,
    new Float64Array(x.shape[0]!),
  );
  return [...rows].map((value) => -value);
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Open sizes in the declared shape, sizes in the data, and whether one output speaks for two classes. */
const layouts = [
  { name: "[N, K]", declared: ["N", 5], shape: [6, 5] },
  { name: "[N, K, positions]", declared: ["N", 3, "T"], shape: [4, 3, 7] },
  { name: "[N, K, height, width]", declared: ["N", 3, 4, "W"], shape: [2, 3, 4, 5] },
  { name: "[N, 1]", declared: ["N", 1], shape: [6, 1] },
  { name: "[N]", declared: ["N"], shape: [6] },
  { name: "[N, 1, positions]", declared: ["N", 1, 4], shape: [3, 1, 4] },
] as const;

describe.each(layouts)("outputs of shape $name", ({ declared, shape }) => {
  const single = shape.length === 1 || shape[1] === 1;
  const classes = single ? 2 : shape[1]!;
  const targetShape = shape.filter((_, axis) => axis !== 1);
  const some = (unlabelled: boolean) =>
    Int32Array.from({ length: sizeOf(targetShape) }, (_, k) =>
      unlabelled && (k % 3 === 1 || k === 0) ? -1 : Math.floor(uniform(random) * classes),
    );

  test.each(outputs)("cross-entropy of %s is minus the payoff", async (outputIs) => {
    const x = inForm(gaussian(shape), outputIs, single);
    for (const unlabelled of [false, true]) {
      const labels = some(unlabelled);
      const graph = lossOf(passThrough(declared), crossEntropy({ outputIs }));
      expect(graph.inputs.teacher ?? graph.inputs.weights).toBeUndefined();
      const found = await valuesOf(graph, { x, [graph.inputs.targets!]: labelsOf(targetShape, labels) });
      const wanted = payoffs("cross-entropy", outputIs, x, labels);
      expectAll(found.perExample, wanted, 6);
      const size = labels.length / wanted.length;
      const labelled = wanted.filter((_, n) =>
        labels.subarray(n * size, (n + 1) * size).some((label) => label >= 0),
      );
      expect(found.loss).toBeCloseTo(mean(labelled), 6);
      expect(found.dataLoss).toBe(found.loss);
    }
  });

  test.each(outputs)("distillation of %s at temperature 1 is minus the agreement", async (outputIs) => {
    const [x, teacher] = [gaussian(shape), gaussian(shape)].map((logits) => inForm(logits, outputIs, single));
    const graph = lossOf(
      passThrough(declared),
      crossEntropy({ outputIs, distill: { temperature: 1, weight: 1 } }),
    );
    expect(graph.inputs.targets).toBeUndefined();
    const found = await valuesOf(graph, { x: x!, [graph.inputs.teacher!]: teacher! });
    const wanted = payoffs("agreement", outputIs, x!, teacher!.data as Float32Array);
    expectAll(found.perExample, wanted, 5);
    expect(found.loss).toBeCloseTo(mean(wanted), 5);
  });

  test("squared error is minus the payoff", async () => {
    const [x, targets] = [gaussian(shape), gaussian(shape)];
    const graph = lossOf(passThrough(declared), { kind: "squared-error", output });
    const found = await valuesOf(graph, { x, [graph.inputs.targets!]: targets });
    const wanted = payoffs("squared-error", "logits", x, targets.data as Float32Array);
    expectAll(found.perExample, wanted, 6);
    expect(found.loss).toBeCloseTo(mean(wanted), 6);
  });

  test("soft targets that are certain equal labels", async () => {
    const x = gaussian(shape);
    const labels = some(false);
    const size = sizeOf(shape.slice(2));
    const certain = Float32Array.from({ length: sizeOf(shape) }, (_, at) => {
      if (single) return labels[at]!;
      const [n, k, p] = [Math.floor(at / (classes * size)), Math.floor(at / size) % classes, at % size];
      return Number(labels[n * size + p] === k);
    });
    for (const labelSmoothing of [0, 0.2]) {
      const hard = lossOf(passThrough(declared), crossEntropy({ labelSmoothing }));
      const soft = lossOf(passThrough(declared), crossEntropy({ labelSmoothing, soft: true }));
      const a = await valuesOf(hard, { x, [hard.inputs.targets!]: labelsOf(targetShape, labels) });
      const b = await valuesOf(soft, { x, [soft.inputs.targets!]: float(shape, certain) });
      expectAll(b.perExample, a.perExample, 6);
      expect(b.loss).toBeCloseTo(a.loss, 6);
    }
  });

  test("gradients of everything at once equal finite differences", async () => {
    for (const outputIs of outputs) {
      const spec = crossEntropy({
        outputIs,
        labelSmoothing: 0.1,
        exampleWeights: true,
        distill: { temperature: 3, weight: 0.4 },
      });
      const graph = lossOf(passThrough(declared), spec);
      const { targets, teacher, weights } = graph.inputs;
      const n = shape[0];
      const feeds = {
        x: inForm(gaussian(shape, 1), outputIs, single),
        [targets!]: labelsOf(targetShape, some(true)),
        [teacher!]: inForm(gaussian(shape, 1), outputIs, single),
        [weights!]: float(
          [n],
          Array.from({ length: n }, (_, k) => k % 3),
        ),
      };
      await checkGradients({ model: graph.model, feeds, of: graph.loss, wrt: ["x"] });
    }
    const plain = lossOf(passThrough(declared), crossEntropy());
    const labels = { [plain.inputs.targets!]: labelsOf(targetShape, some(true)) };
    await checkGradients({
      model: plain.model,
      feeds: { x: gaussian(shape, 1), ...labels },
      of: plain.loss,
      wrt: ["x"],
    });
    const squares = lossOf(passThrough(declared), { kind: "squared-error", output });
    const targets = { [squares.inputs.targets!]: gaussian(shape) };
    await checkGradients({
      model: squares.model,
      feeds: { x: gaussian(shape), ...targets },
      of: squares.loss,
      wrt: ["x"],
    });
  });
});

describe("closed forms", () => {
  const x = float([2, 3], [1, 2, 3, 0, 0, 1]);
  const model = passThrough(["N", 3]);
  const logs = (row: readonly number[]) => {
    const total = Math.log(row.map(Math.exp).reduce((a, b) => a + b, 0));
    return row.map((value) => value - total);
  };
  const rows = [
    [1, 2, 3],
    [0, 0, 1],
  ];

  test("equal logits lose the logarithm of the number of classes", async () => {
    const graph = lossOf(passThrough(["N", 10]), crossEntropy());
    const feeds = { x: float([1, 10], Array(10).fill(7)), [graph.inputs.targets!]: labelsOf([1], [4]) };
    expect((await valuesOf(graph, feeds)).loss).toBeCloseTo(Math.log(10), 12);
  });

  test("label smoothing shares s / K with every class", async () => {
    const graph = lossOf(model, crossEntropy({ labelSmoothing: 0.3 }));
    const found = await valuesOf(graph, { x, [graph.inputs.targets!]: labelsOf([2], [2, -1]) });
    const [a, b, c] = logs(rows[0]!);
    expect(found.perExample[0]).toBeCloseTo(-(0.1 * a! + 0.1 * b! + 0.8 * c!), 6);
    expect(found.perExample[1]).toBeCloseTo(0, 12);
    expect(found.loss).toBeCloseTo(found.perExample[0]!, 12);
  });

  test("distillation is T² times the divergence of the softened classes, beside the labels' share", async () => {
    const [temperature, weight] = [4, 0.25];
    const graph = lossOf(model, crossEntropy({ distill: { temperature, weight } }));
    const teacher = [
      [3, 1, 0],
      [0, 2, 0],
    ];
    const feeds = {
      x,
      [graph.inputs.targets!]: labelsOf([2], [0, -1]),
      [graph.inputs.teacher!]: float([2, 3], teacher.flat()),
    };
    const found = await valuesOf(graph, feeds);
    const divergence = rows.map((row, n) => {
      const [p, q] = [teacher[n]!, row].map((values) => logs(values.map((value) => value / temperature)));
      return p!.reduce((sum, log, k) => sum + Math.exp(log) * (log - q![k]!), 0);
    });
    const hard = -(1 - weight) * logs(rows[0]!)[0]!;
    const soft = divergence.map((value) => weight * temperature ** 2 * value);
    expect(found.perExample[0]).toBeCloseTo(hard + soft[0]!, 10);
    expect(found.perExample[1]).toBeCloseTo(soft[1]!, 10);
    expect(found.loss).toBeCloseTo(hard + (soft[0]! + soft[1]!) / 2, 10);
  });

  test("a student that equals its teacher has nothing to learn", async () => {
    const graph = lossOf(model, crossEntropy({ distill: { temperature: 2, weight: 1 } }));
    expect((await valuesOf(graph, { x, [graph.inputs.teacher!]: x })).loss).toBeCloseTo(0, 12);
  });

  test("weights make a weighted mean, and leave the examples' own losses alone", async () => {
    const graph = lossOf(model, crossEntropy({ exampleWeights: true }));
    const run = (weights: readonly number[], labels: readonly number[]) =>
      valuesOf(graph, {
        x,
        [graph.inputs.targets!]: labelsOf([2], labels),
        [graph.inputs.weights!]: float([2], weights),
      });
    const [first, second] = [-logs(rows[0]!)[1]!, -logs(rows[1]!)[1]!];
    const found = await run([3, 1], [1, 1]);
    expect(found.perExample[1]).toBeCloseTo(second, 10);
    expect(found.loss).toBeCloseTo((3 * first + second) / 4, 10);
    expect((await run([3, 1], [-1, 1])).loss).toBeCloseTo(second, 10);
    expect((await run([1, 0], [1, 1])).loss).toBeCloseTo(first, 10);
    expect((await run([0, 0], [1, 1])).loss).toBe(0);
  });

  test("no labels at all lose nothing", async () => {
    const graph = lossOf(model, crossEntropy());
    expect((await valuesOf(graph, { x, [graph.inputs.targets!]: labelsOf([2], [-1, -1]) })).loss).toBeCloseTo(
      0,
      12,
    );
  });

  test("a label of no class ends the run instead of counting for nothing", async () => {
    const graph = lossOf(model, crossEntropy());
    const session = await ortEngine.open(graph.model);
    const targets = labelsOf([2], [0, 3]);
    await expect(session.run({ x, [graph.inputs.targets!]: targets })).rejects.toThrow(/bounds|range/);
    await session.close();
  });

  test("a class that is ruled out by an infinite logit harms no other", async () => {
    const graph = lossOf(passThrough(["N", 3]), crossEntropy());
    const ruledOut = float([2, 3], [-Infinity, 0, 0, -Infinity, 1, 1]);
    const feeds = { x: ruledOut, [graph.inputs.targets!]: labelsOf([2], [1, -1]) };
    expect((await valuesOf(graph, feeds)).loss).toBeCloseTo(Math.log(2), 12);
  });

  test("logits far apart neither overflow nor lose their loss", async () => {
    const graph = lossOf(passThrough(["N", 2]), crossEntropy());
    const feeds = {
      x: float([2, 2], [3e4, -3e4, -3e4, 3e4]),
      [graph.inputs.targets!]: labelsOf([2], [0, 0]),
    };
    expect((await valuesOf(graph, feeds)).perExample.map(Math.abs)).toEqual([0, 6e4]);
  });

  test("a probability of 0 has a finite loss", async () => {
    const graph = lossOf(passThrough(["N", 2]), crossEntropy({ outputIs: "probabilities" }));
    const feeds = { x: float([1, 2], [0, 1]), [graph.inputs.targets!]: labelsOf([1], [0]) };
    expect((await valuesOf(graph, feeds)).loss).toBeCloseTo(126 * Math.log(2), 6);
  });
});

describe("models that end in their activation", () => {
  function ending(opType: string, width: number, attributes = {}): Model {
    const g = graphBuilder();
    const hidden = g.node("Identity", [g.input("x", ["N", width])]);
    g.output(g.node(opType, [hidden], attributes, { name: "out" }), ["N", width]);
    return g.build({ opset: 18 });
  }
  const opTypes = ({ model }: LossGraph) => model.graph.nodes.map(({ opType }) => opType);

  test.each([
    ["Softmax", 2, [-200, 200]],
    ["Sigmoid", 1, [200]],
  ] as const)(
    "%s: the loss is taken before it, where no probability is 0 yet",
    async (opType, width, logits) => {
      const graph = lossOf(
        ending(opType, width, opType === "Softmax" ? { axis: 1 } : {}),
        crossEntropy({ outputIs: "probabilities" }),
      );
      expect(opTypes(graph)).toContain("LogSoftmax");
      expect(opTypes(graph)).not.toContain("Log");
      const targets = labelsOf([1], [0]);
      const { loss } = await valuesOf(graph, {
        x: float([1, width], logits),
        [graph.inputs.targets!]: targets,
      });
      expect(loss).toBeCloseTo(width === 1 ? 200 : 400, 6);
    },
  );

  test("sigmoids that are no distribution are taken as they are", () => {
    expect(opTypes(lossOf(ending("Sigmoid", 3), crossEntropy({ outputIs: "probabilities" })))).toContain(
      "Log",
    );
  });
});

describe("penalties", () => {
  const model = (): Model => {
    const g = graphBuilder();
    const dense = g.node("MatMul", [
      g.input("x", ["N", 2]),
      g.weight([2, 3], [1, 2, 3, 4, 5, 6], { name: "w" }),
    ]);
    g.output(g.node("Add", [dense, g.weight([3], [1, 1, 2], { name: "b" })], {}, { name: "out" }), ["N", 3]);
    return g.build({ opset: 18 });
  };
  const parameters = new Map([
    ["w", { shape: [2, 3], dtype: "float32" as const }],
    ["b", { shape: [3], dtype: "float32" as const }],
  ]);
  const feeds = (graph: LossGraph) => ({
    x: float([1, 2], [0.1, 0.2]),
    [graph.inputs.targets!]: labelsOf([1], [1]),
  });

  test("half the squared length of weights, without biases, beside the data term", async () => {
    const graph = lossOf(model(), crossEntropy(), { penalties: [l2Penalty(0.1)], parameters });
    const found = await valuesOf(graph, feeds(graph));
    expect(found.penalties["l2"]).toBeCloseTo((0.1 / 2) * 91, 6);
    expect(found.loss).toBeCloseTo(found.dataLoss + found.penalties["l2"]!, 10);
  });

  test("which parameters count may be said; none give 0", async () => {
    const all = lossOf(model(), crossEntropy(), { penalties: [l2Penalty(2, () => true)], parameters });
    expect((await valuesOf(all, feeds(all))).penalties["l2"]).toBeCloseTo(97, 6);
    const none = lossOf(model(), crossEntropy(), { penalties: [l2Penalty(2, () => false)], parameters });
    expect((await valuesOf(none, feeds(none))).penalties["l2"]).toBe(0);
  });

  test("its gradient is that of weight decay", async () => {
    const graph = lossOf(model(), crossEntropy(), { penalties: [l2Penalty(0.3)], parameters });
    await checkGradients({ model: graph.model, feeds: feeds(graph), of: graph.loss, wrt: ["w", "b"] });
  });
});

describe("what is refused", () => {
  const codeOf = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      if (isProblem(error)) return error.code;
      throw error;
    }
    return "nothing";
  };

  test("outputs that do not exist, have no known classes, or are no single or double floats", () => {
    const model = passThrough(["N", 3]);
    expect(codeOf(() => lossOf(model, crossEntropy({ output: "elsewhere" })))).toBe("output-unknown");
    expect(codeOf(() => lossOf(passThrough(["N", "K"]), crossEntropy()))).toBe("loss-invalid");
    expect(codeOf(() => lossOf(passThrough([]), { kind: "squared-error", output }))).toBe("loss-invalid");
    const half = inDouble(model);
    const inputs = half.graph.inputs.map((info) => ({ ...info, dtype: "float16" as const }));
    expect(codeOf(() => lossOf({ ...half, graph: { ...half.graph, inputs } }, crossEntropy()))).toBe(
      "loss-invalid",
    );
  });

  test.each([
    { labelSmoothing: 1 },
    { labelSmoothing: -0.1 },
    { labelSmoothing: Number.NaN },
    { distill: { temperature: 0, weight: 0.5 } },
    { distill: { temperature: Infinity, weight: 0.5 } },
    { distill: { temperature: 1, weight: 0 } },
    { distill: { temperature: 1, weight: 1.5 } },
  ])("%o", (more) => {
    expect(codeOf(() => lossOf(passThrough(["N", 3]), crossEntropy(more)))).toBe("invalid-option");
  });
});
