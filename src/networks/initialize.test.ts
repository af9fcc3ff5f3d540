import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stream } from "../math/random.ts";
import { toNumbers } from "../tensor/tensor.ts";
import {
  constantly,
  type Filler,
  fansOf,
  filled,
  freshParameter,
  kaimingNormal,
  kaimingUniform,
  torchDefault,
} from "./initialize.ts";

const shape = [64, 16, 3, 3]; // fan in 144, fan out 576
const fans = fansOf(shape);

/** Mean, standard deviation and largest magnitude. */
function summary(values: Float64Array): { mean: number; std: number; largest: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return { mean, std: Math.sqrt(variance), largest };
}

/** Its standard deviation, bound or value. */
function sizeOfFiller(filler: Filler): number {
  return filler.kind === "normal" ? filler.std : filler.kind === "uniform" ? filler.bound : filler.value;
}

describe("fans", () => {
  test("count the weights of one output and of one input", () => {
    expect(fans).toEqual({ in: 144, out: 576 });
    expect(fansOf([10, 25])).toEqual({ in: 25, out: 10 });
  });
});

describe("rules", () => {
  test("have the standard deviations and bounds of their papers", () => {
    expect(sizeOfFiller(kaimingNormal("in")(fans))).toBeCloseTo(Math.sqrt(2 / 144), 15);
    expect(sizeOfFiller(kaimingNormal("out")(fans))).toBeCloseTo(Math.sqrt(2 / 576), 15);
    expect(sizeOfFiller(kaimingUniform("out")(fans))).toBeCloseTo(Math.sqrt(6 / 576), 15);
    expect(sizeOfFiller(kaimingUniform("in", 1)(fans))).toBeCloseTo(Math.sqrt(3 / 144), 15);
    expect(constantly(1)(fans)).toEqual({ kind: "constant", value: 1 });
  });

  test("of PyTorch bound weights and biases by 1 / sqrt(fan in)", () => {
    expect(torchDefault.weight(fans)).toMatchObject({ kind: "uniform" });
    expect(sizeOfFiller(torchDefault.weight(fans))).toBeCloseTo(1 / 12, 15);
    expect(torchDefault.bias(fans)).toEqual({ kind: "uniform", bound: 1 / 12 });
  });

  test.each<{ name: string; filler: Filler; std: number; limit: number }>([
    { name: "normal", filler: kaimingNormal("in")(fans), std: Math.sqrt(2 / 144), limit: Infinity },
    {
      name: "uniform",
      filler: kaimingUniform("in")(fans),
      std: Math.sqrt(2 / 144),
      limit: Math.sqrt(6 / 144) * (1 + 1e-7), // rounding to float32 may pass the bound by half a unit
    },
    { name: "constant", filler: { kind: "constant", value: 0 }, std: 0, limit: 0 },
  ])("$name numbers have the spread they should", ({ filler, std, limit }) => {
    const drawn = summary(toNumbers(filled(shape, filler, stream(5, 0))));
    const count = 64 * 144;
    expect(Math.abs(drawn.mean)).toBeLessThanOrEqual((4 * std) / Math.sqrt(count));
    expect(Math.abs(drawn.std - std)).toBeLessThanOrEqual((4 * std) / Math.sqrt(2 * count));
    expect(drawn.largest).toBeLessThanOrEqual(limit);
  });
});

describe("fresh parameters", () => {
  test("depend on seed and index alone, and differ in both", () => {
    const draw = (seed: number, index: number) =>
      freshParameter([4, 5], kaimingNormal("in")(fans), seed, index).load();
    fc.assert(
      fc.property(fc.nat(), fc.nat(500), (seed, index) => {
        expect(draw(seed, index)).toEqual(draw(seed, index));
        expect(draw(seed, index)).not.toEqual(draw(seed + 1, index));
        expect(draw(seed, index)).not.toEqual(draw(seed, index + 1));
      }),
    );
  });

  test("are drawn once", () => {
    const parameter = freshParameter([3], torchDefault.bias(fans), 1, 2);
    expect(parameter.load()).toBe(parameter.load());
  });

  test("stay what they were in earlier versions", () => {
    const elements = (filler: Filler) => Array.from(freshParameter([3], filler, 7, 3).load().data, Number);
    expect(elements({ kind: "normal", std: 1 })).toEqual([
      1.464850664138794, -0.5617331862449646, -0.7583234906196594,
    ]);
    expect(elements({ kind: "uniform", bound: 1 })).toEqual([
      0.6606714725494385, 0.7626198530197144, 0.3263470232486725,
    ]);
  });
});
