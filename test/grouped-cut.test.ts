/** @file Grouped convolutions that lose whole blocks instead of equally many channels from each. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { analyzeChannels } from "../src/channels/groups.ts";
import { intAttribute } from "../src/graph/attributes.ts";
import type { Model } from "../src/graph/model.ts";
import { sliceModel } from "../src/surgery/slice.ts";
import { architectures } from "./helpers/architectures/index.ts";
import { graphBuilder } from "./helpers/build.ts";
import { conv, head, networks, relu } from "./helpers/networks.ts";
import { plansOf } from "./helpers/random-plan.ts";
import { slicingEqualsMasking, subjectOf } from "./helpers/slicing-property.ts";

const groupedCut = "blocks" as const;

/** Six channels into two blocks of three, four out of them. */
function twoBlocks(): Model {
  const g = graphBuilder();
  const x = relu(g, conv(g, g.input("x", ["N", 3, 6, 6]), "c1", 3, 6));
  head(g, relu(g, conv(g, x, "gc", 6, 4, { group: 2 })), 4);
  return g.build();
}

test("a block's channels, in and out, are one player", () => {
  const { groups } = analyzeChannels(twoBlocks(), { groupedCut });
  expect(groups.map(({ id, channels, blockOf }) => [id, channels, blockOf])).toEqual([
    ["c1", 2, undefined],
    ["out", 0, undefined],
  ]);
  expect(analyzeChannels(twoBlocks()).groups.map(({ id, channels }) => [id, channels])).toEqual([
    ["c1", 6],
    ["gc", 4],
    ["out", 0],
  ]);
});

test("the convolution is left with fewer blocks of the same size", () => {
  const analysis = analyzeChannels(twoBlocks(), { groupedCut });
  const sliced = sliceModel(analysis, [Uint8Array.of(0, 1), new Uint8Array(0)]);
  const node = sliced.graph.nodes.find(({ name }) => name === "gc")!;
  expect(intAttribute(node, "group", 0)).toBe(1);
  expect(sliced.graph.initializers.get("gc.weight")!.shape).toEqual([2, 3, 3, 3]);
});

/** Whether a convolution has several blocks of several channels each. */
function hasBlocks({ graph }: Model): boolean {
  return graph.nodes.some(
    ({ opType, attributes, inputs }) =>
      opType === "Conv" &&
      (attributes.get("group") as { readonly value?: number } | undefined)?.value !== 1 &&
      (graph.initializers.get(inputs[1]!)?.shape[1] ?? 1) > 1,
  );
}

const grouped = [...networks, ...Object.values(architectures).flat()].filter(
  ({ name, build }) => name.includes("quantized") || hasBlocks(build()),
);

describe.each(grouped)("$name", ({ build, tolerance = 1e-4 }) => {
  test("slicing equals masking for random plans", async () => {
    const subject = await subjectOf(build(), undefined, { groupedCut });
    await fc.assert(
      fc.asyncProperty(plansOf(subject.analysis), (masks) =>
        slicingEqualsMasking(subject, masks, { tolerance, again: true }),
      ),
      { seed: 7, numRuns: 3 },
    );
    await subject.masked.close();
  });
});
