/** @file Times by kernel: what the runtime's profiler writes, and what is read from it. */
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { noise, tinyClassifier } from "../../../test/helpers/tiny-classifier.ts";
import { kernelTimes } from "./kernel-times.ts";
import { profileModels } from "./profile.ts";

const node = (name: string, ts: number, dur: number, op = "Conv") => ({
  cat: "Node",
  name: `${name}_kernel_time`,
  ts,
  dur,
  args: { op_name: op },
});
const run = (ts: number, dur: number) => ({ cat: "Session", name: "model_run", ts, dur });

test("kernels are told run by run, in milliseconds, without the runs for warming up", () => {
  const trace = [
    run(0, 100),
    node("a", 10, 90),
    run(200, 100),
    node("b", 260, 30, "Relu"),
    node("a", 210, 40),
    run(400, 100),
    node("a", 410, 20),
    node("a", 440, 5), // twice in a run, as in the body of a loop
    { cat: "Node", name: "a_fence_before", ts: 405, dur: 1 },
    node("outside", 700, 5),
  ];
  const [a, b, ...others] = kernelTimes(JSON.stringify(trace), 1);
  expect(others).toEqual([]);
  expect(a).toEqual({ name: "a", opType: "Conv", ms: Float64Array.of(0.04, 0.025) });
  expect(b).toEqual({ name: "b", opType: "Relu", ms: Float64Array.of(0.03, 0) });
});

test("models are profiled in turns, and no trace is left behind", async () => {
  const model = tinyClassifier();
  const feeds = { x: noise([2, 1, 6, 6]) };
  const [one, other] = await profileModels([model, model], {
    feeds,
    options: { threads: 1 },
    warmup: 1,
    runs: 3,
  });
  const operators = one!.map(({ opType }) => opType);
  expect(other!.map(({ opType }) => opType)).toEqual(operators);
  expect(operators.filter((opType) => opType === "Conv")).toHaveLength(2);
  for (const { ms } of one!) {
    expect(ms).toHaveLength(3);
    expect(ms.every((time) => time >= 0)).toBe(true);
  }
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith("shapley-pruner-profile-"))).toEqual([]);
});

test("a model the runtime refuses is told as such", async () => {
  const model = tinyClassifier();
  const job = profileModels([model], { feeds: {}, options: {}, warmup: 0, runs: 1 });
  await expect(job).rejects.toMatchObject({ code: "feed-mismatch" });
});
