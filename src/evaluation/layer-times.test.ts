/** @file Time by layer: every layer is found under whatever name the runtime runs it, and reasons follow from shapes. */
import { describe, expect, test } from "vitest";
import { architectures } from "../../test/helpers/architectures/index.ts";
import { randomPlan } from "../../test/helpers/random-plan.ts";
import { randomFeeds } from "../../test/helpers/slicing-property.ts";
import { macsByNode } from "../channels/cost.ts";
import { analyzeChannels } from "../channels/groups.ts";
import { nodeLabel } from "../graph/model.ts";
import { stream } from "../math/random.ts";
import { sliceModel } from "../surgery/slice.ts";
import { layerTimes } from "./layer-times.ts";
import { adviceFor, type Compared, laneOf, movingReason, slowReason, type Width } from "./slow-reason.ts";

const built = Object.values(architectures).flat();
const named = [
  "AlexNet",
  "ResNeXt",
  "MobileNet V2",
  "YOLO v5",
  "ViT with norms in pieces",
  "Keras, channels last",
  "half precision",
];

describe.each(named)("%s", (name) => {
  test("all arithmetic is found in the profile, before and after", async () => {
    const { build } = built.find((one) => one.name === name)!;
    const before = analyzeChannels(build());
    const after = analyzeChannels(sliceModel(before, randomPlan(before, 0.5, stream(2, 0))));
    const feeds = randomFeeds(before.model, stream(7, 0));
    const { layers, ms, batch } = await layerTimes(before, after, feeds, { batch: 3, threads: 1, runs: 2 });
    expect(batch).toBe(3);
    const macs = macsByNode(before);
    const wanted = before.model.graph.nodes.filter(({ outputs }) => macs.has(outputs[0]!)).map(nodeLabel);
    const found = new Map(layers.filter((layer) => layer.macs !== null).map((layer) => [layer.layer, layer]));
    expect([...found.keys()].sort()).toEqual(wanted.sort());
    const macsAfter = macsByNode(after);
    for (const node of before.model.graph.nodes.filter(({ outputs }) => macs.has(outputs[0]!)))
      expect(found.get(nodeLabel(node))!.macs).toEqual({
        before: macs.get(node.outputs[0]!),
        after: macsAfter.get(node.outputs[0]!),
      });
    expect(ms.before).toBeGreaterThan(0);
    for (const { faster, reason } of layers) expect(reason === null).toBe(faster);
  });
});

describe("reasons", () => {
  const { model } = { model: analyzeChannels(built[0]!.build()) };
  const node = model.model.graph.nodes.find(({ opType }) => opType === "Conv")!;
  const base: Compared = {
    node,
    macs: { before: 1000, after: 250 },
    width: { before: undefined, after: undefined },
    ms: { before: 1, after: 1 },
    totalMs: 2,
    original: model,
    lane: 8,
  };
  const wide = (into: number, out: number, groups = 1): Width => ({ into, out, groups });

  test("nothing went, or it is too small", () => {
    expect(slowReason({ ...base, macs: { before: 10, after: 10 } })).toContain("nothing");
    expect(slowReason({ ...base, ms: { before: 0.01, after: 0.01 } })).toContain("too small");
    expect(slowReason({ ...base, totalMs: 1000 })).toContain("less than 1%");
    expect(slowReason(base)).toContain("not known");
  });

  test("numbers of channels", () => {
    const reason = (before: Width, after: Width, macs = base.macs) =>
      slowReason({ ...base, macs, width: { before, after } });
    expect(reason(wide(16, 16), wide(16, 9), { before: 256, after: 144 })).toBe(
      "9 channels are computed as 16, a multiple of 8",
    );
    expect(reason(wide(32, 32, 32), wide(16, 16, 16))).toContain("depthwise");
    expect(reason(wide(32, 32, 32), wide(13, 13, 13))).toContain("leaves the runtime's blocked layout");
    expect(reason(wide(64, 64, 4), wide(28, 28, 4))).toContain("7 to 7 channels in a block");
    expect(reason(wide(64, 64), wide(32, 32))).toContain("not known");
  });

  test("operators without arithmetic", () => {
    expect(movingReason("Concat", false, 8)).toContain("memory");
    expect(movingReason("ReorderOutput", true, 16)).toContain("no multiples of 16");
  });

  test("advice is given where reasons speak for it", () => {
    expect(adviceFor(["9 channels are computed as 16, a multiple of 8", null], 8)).toContain("--round-to 8");
    expect(adviceFor(["bound by memory", null], 8)).toBeNull();
  });

  test("the width of the runtime's kernels follows from the processor", () => {
    expect(laneOf("flags : sse avx2 avx512f avx512dq")).toBe(16);
    expect(laneOf("flags : sse avx2")).toBe(8);
    expect(laneOf("")).toBe(8);
  });
});
