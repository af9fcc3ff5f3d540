/** @file Every optimizer against PyTorch's figures, and what they promise beyond. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isProblem } from "../../base/problem.ts";
import { clipByNorm } from "../clip.ts";
import type { NamedArrays } from "../named-arrays.ts";
import { learningRateAt, type Schedule } from "../schedules.ts";
import { weightDecayBy } from "../weight-decay.ts";
import { defineOptimizer, type OptimizerSpec, optimizerKinds } from "./index.ts";

type Figures = Readonly<Record<string, readonly number[]>>;

interface Reference {
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly start: Figures;
  readonly learningRates: readonly number[];
  readonly gradients: readonly Figures[];
  readonly optimizers: readonly {
    readonly name: string;
    readonly spec: OptimizerSpec;
    readonly weightDecay: { readonly strength: number; readonly on: "weights" | "all" };
    readonly parameters: Figures;
    readonly slots: Readonly<Record<string, Figures>>;
  }[];
  readonly schedules: readonly {
    readonly schedule: Schedule;
    readonly totalSteps: number;
    readonly rates: readonly number[];
  }[];
  readonly clip: { readonly limit: number; readonly norm: number; readonly gradients: Figures };
}

const file = new URL("../../../test/fixtures/optimizer-steps.json", import.meta.url);
const reference: Reference = JSON.parse(readFileSync(file, "utf8"));
const shapes = new Map(Object.entries(reference.shapes));

const arraysOf = (figures: Figures): NamedArrays =>
  new Map(Object.entries(figures).map(([name, values]) => [name, Float32Array.from(values)]));

/** Within 1e-6 of each figure, relative to it or to 1, whichever is larger. */
function expectFigures(arrays: ReadonlyMap<string, Float32Array>, figures: Figures): void {
  expect([...arrays.keys()].sort()).toEqual(Object.keys(figures).sort());
  for (const [name, values] of Object.entries(figures)) {
    for (const [k, value] of values.entries()) {
      const error = Math.abs(arrays.get(name)![k]! - value);
      expect(error, `${name}[${k}] = ${value}`).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(value)));
    }
  }
}

describe.each(reference.optimizers)("$name", ({ spec, weightDecay, parameters, slots }) => {
  test("takes the steps that PyTorch takes", () => {
    const optimizer = defineOptimizer(spec);
    const state = optimizer.init(shapes);
    const moved = arraysOf(reference.start);
    const weightDecayOf = weightDecayBy(shapes, weightDecay);
    for (const [step, gradients] of reference.gradients.entries()) {
      const learningRate = reference.learningRates[step]!;
      optimizer.step(moved, arraysOf(gradients), state, { learningRate, weightDecayOf });
    }
    expectFigures(moved, parameters);
    expect(state.steps).toBe(reference.gradients.length);
    expect([...state.slots.keys()].sort()).toEqual(Object.keys(slots).sort());
    for (const [slot, figures] of Object.entries(slots)) expectFigures(state.slots.get(slot)!, figures);
  });
});

test("the reference figures cover every kind", () => {
  expect(new Set(reference.optimizers.map(({ spec }) => spec.kind))).toEqual(new Set(optimizerKinds));
});

const specs = fc.oneof(
  fc.record({ kind: fc.constant("sgd" as const), momentum: fc.constantFrom(0, 0.5, 0.9) }),
  fc.record({
    kind: fc.constant("sgd" as const),
    momentum: fc.constantFrom(0.5, 0.9),
    nesterov: fc.boolean(),
  }),
  fc.record({ kind: fc.constantFrom("adam" as const, "adamw" as const), amsgrad: fc.boolean() }),
);

describe("all optimizers", () => {
  test("stay where they are at a learning rate of 0, and leave parameters without a gradient alone", () => {
    const run = (spec: OptimizerSpec, values: Float32Array): void => {
      const optimizer = defineOptimizer(spec);
      const both = new Map([
        ["moved", [values.length]],
        ["frozen", [1]],
      ]);
      const parameters = new Map([
        ["moved", values.slice()],
        ["frozen", Float32Array.of(3)],
      ]);
      const state = optimizer.init(both);
      const options = { learningRate: 0, weightDecayOf: () => 0.5 };
      optimizer.step(parameters, new Map([["moved", values.map((x) => 1 - x)]]), state, options);
      expect(parameters.get("moved")!.every((x, k) => x === values[k])).toBe(true); // −0 may become 0
      optimizer.step(parameters, new Map([["moved", values]]), state, { ...options, learningRate: 1 });
      expect(parameters.get("frozen")).toEqual(Float32Array.of(3));
    };
    fc.assert(fc.property(specs, fc.float32Array({ noNaN: true, min: -8, max: 8, minLength: 1 }), run));
  });

  test("find the lowest point of a bowl", () => {
    fc.assert(
      fc.property(specs, fc.float({ min: -2, max: 2, noNaN: true }), (spec, target) => {
        const optimizer = defineOptimizer(spec);
        const x = new Float32Array(1);
        const parameters = new Map([["x", x]]);
        const state = optimizer.init(new Map([["x", [1]]]));
        for (let step = 0; step < 800; step++) {
          const gradients = new Map([["x", Float32Array.of(x[0]! - target)]]);
          const learningRate = 0.05 * (1 - step / 800);
          optimizer.step(parameters, gradients, state, { learningRate, weightDecayOf: () => 0 });
        }
        expect(Math.abs(x[0]! - target)).toBeLessThan(1e-2);
      }),
      { numRuns: 40 },
    );
  });

  test("go on from a copied state as if nothing had happened", () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const optimizer = defineOptimizer(spec);
        const options = { learningRate: 0.1, weightDecayOf: () => 0.01 };
        const parameters = arraysOf(reference.start);
        const state = optimizer.init(shapes);
        const step = (p: NamedArrays, s: typeof state, k: number): void =>
          optimizer.step(p, arraysOf(reference.gradients[k]!), s, options);
        step(parameters, state, 0);
        const [copiedParameters, copiedState] = [structuredClone(parameters), structuredClone(state)];
        step(parameters, state, 1);
        step(copiedParameters, copiedState, 1);
        expect(copiedParameters).toEqual(parameters);
        expect(copiedState).toEqual(state);
      }),
    );
  });
});

test.each<[string, OptimizerSpec]>([
  ["momentum", { kind: "sgd", momentum: 1 }],
  ["momentum", { kind: "sgd", momentum: Number.NaN }],
  ["momentum", { kind: "sgd", nesterov: true }],
  ["betas", { kind: "adam", betas: [0.9, 1] }],
  ["eps", { kind: "adamw", eps: -1 }],
])("refuses %s out of range", (option, spec) => {
  try {
    defineOptimizer(spec);
    expect.unreachable();
  } catch (error) {
    expect(isProblem(error, "invalid-option") && error.data.option).toBe(option);
  }
});

test.each(reference.schedules)(
  "$schedule.kind follows PyTorch's scheduler over $totalSteps steps",
  (given) => {
    const run = { totalSteps: given.totalSteps, stepsPerEpoch: 3 };
    for (const [step, rate] of given.rates.entries()) {
      expect(Math.abs(learningRateAt(given.schedule, 0.4, step, run) - rate)).toBeLessThan(1e-12);
    }
  },
);

test("clips by norm as PyTorch does", () => {
  const gradients = arraysOf(reference.gradients.at(-1)!);
  expect(clipByNorm(gradients, reference.clip.limit)).toBeCloseTo(reference.clip.norm, 5);
  expectFigures(gradients, reference.clip.gradients);
});
