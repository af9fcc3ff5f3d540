/** @file What grouped convolutions lose, chosen by measuring. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type GraphBuilder, graphBuilder } from "../../test/helpers/build.ts";
import { command, documentOf, temporaryFolder } from "../../test/helpers/command.ts";
import { noise } from "../../test/helpers/tiny-classifier.ts";
import type { PrunePlan } from "../channels/plan.ts";
import { intAttribute } from "../graph/attributes.ts";
import type { Model } from "../graph/model.ts";
import { normal, stream } from "../math/random.ts";
import { readModelFile } from "../onnx/read.ts";
import { wantedShare } from "./grouped-trial.ts";
import type { PruneResult } from "./prune-result.ts";

/** A convolution whose weights, drawn at random, are zero where `isDead` says so. */
function convolution(
  g: GraphBuilder,
  x: string,
  name: string,
  {
    shape,
    group = 1,
    isDead,
  }: {
    readonly shape: readonly number[];
    readonly group?: number;
    readonly isDead: (out: number) => boolean;
  },
): string {
  const draw = stream(shape[1]! + name.length, 1);
  const [outputs, inputs] = shape as [number, number];
  const positions = shape.slice(2).reduce((product, size) => product * size, 1);
  const values = Float64Array.from({ length: outputs * inputs * positions }, (_, k) => {
    const value = Math.abs(normal(draw)) / 4 + 0.1;
    return isDead(Math.floor(k / (inputs * positions))) ? 0 : value;
  });
  const half = shape.slice(2).map((size) => (size - 1) / 2);
  return g.node(
    "Conv",
    [x, g.weight(shape, values, { name: `${name}.weight` })],
    { group, pads: [...half, ...half] },
    { name },
  );
}

/**
 * Two grouped convolutions of four blocks. The last two blocks of "first" make nothing, so they can go whole; in "second"
 * every other channel of each block carries nothing.
 */
function twoKinds(): Model {
  const g = graphBuilder();
  const late = (out: number) => out >= 4;
  const odd = (out: number) => out % 2 === 1;
  const x = g.input("x", ["N", 3, 5, 5]);
  let y = g.node("Relu", [convolution(g, x, "stem", { shape: [8, 3, 3, 3], isDead: late })]);
  y = g.node("Relu", [convolution(g, y, "first", { shape: [8, 2, 3, 3], group: 4, isDead: late })]);
  y = g.node("Relu", [convolution(g, y, "mix", { shape: [8, 8, 1, 1], isDead: odd })]);
  y = g.node("Relu", [convolution(g, y, "second", { shape: [8, 2, 3, 3], group: 4, isDead: odd })]);
  y = convolution(g, y, "head", { shape: [3, 8, 1, 1], isDead: () => false });
  g.output(g.node("Flatten", [g.node("GlobalAveragePool", [y])]), ["N", 3]);
  return g.build();
}

const folder = temporaryFolder();
const model = folder.model("kinds.onnx", twoKinds());
const data = ["--data", folder.npy("x.npy", noise([40, 3, 5, 5])), "--no-labels"];
const bare = ["--no-latency", "--workers", 1, "--quiet"];

const prune = (argv: readonly (string | number)[], out: string) =>
  documentOf<PruneResult>(["prune", model, ...argv, "--out", folder.file(out), ...bare]);

const auto = [...data, "--grouped", "auto", "--criterion", "l1", "--target-macs", "70%"];

test("each layer loses what costs the network less", async () => {
  const { grouped, reached } = await prune(auto, "auto.onnx");
  expect(reached).toBe(true);
  expect(grouped!.map(({ layer, blocks, cut }) => [layer, blocks, cut])).toEqual([
    ["first", 4, "blocks"],
    ["second", 4, "equal"],
  ]);
  const [first, second] = grouped!.map(({ trial }) => trial!);
  expect(first!.payoffBlocks).toBeCloseTo(0, 6); // as far from the original as the original is
  expect(first!.payoffEqual).toBeLessThan(-1e-6);
  expect(second!.payoffBlocks).toBeLessThan(second!.payoffEqual);
});

test("the plan knows which layers lose whole blocks, and gives the same model", async () => {
  await prune([...auto, "--no-repair", "--save-plan", folder.file("plan.json")], "first.onnx");
  const plan = JSON.parse(readFileSync(folder.file("plan.json"), "utf8")) as PrunePlan;
  expect(plan.wholeBlocks).toEqual(["first"]);
  const again = await prune(["--plan", folder.file("plan.json")], "again.onnx");
  expect(again.grouped).toBeNull();
  expect(readFileSync(folder.file("again.onnx"))).toEqual(readFileSync(folder.file("first.onnx")));
});

test("rounds keep the choice of the first, down to a single block and a single channel of each", async () => {
  const deep = [...data, "--grouped", "auto", "--keep", "0.2", "--criterion", "l1", "--steps", 3];
  const result = await prune(deep, "deep.onnx");
  expect(result).toMatchObject({ reached: true, steps: 3 });
  expect(result.grouped!.map(({ cut }) => cut)).toEqual(["blocks", "equal"]);
  const { graph } = await readModelFile(folder.file("deep.onnx"));
  const left = (name: string) => {
    const node = graph.nodes.find((one) => one.name === name)!;
    return [intAttribute(node, "group", 1), ...graph.initializers.get(node.inputs[1]!)!.shape];
  };
  expect(left("first")).toEqual([1, 2, 2, 3, 3]);
  expect(left("second")).toEqual([4, 4, 1, 3, 3]);
});

test("a layer that was not selected is left as it is, with the reason", async () => {
  const { grouped } = await prune(
    [...data, "--grouped", "auto", "--budget", "200", "--keep", 0.5, "--only", "mix,second"],
    "some.onnx",
  );
  expect(grouped![0]).toMatchObject({ layer: "first", cut: "equal", trial: null });
  expect(grouped![0]!.reason).toContain("not selected");
  expect(grouped![1]!.trial).not.toBeNull();
});

test("it takes data, and neither a plan nor scores", async () => {
  const bareAuto = ["prune", model, "--grouped", "auto", "--out", folder.file("none.onnx"), ...bare];
  const without = await command([...bareAuto, "--criterion", "l1", "--keep", 0.5]);
  expect(without).toMatchObject({ code: 2, err: expect.stringContaining("needs --data") });
  const planned = await command([...bareAuto, ...data, "--plan", folder.file("plan.json")]);
  expect(planned).toMatchObject({ code: 2, err: expect.stringContaining("leave out --plan") });
});

test("the share to try follows the budget", () => {
  const original = { macs: 1000, parameters: 100 };
  expect(wantedShare({ scope: "global", targetMacs: { ratio: 0.7 } }, original)).toBeCloseTo(0.3);
  expect(
    wantedShare(
      { scope: "global", targetMacs: { ratio: 0.7 }, targetParameters: { absolute: 20 } },
      original,
    ),
  ).toBeCloseTo(0.8);
  expect(wantedShare({ scope: "global", keep: 0.6 }, original)).toBeCloseTo(0.4);
  expect(wantedShare({ scope: "global", keep: 0.2, maxRatio: 0.5 }, original)).toBe(0.5);
  expect(wantedShare({ scope: "global" }, original)).toBe(0.5);
});
