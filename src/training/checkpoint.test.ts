/** @file Checkpoints come back bit for bit, or are refused with a reason. */
import { createHash } from "node:crypto";
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isProblem, type ProblemCode } from "../base/problem.ts";
import { stream, uniform } from "../math/random.ts";
import { averageFrom, updateAverage } from "./average.ts";
import { type RunIdentity, readCheckpoint, type TrainingState, writeCheckpoint } from "./checkpoint.ts";
import { clipByNorm } from "./clip.ts";
import { nothingObserved, observe } from "./early-stopping.ts";
import { nothingWatched, watchLoss } from "./loss-watch.ts";
import { copyOf, type NamedArrays } from "./named-arrays.ts";
import { defineOptimizer } from "./optimizers/index.ts";
import { parseSchedule } from "./parse-schedule.ts";
import { learningRateAt } from "./schedules.ts";
import { readTensorFile, type StoredArray, writeTensorFile } from "./tensor-file.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "checkpoint-"));
});
afterAll(() => rm(folder, { recursive: true }));

const identity: RunIdentity = { model: "abc", data: "def", "learning rate": 0.1, nesterov: true };

const arrays = (...values: number[]): NamedArrays =>
  new Map([
    ["conv.weight", Float32Array.from(values)],
    ["fc/bias", new Float32Array(0)],
    ["__proto__", Float32Array.of(Number.NaN, -0, Number.NEGATIVE_INFINITY)],
  ]);

const full: TrainingState<{ loss: number[] }> = {
  step: 1234,
  parameters: arrays(1, 2, 3),
  statistics: new Map([["bn.mean", Float32Array.of(0.1, 1e-40)]]),
  optimizer: {
    steps: 1200,
    slots: new Map([
      ["firstMoment", arrays(4)],
      ["secondMoment", arrays(5, 6)],
    ]),
  },
  average: { updates: 1100, arrays: arrays(7) },
  best: { parameters: arrays(8), statistics: arrays(9) },
  stopping: { best: { value: 0.123456789, at: 3 }, waited: 2 },
  watch: { steps: 1234, start: 2.3, average: 0.2, best: 0.1, high: 0 },
  history: { loss: [2.3, 1 / 3, 0.1] },
};
const bare: typeof full = {
  ...full,
  optimizer: { steps: 0, slots: new Map() },
  average: undefined,
  best: undefined,
  stopping: { best: undefined, waited: 0 },
};

async function codeOf(work: Promise<unknown>): Promise<[ProblemCode, string] | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (!isProblem(error)) throw error;
    return [error.code, error.message];
  }
}

test.each([
  ["full", full],
  ["bare", bare],
])("a %s state comes back bit for bit, and twice the same bytes are written", async (name, state) => {
  const path = join(folder, name);
  await writeCheckpoint(path, identity, state);
  const bytes = await readFile(path);
  const { state: back } = await readCheckpoint<{ loss: number[] }>(path, identity);
  expect(back).toEqual(state);
  expect([...back.parameters.keys()]).toEqual([...state.parameters.keys()]); // order decides sums such as the norm
  await writeCheckpoint(path, identity, back);
  expect((await readFile(path)).equals(bytes)).toBe(true);
});

test("arrays in shared memory can be written", async () => {
  const shared = new Float32Array(new SharedArrayBuffer(8));
  shared.set([1, 2]);
  const path = join(folder, "shared");
  await writeCheckpoint(path, identity, { ...bare, parameters: new Map([["w", shared]]) });
  expect((await readCheckpoint(path, identity)).state.parameters).toEqual(
    new Map([["w", Float32Array.of(1, 2)]]),
  );
});

test("the file is what other readers of safetensors expect", async () => {
  const path = join(folder, "layout");
  const given = new Map<string, StoredArray>([
    ["bytes", Uint8Array.of(1, 2, 3)],
    ["doubles", Float64Array.of(0.5)],
    ["floats", Float32Array.of(1.5, -2)],
  ]);
  await writeTensorFile(path, "test 1", { facts: { é: "ü" }, arrays: given });
  const bytes = await readFile(path);
  const length = Number(bytes.readBigUInt64LE());
  expect(length % 8).toBe(0);
  const { __metadata__: metadata, ...entries } = JSON.parse(bytes.subarray(8, 8 + length).toString());
  expect(metadata).toEqual({ format: "test 1", facts: '{"é":"ü"}' });
  expect(entries).toEqual({
    doubles: { dtype: "F64", shape: [1], data_offsets: [0, 8] },
    floats: { dtype: "F32", shape: [2], data_offsets: [8, 16] },
    bytes: { dtype: "U8", shape: [3], data_offsets: [16, 19] },
    sha256: { dtype: "U8", shape: [32], data_offsets: [19, 51] },
  });
  expect(bytes.length).toBe(8 + length + 51);
  const body = bytes.subarray(0, -32);
  expect(createHash("sha256").update(body).digest().equals(bytes.subarray(-32))).toBe(true);
  expect(await readTensorFile(path, "test 1")).toEqual({ facts: { é: "ü" }, arrays: given });
});

/** Training of three weights on a bowl, from a state to step `end`; every part of the state has a say in the result. */
function advance(from: TrainingState<number[]>, end: number): TrainingState<number[]> {
  const optimizer = defineOptimizer({ kind: "adam", amsgrad: true });
  const { parameters, optimizer: memory, average, history } = from;
  let { best, stopping, watch } = from;
  for (let step = from.step; step < end; step++) {
    const random = stream(1, step);
    const gradients = new Map<string, Float32Array>();
    for (const [name, w] of parameters)
      gradients.set(
        name,
        w.map((x) => x - 1 + 0.1 * uniform(random)),
      );
    const loss = clipByNorm(gradients, 0.5);
    watch = watchLoss(watch, { step, loss }).state;
    history.push(loss);
    const learningRate = learningRateAt(parseSchedule("one-cycle"), 0.1, step, {
      totalSteps: 30,
      stepsPerEpoch: 5,
    });
    optimizer.step(parameters, gradients, memory, { learningRate, weightDecayOf: () => 0.01 });
    updateAverage(average!, parameters, 0.9);
    const verdict = observe(stopping, loss, step, { patience: 99, better: "lower" });
    stopping = verdict.state;
    if (verdict.isBest) best = { parameters: copyOf(parameters), statistics: new Map() };
  }
  return { ...from, step: end, best, stopping, watch };
}

function beginning(): TrainingState<number[]> {
  const parameters = new Map([["w", Float32Array.of(3, -2, 0.5)]]);
  return {
    step: 0,
    parameters,
    statistics: new Map(),
    optimizer: defineOptimizer({ kind: "adam", amsgrad: true }).init(new Map([["w", [3]]])),
    average: averageFrom(parameters),
    best: undefined,
    stopping: nothingObserved,
    watch: nothingWatched,
    history: [],
  };
}

test("a run interrupted anywhere ends with the same bytes", async () => {
  const [whole, resumed] = [join(folder, "whole"), join(folder, "resumed")];
  await writeCheckpoint(whole, identity, advance(beginning(), 30));
  for (const stop of [0, 1, 2, 13, 29]) {
    await writeCheckpoint(resumed, identity, advance(beginning(), stop));
    const { state } = await readCheckpoint<number[]>(resumed, identity);
    await writeCheckpoint(resumed, identity, advance(state, 30));
    expect((await readFile(resumed)).equals(await readFile(whole))).toBe(true);
  }
});

describe("refusals", () => {
  const path = (): string => join(folder, "good");
  beforeAll(() => writeCheckpoint(path(), identity, full));

  test.each<[RunIdentity, string]>([
    [{ ...identity, "learning rate": 0.2 }, "its learning rate is 0.1, this run has 0.2"],
    [{ ...identity, model: "xyz" }, "its model is abc, this run has xyz"],
    [{ ...identity, epochs: 3 }, "its epochs is not stated, this run has 3"],
    [{ model: "abc", data: "def", nesterov: true }, "its learning rate is 0.1, this run has none"],
  ])("another run's file", async (other, detail) => {
    const [code, message] = (await codeOf(readCheckpoint(path(), other)))!;
    expect(code).toBe("state-mismatch");
    expect(message).toContain(detail);
  });

  test("settings that may change are reported, all others still refused", async () => {
    const other = { ...identity, "learning rate": 0.2, clip: 1 };
    const { state, changes } = await readCheckpoint(path(), other, ["clip", "learning rate"]);
    expect(state).toEqual(full);
    expect(changes).toEqual([
      { setting: "learning rate", from: 0.1, to: 0.2 },
      { setting: "clip", from: null, to: 1 },
    ]);
    const refused = await codeOf(
      readCheckpoint(path(), { ...other, model: "xyz" }, ["clip", "learning rate"]),
    );
    expect(refused?.[1]).toContain("its model is abc");
  });

  test("any cut and any changed bit is found", async () => {
    const good = await readFile(path());
    const spoilt = join(folder, "spoilt");
    const spoil = fc.record({ at: fc.nat(good.length - 1), bit: fc.nat(7), cut: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(spoil, async ({ at, bit, cut }) => {
        const bytes = Buffer.from(cut ? good.subarray(0, at) : good);
        if (!cut) bytes[at] = bytes[at]! ^ (1 << bit);
        await writeFile(spoilt, bytes);
        expect((await codeOf(readCheckpoint(spoilt, identity)))?.[0]).toBe("checkpoint-damaged");
      }),
    );
  });

  test("files that are no checkpoints", async () => {
    const other = join(folder, "other");
    for (const content of ["", "hello", Buffer.alloc(100)]) {
      await writeFile(other, content);
      expect((await codeOf(readCheckpoint(other, identity)))?.[0]).toBe("checkpoint-damaged");
    }
    expect((await codeOf(readCheckpoint(join(folder, "missing"), identity)))?.[0]).toBe("file-not-found");
  });

  test("another format of a later version", async () => {
    const later = join(folder, "later");
    await writeTensorFile(later, "shapley-pruner checkpoint 2", { facts: [], arrays: new Map() });
    const [code, message] = (await codeOf(readCheckpoint(later, identity)))!;
    expect(code).toBe("checkpoint-version");
    expect(message).toContain("format shapley-pruner checkpoint 2");
  });

  test("a folder that is missing leaves nothing behind; a failed write leaves the old file", async () => {
    expect((await codeOf(writeCheckpoint(join(folder, "no", "file"), identity, full)))?.[0]).toBe(
      "file-unwritable",
    );
    const kept = join(folder, "kept");
    await copyFile(path(), kept);
    const broken = { ...full, history: { loss: [Number.NaN] } };
    await expect(writeCheckpoint(kept, identity, broken)).rejects.toThrow("which JSON cannot say");
    expect((await readCheckpoint(kept, identity)).state).toEqual(full);
    expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});
