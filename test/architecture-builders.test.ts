/** @file The promise of the product on small copies of the architectures people export. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { costModelOf, fullCost } from "../src/channels/cost.ts";
import { analyzeChannels, type ChannelAnalysis } from "../src/channels/groups.ts";
import { costOfMasks } from "../src/channels/plan.ts";
import type { Model } from "../src/graph/model.ts";
import { sizeOf } from "../src/tensor/tensor.ts";
import { architectures } from "./helpers/architectures/index.ts";
import { plansOf } from "./helpers/random-plan.ts";
import { slicingEqualsMasking, subjectOf } from "./helpers/slicing-property.ts";

/** Plans for each network; PLANS=200 makes the long run. */
const plans = Number(process.env["PLANS"] ?? 4);

/** Share of the parameters that goes when every removable channel goes. */
function prunableShare(analysis: ChannelAnalysis): number {
  const cost = costModelOf(analysis);
  const rest = costOfMasks(
    cost,
    analysis.groups.map(({ channels }) => new Uint8Array(channels)),
  );
  return 1 - rest.parameters / fullCost(cost).parameters;
}

/** The same model with weights that cannot be had: only short lists, whole numbers and single numbers are left. */
function withoutWeights(model: Model): Model {
  const initializers = new Map(
    [...model.graph.initializers].map(([name, tensor]) => {
      const isSizes = tensor.dtype === "int64" || tensor.dtype === "int32" || tensor.dtype === "bool";
      if (isSizes || sizeOf(tensor.shape) <= 64) return [name, tensor] as const;
      const load = () => {
        throw new Error(`"${name}" was read`);
      };
      return [name, { ...tensor, load }] as const;
    }),
  );
  return { ...model, graph: { ...model.graph, initializers } };
}

describe.each(Object.entries(architectures))("%s", (_family, own) => {
  describe.each(own)("$name", ({ build, locked, share, tolerance = 1e-4 }) => {
    test("locks what it has to and nothing else", () => {
      const analysis = analyzeChannels(build());
      const held = analysis.groups.filter(({ locks }) => locks.length > 0);
      expect(Object.fromEntries(held.map(({ id, locks }) => [id, locks[0]!.reason]))).toEqual(
        Object.fromEntries(Object.entries(locked).map(([id, part]) => [id, expect.stringContaining(part)])),
      );
      expect(prunableShare(analysis)).toBeGreaterThanOrEqual(share);
    });

    test("is analysed without reading a weight", () => {
      const model = build();
      const { groups } = analyzeChannels(model);
      expect(analyzeChannels(withoutWeights(model)).groups).toEqual(groups);
    });

    test("slicing equals masking for random plans", async () => {
      const subject = await subjectOf(build());
      let first = true;
      await fc.assert(
        fc.asyncProperty(plansOf(subject.analysis), async (masks) => {
          await slicingEqualsMasking(subject, masks, { tolerance, optimized: first, again: first });
          first = false;
        }),
        { seed: 5, numRuns: plans },
      );
      await subject.masked.close();
    });
  });
});
