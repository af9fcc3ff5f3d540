/** @file Slicing a plan out of a network equals silencing its channels, for real models, built ones and hundreds of plans. */
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readModelFile } from "../src/onnx/read.ts";
import { plansOf } from "./helpers/random-plan.ts";
import { sharedModel, sharedModelNames } from "./helpers/shared.ts";
import { type Subject, slicingEqualsMasking, subjectOf } from "./helpers/slicing-property.ts";

/** Plans for each model; the large ones get fewer. */
const planCounts: Readonly<Record<string, number>> = {
  "resnet56-cifar10": 8,
  "zoo/resnet-bottleneck-grouped": 6,
  "zoo/mobilenetv2-slim": 10,
  "zoo/squeezenet": 10,
};

const bundled = { name: "bundled LeNet-5", path: join(import.meta.dirname, "../assets/lenet5-mnist.onnx") };
const shared = sharedModelNames().map((name) => ({ name, path: sharedModel(name).path! }));

describe.each([bundled, ...shared])("$name", ({ name, path }) => {
  let subject: Subject;
  beforeAll(async () => {
    subject = await subjectOf(await readModelFile(path));
  });
  afterAll(() => subject.masked.close());

  test("slicing equals masking for random plans", async () => {
    let first = true;
    await fc.assert(
      fc.asyncProperty(plansOf(subject.analysis), async (masks) => {
        await slicingEqualsMasking(subject, masks, { optimized: first, again: first });
        first = false;
      }),
      { seed: 1, numRuns: planCounts[name] ?? 30 },
    );
  });
});

test.skipIf(shared.length > 0)("(the shared models were skipped: no ../shared beside the repository)", () => {
  expect(shared).toEqual([]);
});
