/** @file Random plans that a model's groups allow: at least one channel on every axis, equally many in every block. */
import fc from "fast-check";
import type { ChannelAnalysis, ChannelGroup } from "../../src/channels/groups.ts";
import { isBalanced, isInhabited, type KeepMasks } from "../../src/channels/plan.ts";
import { below, type RandomStream, shuffle, stream, uniform } from "../../src/math/random.ts";

/** Plans from almost nothing kept to almost everything kept; some groups stay whole. Shrinks towards few kept. */
export function plansOf(analysis: ChannelAnalysis): fc.Arbitrary<KeepMasks> {
  return fc
    .record({ seed: fc.nat(), keepRatio: fc.double({ min: 0, max: 1, noNaN: true }) })
    .map(({ seed, keepRatio }) => randomPlan(analysis, keepRatio, stream(seed, 0)));
}

/** @param keepRatio Chance of each channel to stay; groups with blocks keep that share of every block. */
export function randomPlan(analysis: ChannelAnalysis, keepRatio: number, random: RandomStream): KeepMasks {
  return analysis.groups.map((group) => {
    const mask = new Uint8Array(group.channels).fill(1);
    if (uniform(random) < 0.2) return mask;
    for (let channel = 0; channel < mask.length; channel++)
      mask[channel] = uniform(random) < keepRatio ? 1 : 0;
    if (group.blockOf !== undefined) balance(group.blockOf, mask, keepRatio, random);
    for (const channels of group.atLeastOneOf) {
      if (!channels.some((channel) => mask[channel] === 1))
        mask[channels[below(channels.length, random)]!] = 1;
    }
    return isBalanced(group, mask) && isInhabited(group, mask) ? mask : mask.fill(1);
  });
}

function balance(blockOf: Int32Array, mask: Uint8Array, keepRatio: number, random: RandomStream): void {
  const blocks = new Map<number, number[]>();
  blockOf.forEach((block, channel) => {
    if (block >= 0) blocks.set(block, [...(blocks.get(block) ?? []), channel]);
  });
  const smallest = Math.min(...[...blocks.values()].map(({ length }) => length));
  const kept = Math.max(1, Math.round(keepRatio * smallest));
  for (const channels of blocks.values()) {
    const order = shuffle(Uint32Array.from(channels), random);
    order.forEach((channel, k) => {
      mask[channel] = k < kept ? 1 : 0;
    });
  }
}

/** Whether the plan removes anything at all. */
export function removesSomething(masks: KeepMasks): boolean {
  return masks.some((mask) => mask.includes(0));
}

/** Groups that have a channel which may go. */
export function freeGroups({ groups }: { readonly groups: readonly ChannelGroup[] }): number[] {
  return groups.flatMap((group, k) => (group.locked ? [] : [k]));
}
