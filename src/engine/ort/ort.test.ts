import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../../test/helpers/build.ts";
import type { Model } from "../../graph/model.ts";
import { encodeModel } from "../../onnx/write.ts";
import { arrayTypes, type DType } from "../../tensor/dtype.ts";
import { float32, fromNumbers, type Tensor } from "../../tensor/tensor.ts";
import { openBytes } from "./direct.ts";
import { openInWorker, ortEngine } from "./engine.ts";
import { checkProviders, type Ort } from "./load.ts";

function dense(): { model: Model; y: string } {
  const g = graphBuilder();
  const hidden = g.node("Relu", [g.node("MatMul", [g.input("x", ["N", 16]), g.weight([16, 64])])]);
  const y = g.node("MatMul", [hidden, g.weight([64, 10])]);
  g.output(y, ["N", 10]);
  return { model: g.build(), y };
}

function rows(count: number): Tensor {
  return float32(
    [count, 16],
    Float32Array.from({ length: count * 16 }, (_, k) => Math.sin(k)),
  );
}

test("several threads with a session each give the same bits as the calling thread", async () => {
  const { model, y } = dense();
  const here = await ortEngine.open(model);
  const there = await Promise.all(Array.from({ length: 4 }, () => openInWorker(model)));
  for (const count of [1, 7, 64]) {
    const expected = (await here.run({ x: rows(count) }))[y]!;
    const results = await Promise.all(there.map((session) => session.run({ x: rows(count) })));
    for (const result of results) expect(result[y]).toEqual(expected);
  }
  await Promise.all([here, ...there].map((session) => session.close()));
});

test("a session in a thread leaves the event loop free", async () => {
  const g = graphBuilder();
  const x = g.input("x", [600, 600]);
  const y = Array.from({ length: 20 }).reduce<string>((value) => g.node("MatMul", [value, x]), x);
  g.output(y, [600, 600]);
  const session = await openInWorker(g.build());
  const running = session.run({ x: fromNumbers("float32", [600, 600], new Float64Array(360_000)) });
  let done = false;
  void running.then(() => {
    done = true;
  });
  await sleep(1);
  expect(done).toBe(false);
  await running;
  await session.close();
});

const dtypes = Object.keys(arrayTypes).filter((dtype) => dtype !== "bfloat16") as DType[];
test.each(dtypes)("%s travels in and out unchanged", async (dtype) => {
  const g = graphBuilder();
  g.output(g.node("Identity", [g.input("x", [3], dtype)]), [3], dtype);
  const session = await ortEngine.open(g.build());
  const x = fromNumbers(dtype, [3], [1, 0, 1]);
  const results = await session.run({ x });
  expect(Object.values(results)).toEqual([x]);
  await session.close();
});

test("an input whose rank the file leaves open takes any shape", async () => {
  const g = graphBuilder();
  g.output(g.node("Relu", [g.input("x")]));
  const session = await ortEngine.open(g.build());
  for (const shape of [[], [3], [1, 2]]) {
    const x = fromNumbers("float32", shape, new Float64Array(shape.reduce((a, b) => a * b, 1)).fill(1));
    expect(Object.values(await session.run({ x }))).toEqual([x]);
  }
  await session.close();
});

test("feeds and models over shared memory are accepted", async () => {
  const { model, y } = dense();
  const plain = rows(2);
  const data = new Float32Array(new SharedArrayBuffer(plain.data.byteLength));
  data.set(plain.data as Float32Array);
  const session = await ortEngine.open(model);
  expect((await session.run({ x: { ...plain, data } }))[y]).toEqual((await session.run({ x: plain }))[y]);
  await session.close();
});

describe("failures have codes, in a thread as well", () => {
  const bytes = encodeModel(dense().model);

  test("a provider that this build lacks lists those it has", async () => {
    const expected = { code: "provider-unavailable", data: { provider: "abacus" } };
    await expect(openBytes(bytes, { providers: ["abacus"] })).rejects.toMatchObject(expected);
    await expect(openInWorker(dense().model, { providers: ["abacus"] })).rejects.toMatchObject(expected);
    const ort = { listSupportedBackends: () => [{ name: "cpu", bundled: true }] } as unknown as Ort;
    expect(() => checkProviders(ort, ["webgpu"])).toThrow(/Available: cpu/);
  });

  test("bytes that are no model", async () => {
    await expect(openBytes(bytes.subarray(0, 40))).rejects.toMatchObject({ code: "engine-failed" });
  });

  test("feeds that do not fit name the input", async () => {
    const session = await openBytes(bytes);
    const wrong = { code: "feed-mismatch", data: { input: "x" } };
    await expect(session.run({})).rejects.toMatchObject(wrong);
    await expect(session.run({ x: float32([2, 3], [1, 2, 3, 4, 5, 6]) })).rejects.toMatchObject(wrong);
    await expect(
      session.run({ x: fromNumbers("float64", [1, 16], new Float64Array(16)) }),
    ).rejects.toMatchObject(wrong);
    await expect(session.run({ x: rows(1), z: rows(1) })).rejects.toMatchObject({ data: { input: "z" } });
    await session.close();
    await expect(session.run({ x: rows(1) })).rejects.toMatchObject({ code: "engine-failed" });
  });
});
