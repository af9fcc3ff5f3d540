/** Plans sliced out of reference networks equal the networks with those channels silenced. */
import { afterAll, beforeAll, describe, test } from "vitest";
import { randomPlan } from "../../test/helpers/random-plan.ts";
import { type Subject, slicingEqualsMasking, subjectOf } from "../../test/helpers/slicing-property.ts";
import type { Model } from "../graph/model.ts";
import { stream } from "../math/random.ts";
import { buildNetwork, resnet50, resnetCifar, vgg16 } from "./index.ts";

/** Large ones are narrow here: couplings do not depend on the width. */
const cases: readonly { readonly name: string; readonly build: () => Model; readonly plans: number }[] = [
  { name: "lenet-300-100", build: () => buildNetwork("lenet-300-100"), plans: 4 },
  { name: "lenet5", build: () => buildNetwork("lenet5"), plans: 8 },
  { name: "lenet5-large", build: () => buildNetwork("lenet5-large"), plans: 2 },
  { name: "lenet5-caffe", build: () => buildNetwork("lenet5-caffe"), plans: 4 },
  { name: "vgg16, an eighth as wide", build: () => vgg16({ width: 1 / 8 }), plans: 3 },
  { name: "vgg16, images of 64 pixels", build: () => vgg16({ width: 1 / 16, inputSize: 64 }), plans: 2 },
  { name: "vgg16-slim", build: () => buildNetwork("vgg16-slim"), plans: 2 },
  { name: "resnet20", build: () => buildNetwork("resnet20"), plans: 4 },
  { name: "resnet32", build: () => buildNetwork("resnet32"), plans: 2 },
  { name: "resnet56", build: () => buildNetwork("resnet56"), plans: 2 },
  {
    name: "resnet20, odd width and size",
    build: () => resnetCifar({ depth: 20, width: 5, inputSize: 27 }),
    plans: 3,
  },
  {
    name: "resnet50, an eighth as wide",
    build: () => resnet50({ width: 8, inputSize: 64, classes: 10 }),
    plans: 3,
  },
];

describe.each(cases)("$name", ({ build, plans }) => {
  let subject: Subject;
  beforeAll(async () => {
    subject = await subjectOf(build());
  });
  afterAll(() => subject.masked.close());

  test("slicing equals masking for random plans", async () => {
    for (let plan = 0; plan < plans; plan++) {
      const masks = randomPlan(subject.analysis, (plan + 1) / (plans + 1), stream(plan, 0));
      await slicingEqualsMasking(subject, masks, { optimized: plan === 0, again: plan === 0 });
    }
  });
});
