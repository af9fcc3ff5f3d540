/** @file Grouped convolutions that lose whole blocks instead of equally many channels from each. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cutsWith, type GroupedCut, type GroupedCuts } from "../src/channels/grouped-cuts.ts";
import { analyzeChannels } from "../src/channels/groups.ts";
import { intAttribute } from "../src/graph/attributes.ts";
import type { Model } from "../src/graph/model.ts";
import { countOf, groupAfter, survivorOf } from "../src/pipeline/survivor.ts";
import { sliceModel } from "../src/surgery/slice.ts";
import { architectures } from "./helpers/architectures/index.ts";
import { graphBuilder } from "./helpers/build.ts";
import { conv, head, networks, relu } from "./helpers/networks.ts";
import { plansOf, removesSomething } from "./helpers/random-plan.ts";
import { slicingEqualsMasking, subjectOf } from "./helpers/slicing-property.ts";

const groupedCut = "blocks" as const;

/** Plans for each network and choice; PLANS=200 makes the long run. */
const plans = Number(process.env["PLANS"] ?? 3);

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

const grouped = [...networks, ...Object.values(architectures).flat()].filter(
  ({ build }) => analyzeChannels(build()).groupedCut.size > 0,
);

/** Every other grouped convolution loses whole blocks, from the first or from the second one. */
function mixedCuts(model: Model, first: number): GroupedCuts {
  const labels = [...analyzeChannels(model).groupedCut.keys()];
  return cutsWith(labels.filter((_, k) => k % 2 === first));
}

const choices: readonly [name: string, cut: (model: Model) => GroupedCut | GroupedCuts][] = [
  ["whole blocks everywhere", () => "blocks"],
  ["whole blocks in every other layer, from the first", (model) => mixedCuts(model, 0)],
  ["whole blocks in every other layer, from the second", (model) => mixedCuts(model, 1)],
];

describe.each(grouped)("$name", ({ build, tolerance = 1e-4 }) => {
  test.each(choices)("slicing equals masking for random plans, %s", async (_name, cut) => {
    const model = build();
    const subject = await subjectOf(model, undefined, { groupedCut: cut(model) });
    await fc.assert(
      fc.asyncProperty(plansOf(subject.analysis), (masks) =>
        slicingEqualsMasking(subject, masks, { tolerance, again: true }),
      ),
      { seed: 7, numRuns: plans },
    );
    await subject.masked.close();
  });

  test.each([["equal cuts", () => "equal"] as (typeof choices)[number], ...choices])(
    "groups stay what they are from round to round, %s",
    (_name, cut) => {
      const model = build();
      const analysis = analyzeChannels(model, { groupedCut: cut(model) });
      fc.assert(
        fc.property(plansOf(analysis), (masks) => {
          if (!removesSomething(masks)) return;
          const left = survivorOf(analysis, sliceModel(analysis, masks), masks);
          for (const [group, mask] of masks.entries())
            if (countOf(mask) > 1) expect(groupAfter(analysis, left, group)).toBeGreaterThanOrEqual(0);
        }),
        { seed: 8, numRuns: 5 * plans },
      );
    },
  );
});
