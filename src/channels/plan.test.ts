import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { networks } from "../../test/helpers/networks.ts";
import { plansOf } from "../../test/helpers/random-plan.ts";
import { isProblem } from "../base/problem.ts";
import { analyzeChannels } from "./groups.ts";
import { type GroupPlan, masksOfPlan, planOfMasks } from "./plan.ts";

const named = (wanted: string) => analyzeChannels(networks.find(({ name }) => name === wanted)!.build());

describe.each(networks)("$name", ({ build }) => {
  test("masks and plans say the same", () => {
    const analysis = analyzeChannels(build());
    fc.assert(
      fc.property(plansOf(analysis), (masks) => {
        const plan = planOfMasks(analysis, masks);
        expect(masksOfPlan(analysis, JSON.parse(JSON.stringify(plan)))).toEqual(masks);
        expect(plan.groups.every(({ keep, channels }) => keep.length < channels)).toBe(true);
      }),
      { numRuns: 5 },
    );
  });
});

describe("plans that do not fit", () => {
  const plain = named("a chain of convolutions"); // c1 with 4 channels, c2 with 5
  const grouped = named("a grouped convolution"); // c1 with 6 channels in 2 blocks
  const padded = named("a shortcut padded with zero channels"); // c1 with 8, of which the stem has 4
  const c1 = (keep: readonly number[], channels = 4): GroupPlan => ({ id: "c1", channels, keep });

  test.each([
    ["an unknown group", plain, [{ id: "c9", channels: 4, keep: [0] }], /no such group/],
    ["a group listed twice", plain, [c1([0]), c1([1])], /listed twice/],
    ["another size", plain, [c1([0], 5)], /has 4 channels, the plan was made for 5/],
    ["a channel there is not", plain, [c1([0, 4])], /no channel 4/],
    ["a channel that is no number", plain, [c1([0.5])], /no channel 0.5/],
    ["a channel listed twice", plain, [c1([1, 1])], /channel 1 is listed twice/],
    ["an emptied group", plain, [c1([])], /at least one channel has to stay/],
    ["an emptied part of a stream", padded, [c1([4, 5, 6, 7], 8)], /at least one channel has to stay/],
    ["unequal blocks", grouped, [c1([0, 1, 3], 6)], /equally many channels/],
    ["an empty block", grouped, [c1([0, 1], 6)], /equally many channels/],
  ])("%s", (_, analysis, groups, message) => {
    try {
      masksOfPlan(analysis, { schemaVersion: 1, groups });
      expect.unreachable();
    } catch (error) {
      expect(isProblem(error, "invalid-plan")).toBe(true);
      expect((error as Error).message).toMatch(message);
    }
  });
});
