/** @file Every operator with a channel rule passes channels on, or holds them and says so. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { analyzeChannels } from "../src/channels/groups.ts";
import type { Model } from "../src/graph/model.ts";
import { contribOperators, operators } from "../src/ops/index.ts";
import { architectures } from "./helpers/architectures/index.ts";
import { networks } from "./helpers/networks.ts";
import { operatorNetworks } from "./helpers/operator-networks/index.ts";
import { plansOf } from "./helpers/random-plan.ts";
import { slicingEqualsMasking, subjectOf } from "./helpers/slicing-property.ts";

describe.each(operatorNetworks)("$opType", ({ build, locked }) => {
  test(locked === undefined ? "hands channels on" : `holds channels: ${locked}`, () => {
    const { groups } = analyzeChannels(build());
    const front = groups.find(({ producers }) => producers.some(({ name }) => name === "front"))!;
    const reasons = front.locks.map(({ reason }) => reason);
    if (locked === undefined) expect(reasons).toEqual([]);
    else expect(reasons).toContainEqual(expect.stringContaining(locked));
  });

  test("slicing equals masking", async () => {
    const subject = await subjectOf(build());
    await fc.assert(
      fc.asyncProperty(plansOf(subject.analysis), (masks) => slicingEqualsMasking(subject, masks)),
      { seed: 6, numRuns: 2 },
    );
    await subject.masked.close();
  });
});

/** "domain.Operator" of every node, those inside bodies left out. */
function operatorsOf(model: Model): string[] {
  return model.graph.nodes.map(({ domain, opType }) => (domain === "" ? opType : `${domain}.${opType}`));
}

/**
 * What the runtime's CPU build cannot run. Some tools write the first, which it knows in the standard domain alone; tests of
 * the others stand beside their rules.
 */
const withoutKernel = ["com.microsoft.SimplifiedLayerNormalization", "com.microsoft.GroupNorm"];

test("every operator with a channel rule stands in a network of the tests", () => {
  const built = [...networks, ...Object.values(architectures).flat(), ...operatorNetworks];
  const tested = new Set([...withoutKernel, ...built.flatMap(({ build }) => operatorsOf(build()))]);
  const known = [
    ...Object.keys(operators),
    ...Object.keys(contribOperators).map((name) => `com.microsoft.${name}`),
  ];
  expect(known.filter((name) => !tested.has(name))).toEqual([]);
});
