/** @file From arrays to batches: conversion, binding to a model, splits, and what is refused. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isProblem, type ProblemCode } from "../base/problem.ts";
import { allocate, type DType } from "../tensor/dtype.ts";
import { float32, int64, type Tensor, tensor, toNumbers } from "../tensor/tensor.ts";
import { take } from "./dataset.ts";
import { fitTo, fitToInputs } from "./fit.ts";
import { datasetFromArrays } from "./from-arrays.ts";
import { classesSeen, classLabels } from "./labels.ts";
import { batches, split } from "./split.ts";

function codeOf(run: () => unknown): ProblemCode | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (isProblem(error)) return error.code;
    throw error;
  }
}

function bytes(...shape: number[]): Tensor {
  const data = Uint8Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, k) => (k * 31) % 256);
  return { dtype: "uint8", shape, data };
}

const classesOf = (...labels: number[]): Tensor => tensor("uint8", [labels.length], Uint8Array.from(labels));

describe("batches", () => {
  test("all 256 bytes over 255 equal the float32 division that training code does", () => {
    const pixels = tensor(
      "uint8",
      [1, 256],
      Uint8Array.from({ length: 256 }, (_, k) => k),
    );
    const { "": fed } = datasetFromArrays({ inputs: pixels }, { pixelScale: 255 }).batch([0]);
    expect(fed).toEqual(
      float32(
        [1, 256],
        Float32Array.from({ length: 256 }, (_, k) => k / 255),
      ),
    );
  });

  test("mean and std act per channel, wherever channels are, and moving them changes nothing else", () => {
    const mean = [0.1, 0.2, 0.3];
    const std = [0.5, 0.25, 2];
    const stored: DType[] = ["uint8", "float32", "float64", "int16", "int64", "float16"];
    const sizes = fc.tuple(fc.constantFrom(1, 2, 4, 5), fc.constantFrom(1, 2, 4, 5)); // 3 would look like channels;
    fc.assert(
      fc.property(
        fc.constantFrom(...stored),
        sizes,
        fc.constantFrom("nchw", "nhwc"),
        (dtype, [h, w], layout) => {
          const shape = layout === "nchw" ? [2, 3, h, w] : [2, h, w, 3];
          const data = allocate(dtype, 6 * h * w);
          new Uint8Array(data.buffer).forEach((_, k, all) => {
            all[k] = dtype === "uint8" ? (k * 29) % 256 : k % 60; // small bytes: no NaN in any float type
          });
          const source = { dtype, shape, data };
          const dataset = datasetFromArrays({ inputs: source }, { pixelScale: 10, mean, std, layout });
          const numbers = toNumbers(source);
          for (const target of ["nchw", "nhwc"]) {
            const wanted = target === "nchw" ? ["N", 3, h, w] : ["N", h, w, 3];
            const { x } = fitTo(dataset, wanted, "x").batch([1, 0]);
            for (let k = 0; k < x!.data.length; k++) {
              const [n, c, p] = coordinates(k, target === "nchw", h * w);
              const from = (1 - n) * 3 * h * w + (layout === "nchw" ? c * h * w + p : p * 3 + c);
              const expected = Math.fround((numbers[from]! / 10 - mean[c]!) / std[c]!);
              const slack = Math.abs(expected) * 2 ** -22 + 1e-6;
              expect(Math.abs(Number(x!.data[k]) - expected)).toBeLessThanOrEqual(slack);
            }
          }
        },
      ),
    );
  });

  test("integers stay what they are, and shorten only when they fit", () => {
    const dataset = datasetFromArrays({ inputs: int64([2, 2], [1, 2, 3, 4]) });
    expect(dataset.batch([1])[""]).toEqual(int64([1, 2], [3, 4]));
    expect(fitTo(dataset, ["N", 2], "ids", "int32").batch([0])["ids"]?.data).toEqual(Int32Array.of(1, 2));
    const large = datasetFromArrays({ inputs: int64([1, 1], [2 ** 40]) });
    expect(codeOf(() => fitTo(large, ["N", 1], "ids", "int32"))).toBe("data-range");
    expect(
      codeOf(() => fitTo(datasetFromArrays({ inputs: float32([1, 1], [0.5]) }), ["N", 1], "ids", "int64")),
    ).toBe("data-dtype-unsupported");
  });

  test("int64 beyond 2^53 is fed exactly", () => {
    const ids = tensor("int64", [1, 1], BigInt64Array.of(2n ** 53n + 1n));
    expect(datasetFromArrays({ inputs: ids }).batch([0])[""]?.data[0]).toBe(2n ** 53n + 1n);
    expect(
      fitTo(datasetFromArrays({ inputs: ids }), ["N", 1], "ids", "uint64").batch([0])["ids"]?.data[0],
    ).toBe(2n ** 53n + 1n);
  });

  test("several inputs keep their names; options for pixels leave token ids alone", () => {
    const inputs = { image: bytes(2, 1, 2, 2), ids: int64([2, 1], [5, 6]) };
    const fed = datasetFromArrays({ inputs }, { pixelScale: 255 }).batch([1]);
    expect(fed["ids"]).toEqual(int64([1, 1], [6]));
    expect(fed["image"]?.dtype).toBe("float32");
    expect(Number(fed["image"]?.data[0])).toBeCloseTo(124 / 255, 6);
    const two = { left: bytes(2, 1, 2, 2), right: bytes(2, 1, 2, 2) };
    expect(codeOf(() => datasetFromArrays({ inputs: two }, { pixelScale: 255 }))).toBe("invalid-option");
    const ids = { a: int64([2, 1], [5, 6]), b: int64([2, 1], [5, 6]) };
    expect(codeOf(() => datasetFromArrays({ inputs: ids }, { pixelScale: 255 }))).toBe("invalid-option");
    expect(codeOf(() => datasetFromArrays({ inputs: ids }, { perInput: { c: {} } }))).toBe("invalid-option");
    const own = { left: { pixelScale: 255 }, right: {} };
    const [left, right] = Object.values(datasetFromArrays({ inputs: two }, { perInput: own }).batch([0]));
    expect(Number(left?.data[1])).toBeCloseTo(31 / 255, 6);
    expect(right?.data[1]).toBe(31);
  });

  test("a view of a view reads the right rows, labels included", () => {
    const dataset = datasetFromArrays({ inputs: bytes(5, 1), labels: classesOf(0, 1, 2, 3, 4) });
    const view = take(take(dataset, [4, 2, 0]), [1, 2]);
    expect(view.size).toBe(2);
    expect(view.labels?.values).toEqual(Int32Array.of(2, 0));
    expect([...view.batch([0, 1])[""]!.data]).toEqual([62, 0]);
    expect(() => view.batch([2])).toThrow(RangeError);
  });
});

function coordinates(
  at: number,
  channelsFirst: boolean,
  positions: number,
): [n: number, c: number, p: number] {
  const within = at % (3 * positions);
  const n = Math.floor(at / (3 * positions));
  return channelsFirst
    ? [n, Math.floor(within / positions), within % positions]
    : [n, within % 3, Math.floor(within / 3)];
}

describe("binding to a model", () => {
  test.each([
    { stored: [2, 4, 4], wanted: ["N", 1, 4, 4], fed: [2, 1, 4, 4], why: "a missing channel axis in front" },
    { stored: [2, 4, 4], wanted: ["N", 4, 4, 1], fed: [2, 4, 4, 1], why: "or behind" },
    {
      stored: [2, 4, 4],
      wanted: ["N", "C", "H", "W"],
      fed: [2, 1, 4, 4],
      why: "open sizes take channels first",
    },
    { stored: [2, 1, 4, 4], wanted: ["N", 16], fed: [2, 16], why: "images for a network of dense layers" },
    { stored: [2], wanted: ["N", 1], fed: [2, 1], why: "single numbers" },
    { stored: [2, 3, 4, 4], wanted: undefined, fed: [2, 3, 4, 4], why: "an input of unknown rank" },
  ])("$why", ({ stored, wanted, fed }) => {
    expect(
      fitTo(datasetFromArrays({ inputs: bytes(...stored) }), wanted, "x").batch([0, 1])["x"]?.shape,
    ).toEqual(fed);
  });

  test("a stated layout decides where sizes do not", () => {
    const inputs = bytes(1, 3, 3, 3);
    const last = fitTo(datasetFromArrays({ inputs }, { layout: "nhwc" }), ["N", 3, 3, 3], "x").batch([0])[
      "x"
    ];
    expect([...last!.data].slice(0, 3)).toEqual([0, 3, 6].map((k) => inputs.data[k]));
    const first = fitTo(datasetFromArrays({ inputs }, { layout: "nchw" }), ["N", 3, 3, 3], "x").batch([0])[
      "x"
    ];
    expect([...first!.data]).toEqual([...inputs.data]);
  });

  test("channels at the wrong end are not moved unasked, but the message says how to ask", () => {
    const dataset = datasetFromArrays({ inputs: bytes(2, 8, 8, 3), name: "cats.npy" });
    expect(() => fitTo(dataset, ["N", 3, 8, 8], "x")).toThrow(
      'cats.npy: the model\'s input "x" expects [N, 3, 8, 8], but the data give [N, 8, 8, 3]. If the file is channels-last, say so with --layout nhwc.',
    );
    expect(codeOf(() => fitTo(dataset, ["N", 3, 9, 9], "x"))).toBe("data-shape-mismatch");
  });

  test("one array fits one input whatever its name; several must be named alike", () => {
    const single = datasetFromArrays({ inputs: { pixels: bytes(2, 4) } });
    const info = (name: string) => ({ name, dtype: "float32", shape: ["N", 4] }) as const;
    expect(Object.keys(fitToInputs(single, [info("input.1")]).batch([0]))).toEqual(["input.1"]);
    const pair = datasetFromArrays({ inputs: { a: bytes(2, 4), b: bytes(2, 4) } });
    expect(Object.keys(fitToInputs(pair, [info("b"), info("a")]).batch([0])).sort()).toEqual(["a", "b"]);
    expect(codeOf(() => fitToInputs(pair, [info("a"), info("c")]))).toBe("data-inputs-mismatch");
    expect(codeOf(() => fitToInputs(pair, [info("a")]))).toBe("data-inputs-mismatch");
    expect(codeOf(() => fitTo(pair, ["N", 4], "c"))).toBe("data-inputs-mismatch");
  });
});

describe("labels", () => {
  const inputs = bytes(3, 2);
  const floats = (...values: number[]): Tensor => float32([values.length], values);

  test("integers are classes, floats are values, and options say otherwise", () => {
    expect(datasetFromArrays({ inputs, labels: int64([3, 1], [0, 2, 1]) }).labels).toEqual({
      kind: "classes",
      shape: [],
      values: Int32Array.of(0, 2, 1),
    });
    expect(datasetFromArrays({ inputs, labels: floats(1, 2, 0) }).labels?.kind).toBe("values");
    expect(datasetFromArrays({ inputs, labels: floats(1, 2, 0) }, { labelsAs: "classes" }).labels?.kind).toBe(
      "classes",
    );
    expect(
      datasetFromArrays({ inputs, labels: classesOf(1, 2, 0) }, { labelsAs: "values" }).labels?.kind,
    ).toBe("values");
  });

  test("one per pixel, with a label that does not count", () => {
    const labels = tensor("uint8", [3, 1, 2], Uint8Array.of(0, 255, 1, 1, 2, 255));
    const dataset = datasetFromArrays({ inputs, labels }, { ignoreLabel: 255 });
    expect(dataset.labels).toEqual({
      kind: "classes",
      shape: [1, 2],
      values: Int32Array.of(0, -1, 1, 1, 2, -1),
    });
    expect(classesSeen(dataset.labels!)).toBe(3);
    expect(take(dataset, [2]).labels?.values).toEqual(Int32Array.of(2, -1));
  });

  test.each([
    ["negative", int64([3], [0, -1, 1]), {}],
    ["fractional", floats(0, 0.5, 1), { labelsAs: "classes" }],
    ["NaN", floats(0, Number.NaN, 1), {}],
  ] as const)("%s labels are refused", (_name, labels, options) => {
    expect(codeOf(() => datasetFromArrays({ inputs, labels }, options))).toBe("labels-invalid");
  });

  test("are checked against the classes of the model", () => {
    const dataset = datasetFromArrays({ inputs, labels: classesOf(0, 9, 3), name: "d.npy" });
    expect(classLabels(dataset, 10)).toEqual(Int32Array.of(0, 9, 3));
    expect(() => classLabels(dataset, 9)).toThrow(
      "d.npy: label 9 of example 1 is not one of the model's 9 classes",
    );
    expect(codeOf(() => classLabels(datasetFromArrays({ inputs }), 10))).toBe("labels-missing");
    expect(codeOf(() => classLabels(datasetFromArrays({ inputs, labels: floats(1, 2, 3) }), 10))).toBe(
      "labels-invalid",
    );
  });
});

test.each([
  ["no examples", () => datasetFromArrays({ inputs: bytes(0, 3) }), "data-empty"],
  ["examples without elements", () => datasetFromArrays({ inputs: bytes(3, 0) }), "data-empty"],
  ["no inputs", () => datasetFromArrays({ inputs: {} }), "data-empty"],
  [
    "fewer labels",
    () => datasetFromArrays({ inputs: bytes(3, 2), labels: classesOf(0, 1) }),
    "data-counts-differ",
  ],
  [
    "unequal inputs",
    () => datasetFromArrays({ inputs: { a: bytes(3, 2), b: bytes(2, 2) } }),
    "data-counts-differ",
  ],
  ["a scalar", () => datasetFromArrays({ inputs: float32([], [1]) }), "data-counts-differ"],
  ["NaN", () => datasetFromArrays({ inputs: float32([2, 1], [0, Number.NaN]) }), "data-not-finite"],
  [
    "infinity in 16 bits",
    () => datasetFromArrays({ inputs: tensor("float16", [1, 1], Uint16Array.of(0x7c00)) }),
    "data-not-finite",
  ],
  ["pixel scale 0", () => datasetFromArrays({ inputs: bytes(2, 3) }, { pixelScale: 0 }), "invalid-option"],
  ["std 0", () => datasetFromArrays({ inputs: bytes(2, 3) }, { std: [1, 0, 1] }), "invalid-option"],
  [
    "two means for three channels",
    () => datasetFromArrays({ inputs: bytes(2, 3, 4, 4) }, { mean: [0, 0] }),
    "invalid-option",
  ],
  ["limit 0", () => datasetFromArrays({ inputs: bytes(2, 3) }, { limit: 0 }), "invalid-option"],
] as const)("%s is refused", (_name, run, code) => {
  expect(codeOf(run)).toBe(code);
});

test("elements that do not fill the shape are the caller's mistake", () => {
  const inputs: Tensor = { dtype: "uint8", shape: [2, 3], data: new Uint8Array(5) };
  expect(() => datasetFromArrays({ inputs })).toThrow(RangeError);
});

describe("fingerprint", () => {
  const base = { inputs: bytes(4, 3), labels: classesOf(0, 1, 0, 1) };

  test("is a function of content, labels, preprocessing and selection, not of the name", () => {
    const variants = [
      datasetFromArrays(base),
      datasetFromArrays(base, { pixelScale: 255 }),
      datasetFromArrays(base, { mean: [0.5] }),
      datasetFromArrays(base, { layout: "nhwc" }),
      datasetFromArrays({ ...base, labels: classesOf(0, 1, 0, 2) }),
      datasetFromArrays({ inputs: base.inputs }),
      datasetFromArrays({ ...base, inputs: { ...base.inputs, shape: [4, 3, 1] } }),
      datasetFromArrays({ ...base, inputs: { x: base.inputs } }),
      take(datasetFromArrays(base), [0, 1]),
      take(datasetFromArrays(base), [1, 0]),
    ].map(({ fingerprint }) => fingerprint);
    expect(new Set(variants).size).toBe(variants.length);
    expect(variants[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(datasetFromArrays({ ...base, name: "elsewhere" }).fingerprint).toBe(variants[0]);
  });

  test("stays when the data are bound to a model", () => {
    const dataset = datasetFromArrays(base);
    expect(fitTo(dataset, ["N", 3], "x", "float32").fingerprint).toBe(dataset.fingerprint);
  });
});

describe("splits", () => {
  const labelled = fc
    .array(fc.nat(4), { minLength: 8, maxLength: 120 })
    .map((labels) => datasetFromArrays({ inputs: bytes(labels.length, 1), labels: classesOf(...labels) }));

  test("are disjoint, exact in size, the same for the same seed, and keep the classes in proportion", () => {
    fc.assert(
      fc.property(labelled, fc.integer(), (dataset, seed) => {
        const options = { seed, parts: { rank: 0.5, evaluate: 0.25 } };
        const parts = split(dataset, options);
        expect(parts.rank.length).toBe(Math.floor(dataset.size / 2));
        expect(parts.evaluate.length).toBe(Math.floor(dataset.size / 4));
        expect(new Set([...parts.rank, ...parts.evaluate]).size).toBe(
          parts.rank.length + parts.evaluate.length,
        );
        expect(split(dataset, options)).toEqual(parts);
        const labels = dataset.labels!.values;
        for (let c = 0; c < 5; c++) {
          const share = (labels.filter((label) => label === c).length * parts.rank.length) / dataset.size;
          const got = parts.rank.filter((example) => labels[example] === c).length;
          expect(Math.abs(got - share)).toBeLessThan(1);
        }
      }),
    );
  });

  test("another seed draws other examples", () => {
    const dataset = datasetFromArrays({ inputs: bytes(100, 1) });
    const [a, b] = [1, 2].map((seed) => split(dataset, { seed, parts: { rank: 50 } }).rank);
    expect(a).not.toEqual(b);
  });

  test.each([
    [{ a: 0.6, b: 0.6 }],
    [{ a: 0 }],
    [{ a: 0.01 }],
    [{ a: 8, b: 3 }],
    [{ a: 2.5 }],
    [{ a: Number.NaN }],
    [{ a: -1 }],
  ])("%j of ten examples is refused", (parts) => {
    const dataset = datasetFromArrays({ inputs: bytes(10, 1) });
    expect(codeOf(() => split<string>(dataset, { seed: 0, parts: { ...parts } }))).toBe("invalid-option");
  });

  test("a limit keeps the proportions of sorted data, unless the first examples are asked for", () => {
    const labels = classesOf(...Array.from({ length: 40 }, (_, k) => Math.floor(k / 10)));
    const arrays = { inputs: bytes(40, 1), labels };
    const drawn = datasetFromArrays(arrays, { limit: 8 });
    expect([...drawn.labels!.values]).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    const first = datasetFromArrays(arrays, { limit: 8, limitBy: "first" });
    expect([...first.rows]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(datasetFromArrays(arrays, { limit: 100 }).size).toBe(40);
  });

  test("one pass visits every example once, in an order set by seed and epoch", () => {
    const pass = (options: object): number[] =>
      [...batches(25, { size: 10, ...options })].flatMap((some) => [...some]);
    expect(pass({})).toEqual(Array.from({ length: 25 }, (_, k) => k));
    expect(pass({ seed: 1 })).toEqual(pass({ seed: 1 }));
    expect(pass({ seed: 1 })).not.toEqual(pass({ seed: 1, epoch: 1 }));
    expect(pass({ seed: 1 }).sort((a, b) => a - b)).toEqual(pass({}));
    expect([...batches(25, { size: 10 })].map((some) => some.length)).toEqual([10, 10, 5]);
  });
});
