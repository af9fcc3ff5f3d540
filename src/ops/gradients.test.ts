import fc from "fast-check";
import { describe, test } from "vitest";
import { checkGradients } from "../../test/helpers/gradient-check.ts";
import { hasDifferences, offKinks } from "../../test/helpers/kinks.ts";
import { built, operatorCases } from "../../test/helpers/operator-cases.ts";
import { gradientRules } from "./gradients.ts";

/** The seed is fixed, so a failure repeats. */
const runs = { numRuns: 12, seed: 3_141, endOnFailure: true };
const ready = operatorCases.filter(({ opType }) => Object.hasOwn(gradientRules, opType));

describe.each(ready)("$opType", ({ opType, opsets, draw }) => {
  const recent = [...opsets.filter((opset) => opset > 18), ...(Math.min(...opsets) <= 18 ? [18] : [])];
  test("gradients equal finite differences over random shapes and attributes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...recent), fc.gen(), async (opset, g) => {
        const drawn = offKinks(built(opType, opset, draw(g, opset)));
        fc.pre(hasDifferences(drawn));
        await checkGradients(drawn);
      }),
      runs,
    );
  });
});
