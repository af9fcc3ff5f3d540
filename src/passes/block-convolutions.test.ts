import { afterAll, beforeAll, expect, test } from "vitest";
import { type GraphBuilder, graphBuilder } from "../../test/helpers/build.ts";
import { normalTensor } from "../../test/helpers/normal-tensor.ts";
import type { Model } from "../graph/model.ts";
import { type Tensor, toNumbers } from "../tensor/tensor.ts";
import { channelBlockOf } from "../valuation/channel-block.ts";
import { engineOver, type Runner, startRunner } from "../valuation/runner.ts";
import { blockConvolutions, blockedDomain } from "./block-convolutions.ts";

let runner: Runner;
beforeAll(async () => {
  runner = await startRunner({ workers: 1 });
});
afterAll(() => runner.close());

type Attributes = Readonly<Record<string, number | readonly number[]>>;

/** A convolution whose weights are an input. */
function convolution(
  shape: readonly number[],
  attributes: Attributes,
  wrap = (_: GraphBuilder, y: string) => y,
) {
  const g = graphBuilder();
  const group = typeof attributes["group"] === "number" ? attributes["group"] : 1;
  const x = g.input("x", ["N", shape[1]! * group, 7, 9]);
  const inputs = [x, g.input("w", shape), g.input("b", [shape[0]!])];
  g.output(wrap(g, g.node("Conv", inputs, attributes)));
  const feeds = {
    x: normalTensor([3, shape[1]! * group, 7, 9], 1),
    w: normalTensor(shape, 2),
    b: normalTensor([shape[0]!], 3),
  };
  return { model: g.build({ opset: 18 }), feeds };
}

async function outputOf(model: Model, feeds: Readonly<Record<string, Tensor>>): Promise<Tensor> {
  const results = await (await engineOver(runner).open(model)).run(feeds);
  return results[model.graph.outputs[0]!.name]!;
}

const isBlocked = ({ graph }: Model) => graph.nodes.some(({ domain }) => domain === blockedDomain);

test.each<{ name: string; shape: readonly number[]; attributes: Attributes }>([
  { name: "3x3, same size", shape: [32, 16, 3, 3], attributes: { pads: [1, 1, 1, 1] } },
  {
    name: "strided, padded on one side",
    shape: [16, 48, 3, 2],
    attributes: { pads: [0, 1, 2, 0], strides: [2, 3] },
  },
  { name: "dilated", shape: [16, 16, 3, 3], attributes: { dilations: [2, 3] } },
  { name: "pointwise", shape: [48, 32, 1, 1], attributes: {} },
])("blocked convolutions compute the same: $name", async ({ shape, attributes }) => {
  const { model, feeds } = convolution(shape, attributes, (g, y) => g.node("Relu", [y]));
  const block = await channelBlockOf(runner);
  const blocked = blockConvolutions(model, block);
  expect(isBlocked(blocked)).toBe(block > 1);
  const [ours, plain] = [await outputOf(blocked, feeds), await outputOf(model, feeds)];
  expect(ours.shape).toEqual(plain.shape);
  const [a, b] = [toNumbers(ours), toNumbers(plain)];
  expect(b.reduce((worst, y, k) => Math.max(worst, Math.abs(y - a[k]!)), 0)).toBeLessThan(1e-4);
});

test("channels that fill no whole block, groups and constant weights stay as they are", () => {
  const plain = convolution([32, 16, 3, 3], {}).model;
  expect(isBlocked(blockConvolutions(plain, 16))).toBe(true);
  expect(blockConvolutions(plain, 1)).toBe(plain);
  expect(isBlocked(blockConvolutions(convolution([32, 12, 3, 3], {}).model, 16))).toBe(false);
  expect(isBlocked(blockConvolutions(convolution([20, 16, 3, 3], {}).model, 16))).toBe(false);
  expect(isBlocked(blockConvolutions(convolution([32, 16, 3, 3], { group: 2 }).model, 16))).toBe(false);
  const g = graphBuilder();
  g.output(g.node("Conv", [g.input("x", ["N", 16, 4, 4]), g.weight([16, 16, 3, 3])]));
  expect(isBlocked(blockConvolutions(g.build({ opset: 18 }), 16))).toBe(false);
});

test("other execution providers have no blocks", async () => {
  expect(await channelBlockOf({ ...runner, providers: ["cuda", "cpu"] })).toBe(1);
});
