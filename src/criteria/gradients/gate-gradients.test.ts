/** @file Derivatives of gates against differences of payoffs, over every kind of network, and against leave-one-out. */
import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../../test/helpers/build.ts";
import { networks } from "../../../test/helpers/networks.ts";
import { freeGroups } from "../../../test/helpers/random-plan.ts";
import { randomFeeds } from "../../../test/helpers/slicing-property.ts";
import { isProblem } from "../../base/problem.ts";
import { analyzeChannels, type ChannelAnalysis } from "../../channels/groups.ts";
import { type Dataset, datasetFromArrays, fitToInputs } from "../../datasets/index.ts";
import type { Engine } from "../../engine/engine.ts";
import { ortEngine } from "../../engine/ort/engine.ts";
import { referenceEngine } from "../../engine/reference/reference.ts";
import type { Model } from "../../graph/model.ts";
import { stream, uniform } from "../../math/random.ts";
import { fromNumbers, sizeOf, type Tensor, toNumbers } from "../../tensor/tensor.ts";
import type { PayoffSetup } from "../../valuation/targets.ts";
import { type GatedNetwork, type GateOptions, gateGradients, openGates } from "./gate-gradients.ts";
import { inDouble } from "./in-double.ts";

/** The interpreter in double precision, so that differences can be small. */
const double: Engine = {
  name: "double",
  open: async (model) => {
    const session = await referenceEngine.open(inDouble(model));
    const widened = (value: Tensor) =>
      value.dtype === "float32" ? fromNumbers("float64", value.shape, toNumbers(value)) : value;
    return {
      ...session,
      run: (feeds) =>
        session.run(Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, widened(value)]))),
    };
  },
};

function dataFor(model: Model): Dataset {
  return fitToInputs(datasetFromArrays({ inputs: randomFeeds(model, stream(4, 0)) }), model.graph.inputs);
}

async function squaredPayoff(model: Model, dataset: Dataset): Promise<PayoffSetup> {
  const session = await referenceEngine.open(model);
  const output = model.graph.outputs[0]!.name;
  const { shape } = (await session.run(dataset.batch(Array.from({ length: dataset.size }, (_, k) => k))))[
    output
  ]!;
  const random = stream(5, 0);
  const targets = Float32Array.from({ length: sizeOf(shape) }, () => 2 * uniform(random) - 1);
  return { kind: "squared-error", output, outputIs: "logits", targets };
}

async function optionsFor(analysis: ChannelAnalysis): Promise<GateOptions> {
  const { model } = analysis;
  const dataset = dataFor(model);
  return {
    analysis,
    groups: freeGroups(analysis),
    engine: double,
    dataset,
    payoff: await squaredPayoff(model, dataset),
  };
}

const everyExample = (dataset: Dataset) => Uint32Array.from({ length: dataset.size }, (_, k) => k);

/** Sum over rows of derivative times direction, and what central differences of the payoffs make of it. */
async function alongDirection(network: GatedNetwork, dataset: Dataset, seed: number, step = 1e-2) {
  const random = stream(seed, 0);
  const examples = everyExample(dataset);
  const size = examples.length * network.gates;
  const at = Float32Array.from({ length: size }, () => (uniform(random) < 0.3 ? 0.25 : 1));
  const direction = Float32Array.from({ length: size }, () => (uniform(random) < 0.5 ? 1 : -1));
  const moved = (by: number) => at.map((gate, k) => gate + by * direction[k]!);
  const { values } = await network.rows(examples, at);
  const [up, down] = [await network.rows(examples, moved(step)), await network.rows(examples, moved(-step))];
  return examples.reduce((worst, _, row) => {
    let slope = 0;
    let scale = 1e-3;
    for (let k = row * network.gates; k < (row + 1) * network.gates; k++) {
      slope += values[k]! * direction[k]!;
      scale += Math.abs(values[k]!);
    }
    const difference = (up.payoffs[row]! - down.payoffs[row]!) / (2 * step);
    return Math.max(worst, Math.abs(slope - difference) / scale);
  }, 0);
}

/** Games need a batch axis on every input, and something to remove. */
function isValued(model: Model): boolean {
  const hasBatch = model.graph.inputs.every(({ shape = [] }) => shape.length > 0);
  return hasBatch && freeGroups(analyzeChannels(model)).length > 0;
}

/** Differences need double precision, and so kernels of our own, which these networks are without. */
const singleOnly = ["channels scaled to length one", "Einsum with an ellipsis"];

describe("over all networks", () => {
  const cases = networks.filter(
    ({ name, build }) =>
      !name.includes("float16") && !singleOnly.some((start) => name.startsWith(start)) && isValued(build()),
  );

  test.each(cases)("$name: every example's derivatives are those of its payoff", async ({ build }) => {
    const options = await optionsFor(analyzeChannels(build()));
    const network = await openGates(options).catch((error: unknown) => {
      if (isProblem(error, "group-not-maskable")) return undefined; // no game is played there either
      throw error;
    });
    if (network === undefined) return;
    expect(await alongDirection(network, options.dataset, 6, 2 ** -12)).toBeLessThan(1e-3);
    await network.close();
  });
});

/** Dense 3 → 4 → tanh → 4 → tanh → 3: smooth, so that remainders shrink as they should. */
function smooth(): Model {
  const g = graphBuilder();
  const x = g.input("x", ["N", 3]);
  const first = g.node("Tanh", [g.node("Gemm", [x, g.weight([3, 4], undefined, { name: "a.weight" })])]);
  const second = g.node("Tanh", [g.node("Gemm", [first, g.weight([4, 4], undefined, { name: "b.weight" })])]);
  g.output(g.node("Gemm", [second, g.weight([4, 3])], {}, { outputs: ["y"] }), ["N", 3]);
  return g.build();
}

describe("leave-one-out", () => {
  const analysis = analyzeChannels(smooth());
  const dataset = dataFor(analysis.model);
  const payoff: PayoffSetup = {
    kind: "cross-entropy",
    output: "y",
    outputIs: "logits",
    targets: Int32Array.of(0, 1, 2),
  };
  const options: GateOptions = { analysis, groups: freeGroups(analysis), engine: double, dataset, payoff };

  /** Largest |payoff(1) − payoff(1 − by) − by · derivative| over examples and gates. */
  async function remainder(network: GatedNetwork, by: number): Promise<number> {
    const examples = everyExample(dataset);
    const whole = await network.rows(examples);
    let worst = 0;
    for (let gate = 0; gate < network.gates; gate++) {
      const at = Float32Array.from({ length: examples.length * network.gates }, (_, k) =>
        k % network.gates === gate ? 1 - by : 1,
      );
      const without = await network.rows(examples, at);
      for (const row of examples) {
        const drop = whole.payoffs[row]! - without.payoffs[row]!;
        worst = Math.max(worst, Math.abs(drop - by * whole.values[row * network.gates + gate]!));
      }
    }
    return worst;
  }

  test("the derivative is leave-one-out to first order: what is left shrinks with the square", async () => {
    const network = await openGates(options);
    const left = [
      await remainder(network, 2 ** -2),
      await remainder(network, 2 ** -4),
      await remainder(network, 2 ** -6),
    ];
    expect(left[0]).toBeGreaterThan(1e-5);
    expect(left[0]! / left[1]!).toBeGreaterThan(12);
    expect(left[1]! / left[2]!).toBeGreaterThan(14);
    expect(left[1]! / left[2]!).toBeLessThan(18);
  });

  test("payoffs are those of the metric, and each row has its own gates", async () => {
    const network = await openGates({ ...options, engine: ortEngine });
    const gates = Float32Array.from({ length: 2 * network.gates }, (_, k) => (k < network.gates ? 1 : 0));
    const both = await network.rows(Uint32Array.of(1, 1), gates);
    const alone = await network.rows(Uint32Array.of(1));
    expect(both.payoffs[0]).toBeCloseTo(alone.payoffs[0]!, 6);
    expect(both.payoffs[1]).toBeCloseTo(-Math.log(3), 6); // all logits are zero
    expect([...both.values.slice(0, network.gates)]).toEqual(
      [...alone.values].map((value) => expect.closeTo(value, 6)),
    );
    await network.close();
  });

  test("agreement at a coalition has a gradient, at the whole network it has none", async () => {
    const session = await referenceEngine.open(analysis.model);
    const { y } = await session.run(dataset.batch(everyExample(dataset)));
    const agreement: PayoffSetup = {
      ...payoff,
      kind: "agreement",
      targets: Float32Array.from(toNumbers(y!)),
    };
    const network = await openGates({ ...options, payoff: agreement });
    const whole = await network.rows(everyExample(dataset));
    expect(Math.max(...whole.values.map(Math.abs))).toBeLessThan(1e-6);
    expect(await alongDirection(network, dataset, 8, 2 ** -12)).toBeLessThan(1e-3);
  });

  test("coalitions of one's own choice come with the stream", async () => {
    const at = (examples: Uint32Array) =>
      Float32Array.from({ length: examples.length * 8 }, (_, k) =>
        examples[Math.floor(k / 8)] === 2 ? 0 : 1,
      );
    const rows = [];
    for await (const batch of gateGradients({ ...options, at, batchSize: 2 })) rows.push(batch);
    expect(rows.map(({ examples }) => [...examples])).toEqual([[0, 1], [2]]);
    expect(rows[1]!.payoffs[0]).toBeCloseTo(-Math.log(3), 9);
  });

  test("rows of the wrong width are a mistake of the caller", async () => {
    const network = await openGates(options);
    await expect(network.rows(Uint32Array.of(0), [1, 1])).rejects.toThrow(RangeError);
  });
});

test("a channel behind a Flatten counts at all its positions; one that nobody reads scores zero", async () => {
  const g = graphBuilder();
  const x = g.input("x", ["N", 1, 2, 2]);
  const both = g.node("Relu", [g.node("Conv", [x, g.weight([2, 1, 1, 1], [1, -2], { name: "c.weight" })])]);
  const unread = g.node("Relu", [
    g.node("Conv", [x, g.weight([3, 1, 1, 1], undefined, { name: "d.weight" })]),
  ]);
  g.node("Conv", [unread, g.weight([2, 3, 1, 1])]);
  const last = g.weight([8, 1], [1, 2, 3, 4, 5, 6, 7, 8]);
  g.output(g.node("Gemm", [g.node("Flatten", [both]), last], {}, { outputs: ["y"] }), ["N", 1]);
  const model = g.build();
  const analysis = analyzeChannels(model);
  const rows = fromNumbers("float32", [1, 1, 2, 2], [1, -1, 3, 0]); // channels 1, 0, 3, 0 and 0, 2, 0, 0
  const options: GateOptions = {
    analysis,
    groups: ["c", "d"].map((id) => analysis.groups.findIndex((group) => group.id === id)),
    engine: ortEngine,
    dataset: fitToInputs(datasetFromArrays({ inputs: rows }), model.graph.inputs),
    payoff: { kind: "squared-error", output: "y", outputIs: "logits", targets: Float32Array.of(22.5) },
  };
  // y = 1 + 9 + 12 = 22, so the payoff grows by 1 per unit of y
  const expected = {
    derivative: [10, 12, 0, 0, 0],
    "absolute-gradient": [10, 26, 0, 0, 0],
    "absolute-product": [10, 12, 0, 0, 0],
  } as const;
  for (const [measure, values] of Object.entries(expected)) {
    const network = await openGates({ ...options, measure: measure as keyof typeof expected });
    const found = await network.rows(Uint32Array.of(0));
    expect([...found.values]).toEqual(values.map((value) => expect.closeTo(value, 4)));
    await network.close();
  }
});
