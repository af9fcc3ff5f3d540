/** @file onnxruntime's GroupNorm, for which its CPU build has no kernel: told by what the standard operator computes. */
import { describe, expect, test } from "vitest";
import { float, graphBuilder } from "../../../test/helpers/build.ts";
import { normalTensor } from "../../../test/helpers/normal-tensor.ts";
import { expectSameOutputs, maskFeeds } from "../../../test/helpers/slicing-property.ts";
import type { GroupedCut } from "../../channels/grouped-cuts.ts";
import { analyzeChannels } from "../../channels/groups.ts";
import { openBytes } from "../../engine/ort/direct.ts";
import { checkGraph } from "../../graph/check.ts";
import type { Model } from "../../graph/model.ts";
import { encodeModel } from "../../onnx/write.ts";
import { insertMasks } from "../../passes/insert-masks.ts";
import { sliceModel } from "../../surgery/slice.ts";

const domain = "com.microsoft";
const feeds = { x: normalTensor([2, 3, 4, 4], 1) };

/** A convolution, a norm of eight channels in groups with an activation behind it, and a convolution. */
function network(groups: number, { last = true, kind = "GroupNorm" } = {}): Model {
  const g = graphBuilder();
  const weight = (name: string, shape: readonly number[]) => g.weight(shape, undefined, { name });
  const front = g.node("Conv", [g.input("x", ["N", 3, 4, 4]), weight("front.weight", [8, 3, 3, 3])]);
  const parameters = [weight("gamma", [8]), weight("beta", [8])];
  const epsilon = float(1e-3);
  const turned = (x: string, perm: readonly number[]) => (last ? g.node("Transpose", [x], { perm }) : x);
  const contrib = (x: string) =>
    g.node(
      "GroupNorm",
      [x, ...parameters],
      { groups, epsilon, activation: 1, channels_last: last ? 1 : 0 },
      { domain },
    );
  const standard = (x: string) => {
    const normal = g.node("GroupNormalization", [x, ...parameters], { num_groups: groups, epsilon });
    return g.node("Mul", [normal, g.node("Sigmoid", [normal])]);
  };
  const inner =
    kind === "GroupNorm" ? turned(contrib(turned(front, [0, 2, 3, 1])), [0, 3, 1, 2]) : standard(front);
  g.output(g.node("Conv", [inner, weight("back.weight", [2, 8, 1, 1])]), ["N", 2, 2, 2]);
  return g.build({ opset: 21, opsets: { [domain]: 1 } });
}

async function outputsOf(
  model: Model,
  own: Parameters<typeof maskFeeds>[2] | undefined,
  groupedCut: GroupedCut,
) {
  const analysis = analyzeChannels(model, { groupedCut });
  const masked = own === undefined ? model : insertMasks(analysis, [0]);
  const session = await openBytes(encodeModel(checkGraph(masked)), { optimization: "off" });
  const outputs = await session.run({ ...feeds, ...(own && maskFeeds(analysis, [0], own)) });
  await session.close();
  return { output: Object.values(outputs)[0]! };
}

describe.each([true, false])("channels last: %s", (last) => {
  test.each([
    [4, "equal", 8, 2],
    [4, "blocks", 4, undefined],
    [1, "equal", 8, undefined],
    [8, "equal", 8, undefined],
  ] as const)("%i groups, %s: %i players", (groups, groupedCut, players, each) => {
    const [front] = analyzeChannels(network(groups, { last }), { groupedCut }).groups;
    expect(front!.channels).toBe(players);
    expect(front!.blockOf?.filter((block) => block === 0).length).toBe(each);
  });

  test.each([
    [4, "equal", [1, 1, 0, 1, 1, 0, 1, 1]],
    [1, "equal", [1, 0, 0, 1, 1, 0, 1, 1]],
  ] as const)("%i groups under a mask", async (groups, groupedCut, mask) => {
    const masks = [Uint8Array.from(mask), new Uint8Array(0)];
    const own = await outputsOf(network(groups, { last }), masks, groupedCut);
    const wanted = await outputsOf(network(groups, { kind: "standard" }), masks, groupedCut);
    expectSameOutputs(own, wanted, 1e-5);
  });

  test("a slice has the groups that are left", () => {
    const analysis = analyzeChannels(network(4, { last }), { groupedCut: "blocks" });
    const { graph } = sliceModel(analysis, [Uint8Array.of(1, 0, 1, 1), new Uint8Array(0)]);
    const norm = graph.nodes.find(({ opType }) => opType === "GroupNorm")!;
    expect(norm.attributes.get("groups")).toEqual({ kind: "int", value: 3 });
    expect(graph.initializers.get("gamma")!.shape).toEqual([6]);
  });
});
