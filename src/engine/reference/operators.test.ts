import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { operatorCases } from "../../../test/helpers/operator-cases/index.ts";
import { built } from "../../../test/helpers/operator-cases/operator-case.ts";
import { kernels } from "../../ops/kernels.ts";
import { type Tensor, toNumbers } from "../../tensor/tensor.ts";
import { ortEngine } from "../ort/engine.ts";
import { referenceEngine } from "./reference.ts";

/** The seed is fixed, so a failure repeats; a case is small enough to read without shrinking. */
const runs = { numRuns: 20, seed: 20_240, endOnFailure: true };

describe.each(operatorCases)("$opType", ({ opType, opsets, draw }) => {
  test("equals onnxruntime over random shapes and attributes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...opsets), fc.gen(), async (opset, g) => {
        const { model, feeds } = built(opType, opset, draw(g, opset));
        const [reference, runtime] = await Promise.all([
          referenceEngine.open(model),
          ortEngine.open(model, { optimization: "off" }),
        ]);
        try {
          const [ours, theirs] = [await reference.run(feeds), await runtime.run(feeds)];
          for (const name of Object.keys(theirs)) expectClose(ours[name]!, theirs[name]!);
        } finally {
          await runtime.close();
        }
      }),
      runs,
    );
  });
});

test("every kernel is held against onnxruntime", () => {
  expect(Object.keys(kernels).sort()).toEqual(operatorCases.map(({ opType }) => opType).sort());
});

/** Same type, shape and elements; floats within single-precision rounding of each other. */
function expectClose(ours: Tensor, theirs: Tensor): void {
  expect({ dtype: ours.dtype, shape: ours.shape }).toEqual({ dtype: theirs.dtype, shape: theirs.shape });
  const [a, b] = [toNumbers(ours), toNumbers(theirs)];
  const exact = !theirs.dtype.startsWith("float");
  a.forEach((value, at) => {
    const other = b[at]!;
    const near = exact ? value === other : Math.abs(value - other) <= 2e-5 + 2e-5 * Math.abs(other);
    if (!near && !Object.is(value, other)) {
      throw new Error(`element ${at}: reference ${value}, onnxruntime ${other}`);
    }
  });
}
