/** @file The promise of the product on networks nobody thought of. */
import fc from "fast-check";
import { test } from "vitest";
import { stream } from "../src/math/random.ts";
import { randomNetwork } from "./helpers/random-network.ts";
import { randomPlan } from "./helpers/random-plan.ts";
import { slicingEqualsMasking, subjectOf } from "./helpers/slicing-property.ts";

test("slicing equals masking on random networks", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 25 }), async (seed, length) => {
      const subject = await subjectOf(randomNetwork(stream(seed, 0), length));
      for (const keepRatio of [0.2, 0.5, 0.8]) {
        const masks = randomPlan(subject.analysis, keepRatio, stream(seed, 1));
        await slicingEqualsMasking(subject, masks, { again: keepRatio === 0.8 });
      }
      await subject.masked.close();
    }),
    { seed: 4711, numRuns: 2000 },
  );
});
