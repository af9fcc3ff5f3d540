/** @file Masked weights stay zero through any number of steps; decay leaves out what it should. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { copyInto, copyOf } from "./named-arrays.ts";
import { defineOptimizer, optimizerKinds } from "./optimizers/index.ts";
import { weightDecayBy } from "./weight-decay.ts";
import { applyMasks, applyMasksToState, masksOfZeros } from "./weight-masks.ts";

describe("weight masks", () => {
  test("masked weights and their momentum stay zero, the others train", () => {
    const run = (kind: (typeof optimizerKinds)[number], keep: boolean[]): void => {
      const optimizer = defineOptimizer(kind === "sgd" ? { kind, momentum: 0.9 } : { kind });
      const parameters = new Map([["w", Float32Array.from(keep, (kept) => (kept ? 2 : 0))]]);
      const masks = masksOfZeros(parameters);
      const state = optimizer.init(new Map([["w", [keep.length]]]));
      for (const arrays of state.slots.values()) arrays.get("w")!.fill(1); // as if the weights had moved before
      for (let step = 0; step < 3; step++) {
        const gradients = new Map([["w", new Float32Array(keep.length).fill(step - 0.5)]]);
        applyMasks(masks, gradients);
        optimizer.step(parameters, gradients, state, { learningRate: 0.1, weightDecayOf: () => 0.1 });
        applyMasks(masks, parameters);
        applyMasksToState(masks, state);
      }
      const stored = [parameters, ...state.slots.values()].map((arrays) => arrays.get("w")!);
      for (const [k, kept] of keep.entries())
        for (const array of stored) expect(Object.is(array[k], 0)).toBe(!kept);
    };
    fc.assert(fc.property(fc.constantFrom(...optimizerKinds), fc.array(fc.boolean(), { minLength: 1 }), run));
  });

  test("cover parameters with zeros only", () => {
    const masks = masksOfZeros(
      new Map([
        ["sparse", Float32Array.of(0, 1, -0)],
        ["dense", Float32Array.of(1)],
      ]),
    );
    expect([...masks]).toEqual([["sparse", Uint8Array.of(0, 1, 0)]]);
  });

  test("turn NaN into zero", () => {
    const arrays = new Map([["w", Float32Array.of(Number.NaN, Number.NaN)]]);
    applyMasks(new Map([["w", Uint8Array.of(0, 1)]]), arrays);
    expect([...arrays.get("w")!]).toEqual([0, Number.NaN]);
  });
});

test("weight decay leaves out rank 0 and 1 unless told otherwise", () => {
  const shapes = new Map([
    ["conv", [8, 3, 3, 3]],
    ["bias", [8]],
    ["alpha", []],
  ]);
  const decays = (on?: "weights" | "all"): number[] =>
    [...shapes.keys(), "unknown"].map(weightDecayBy(shapes, { strength: 0.1, on }));
  expect(decays()).toEqual([0.1, 0, 0, 0]);
  expect(decays("all")).toEqual([0.1, 0.1, 0.1, 0]);
  expect(() => weightDecayBy(shapes, { strength: -1 })).toThrow("--weight-decay");
});

test("copies share no memory, and copying back demands equal shapes", () => {
  const original = new Map([["w", Float32Array.of(1, 2)]]);
  const copy = copyOf(original);
  original.get("w")!.fill(7);
  expect([...copy.get("w")!]).toEqual([1, 2]);
  copyInto(original, copy);
  expect(copy).toEqual(original);
  expect(() => copyInto(new Map([["w", Float32Array.of(1)]]), copy)).toThrow("1 elements instead of 2");
  expect(() => copyInto(new Map(), copy)).toThrow('no array "w"');
});
