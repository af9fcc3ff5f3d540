import fc from "fast-check";
import { describe, test } from "vitest";
import { checkGradients } from "../../test/helpers/gradient-check.ts";
import { hasDifferences, offKinks } from "../../test/helpers/kinks.ts";
import { operatorCases } from "../../test/helpers/operator-cases/index.ts";
import { built, type OperatorCase } from "../../test/helpers/operator-cases/operator-case.ts";
import { isFloat } from "../tensor/dtype.ts";
import { gradientRules } from "./gradients.ts";

/** The seed is fixed, so a failure repeats. */
const runs = { numRuns: 12, seed: 3_141, endOnFailure: true };
const ready = operatorCases.filter(({ opType }) => Object.hasOwn(gradientRules, opType));

/** The case with its integers (bounds, shapes, indices) stored in the model, where rules know them beforehand. */
function settled(given: OperatorCase): OperatorCase {
  const integers = given.inputs.flatMap((value, k) =>
    value === undefined || isFloat(value.dtype) ? [] : [k],
  );
  return { ...given, constants: [...new Set([...(given.constants ?? []), ...integers])] };
}

describe.each(ready)("$opType", ({ opType, opsets, draw }) => {
  const recent = [...opsets.filter((opset) => opset > 18), ...(Math.min(...opsets) <= 18 ? [18] : [])];
  test("gradients equal finite differences over random shapes and attributes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...recent), fc.boolean(), fc.gen(), async (opset, settle, g) => {
        const given = draw(g, opset);
        const drawn = offKinks(built(opType, opset, settle ? settled(given) : given));
        fc.pre(hasDifferences(drawn));
        await checkGradients(drawn);
      }),
      runs,
    );
  });
});
