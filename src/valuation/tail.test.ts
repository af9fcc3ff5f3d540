import { describe, expect, test } from "vitest";
import { networks } from "../../test/helpers/networks.ts";
import { freeGroups, randomPlan } from "../../test/helpers/random-plan.ts";
import { sharedModel, sharedModelNames } from "../../test/helpers/shared.ts";
import { expectSameOutputs, maskFeeds, randomFeeds } from "../../test/helpers/slicing-property.ts";
import { isProblem } from "../base/problem.ts";
import { analyzeChannels, type ChannelAnalysis } from "../channels/groups.ts";
import { openBytes } from "../engine/ort/direct.ts";
import { checkGraph } from "../graph/check.ts";
import type { Model } from "../graph/model.ts";
import { stream } from "../math/random.ts";
import { readModelFile } from "../onnx/read.ts";
import { encodeModel } from "../onnx/write.ts";
import { insertMasks } from "../passes/insert-masks.ts";
import { type Tensor, takeAlong } from "../tensor/tensor.ts";
import { cutTail } from "./tail.ts";

type Feeds = Readonly<Record<string, Tensor>>;

async function run(model: Model, feeds: Feeds): Promise<Record<string, Tensor>> {
  const session = await openBytes(encodeModel(checkGraph(model)));
  const inputs = model.graph.inputs.map(({ name }) => [name, feeds[name]!] as const);
  const outputs = await session.run(Object.fromEntries(inputs));
  await session.close();
  return outputs;
}

/** Runs prefix, then tail with another mask in each row, and holds both against the whole masked network row by row. */
async function compare(analysis: ChannelAnalysis, group: number): Promise<void> {
  const output = analysis.model.graph.outputs.at(-1);
  const { prefix, tail, cached } = cutTail(analysis, [group], output!.name);
  const feeds = randomFeeds(analysis.model, stream(1, 0));
  const rows = Object.values(feeds)[0]!.shape[0]!;
  const values: Feeds = { ...feeds, ...(prefix === undefined ? {} : await run(prefix, feeds)) };
  for (const name of cached) expect(values[name]!.shape[0], name).toBe(rows);
  const plans = Array.from({ length: rows }, (_, row) => randomPlan(analysis, 0.5, stream(row, 9)));
  const masks = plans.map((plan) => maskFeeds(analysis, [group], plan));
  const [mask] = Object.keys(masks[0]!);
  const stacked = stack(masks.map((own) => own[mask!]!));
  const together = await run(tail, { ...values, [mask!]: stacked });
  const whole = insertMasks(analysis, [group]);
  for (let row = 0; row < rows; row++) {
    const one = (feed: Feeds) =>
      Object.fromEntries(Object.entries(feed).map(([name, value]) => [name, takeAlong(value, 0, [row])]));
    const wanted = await run(whole, { ...one(feeds), ...masks[row]! });
    const got = { [output!.name]: takeAlong(together[output!.name]!, 0, [row]) };
    expectSameOutputs(got, { [output!.name]: wanted[output!.name]! }, 1e-5);
  }
}

function stack(parts: readonly Tensor[]): Tensor {
  const columns = parts[0]!.shape[1]!;
  const data = new Float32Array(parts.length * columns);
  for (const [row, part] of parts.entries()) data.set(part.data as Float32Array, row * columns);
  return { dtype: "float32", shape: [parts.length, columns], data };
}

describe("prefix and tail together are the masked network, with a mask of its own in every row", () => {
  const suited = networks.filter(({ name }) => !/float16|branch|size with an open batch/.test(name));
  test.each(suited)("$name", async ({ build }) => {
    const analysis = analyzeChannels(build());
    const several = freeGroups(analysis).filter((group) => analysis.groups[group]!.channels > 1);
    for (const group of several) await compare(analysis, group);
  });

  const shared = sharedModelNames().filter((name) => name.startsWith("zoo/") || name.includes("lenet"));
  test.skipIf(shared.length === 0).each(shared)(
    "%s (skipped without ../shared beside the repository)",
    async (name) => {
      const analysis = analyzeChannels(await readModelFile(sharedModel(name).path!));
      const free = freeGroups(analysis);
      for (const group of new Set([free[0]!, free.at(-1)!])) await compare(analysis, group);
    },
  );
});

test("a group read where the batch is not first is refused", () => {
  const { build } = networks.find(({ name }) => name === "a chain of convolutions")!;
  const analysis = analyzeChannels(build(), { inputShapes: new Map([["x", [2, 3, 6, 6]]]) });
  try {
    cutTail(analysis, [0], "out_out");
    expect.unreachable();
  } catch (error) {
    expect(isProblem(error, "group-not-maskable")).toBe(true);
  }
});
