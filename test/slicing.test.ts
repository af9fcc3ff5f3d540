/** @file Slicing a plan out of a network equals silencing its channels, for real models, built ones and hundreds of plans. */
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { analyzeChannels, type ChannelGroup } from "../src/channels/groups.ts";
import { readModelFile } from "../src/onnx/read.ts";
import { graphBuilder } from "./helpers/build.ts";
import { conv, head, networks } from "./helpers/networks.ts";
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

/** As {@link networks} writes groups. */
function inShort({ id, channels, fixedChannels, blockOf }: ChannelGroup): string {
  const fixed = fixedChannels === 0 ? "" : `+${fixedChannels}`;
  return `${id} ${channels}${fixed}${blockOf === undefined ? "" : ` in ${new Set(blockOf).size}`}`;
}

describe.each(networks)("$name", ({ build, groups, tolerance = 1e-5 }) => {
  test("has the groups it should", () => {
    const { groups: found } = analyzeChannels(build());
    expect(found.map(inShort)).toEqual(groups);
    for (const { locked, channels, fixedChannels, locks } of found) {
      expect(locked).toBe(channels === 0);
      expect(locks.length > 0).toBe(fixedChannels > 0);
    }
  });

  test("slicing equals masking for random plans", async () => {
    const subject = await subjectOf(build());
    let first = true;
    await fc.assert(
      fc.asyncProperty(plansOf(subject.analysis), async (masks) => {
        await slicingEqualsMasking(subject, masks, { tolerance, optimized: first, again: first });
        first = false;
      }),
      { seed: 2, numRuns: 8 },
    );
    await subject.masked.close();
  });
});

test("an operator without rules locks what it reads, and the reason names both", () => {
  const g = graphBuilder();
  const first = conv(g, g.input("x", ["N", 3, 6, 6]), "c1", 3, 4);
  const strange = g.node("Foo", [first], {}, { domain: "com.example", name: "strange" });
  g.info(strange, ["N", 4, 6, 6]);
  head(g, conv(g, strange, "c2", 4, 3), 3);
  const { groups } = analyzeChannels(g.build({ opsets: { "com.example": 1 } }));
  expect(groups.map(inShort)).toEqual(["c1 0+4", "c2 3", "out 0+2"]);
  expect(groups[0]!.locks).toEqual([
    { node: "strange", reason: "operator com.example.Foo has no channel rule" },
  ]);
});

test.skipIf(shared.length > 0)("(the shared models were skipped: no ../shared beside the repository)", () => {
  expect(shared).toEqual([]);
});
