/**
 * @file Which channels of one group can go next, and what each such step means for the rest of the group.
 *
 * Channels of a group that sit on the same axes form a lane; from a lane always the lowest scores go first. Channels
 * of blocks that have to stay equal share one lane, from which one channel of every block goes at a time. So
 * whatever order steps are taken in, the group stays balanced and keeps a channel on every axis.
 */
import { PrunerError } from "../base/problem.ts";
import type { CostModel } from "../channels/cost.ts";
import type { ChannelGroup } from "../channels/groups.ts";
import { isBalanced, isInhabited } from "../channels/plan.ts";
import { ascending } from "../math/ranks.ts";

/** Channels of one group that go together. */
export interface Step {
  readonly group: number;
  readonly channels: readonly number[];
  /** Sum of their scores. */
  readonly score: number;
}

export interface RemovalRules {
  /** At least this many channels stay. */
  readonly minimum: number;
  /** Kept counts of each lane are multiples of this. */
  readonly roundTo: number;
}

/** The channels of one group while some of them go. */
export interface Removals {
  /** Shape [channels], 1 for each channel that is still there; changes with every step taken. */
  readonly mask: Uint8Array;
  readonly channels: number;
  readonly lanes: number;
  /** Channels still there. */
  kept(): number;
  /** What would go next from a lane; undefined when nothing more can. */
  next(lane: number): Step | undefined;
  take(step: Step): void;
  /** Puts the channels of the last step back. */
  restore(step: Step): void;
}

interface Lane {
  /** Ascending by score; several lists for blocks that have to stay equal. */
  readonly queues: readonly (readonly number[])[];
}

/**
 * The removals of one group.
 * @param scores Shape [channels]; lower goes first, equal scores by channel number.
 * @param start Shape [channels]; 0 for channels that are gone already.
 * @throws {PrunerError} `score-not-finite`, and `invalid-plan` when `start` breaks the rules of the group.
 */
export function removalsOf(
  index: number,
  group: ChannelGroup,
  costModel: CostModel,
  scores: Float64Array,
  start: Uint8Array,
  { minimum, roundTo }: RemovalRules,
): Removals {
  checkScores(group, scores);
  checkStart(group, start);
  const mask = start.slice();
  const lanes = lanesOf(group, costModel.uses[index]!, scores);
  const sets = group.atLeastOneOf;
  const setsOf = Array.from({ length: group.channels }, (): number[] => []);
  sets.forEach((set, k) => {
    for (const channel of set) setsOf[channel]!.push(k);
  });
  const left = Int32Array.from(sets, (set) => set.reduce((sum, channel) => sum + mask[channel]!, 0));
  let kept = mask.reduce((sum, one) => sum + one, 0);

  /** Takes the `count` lowest channels of a queue that no set needs; counts them as gone from `rest`. */
  const lowest = (queue: readonly number[], count: number, rest: Int32Array): number[] | undefined => {
    const found: number[] = [];
    for (const channel of queue) {
      if (found.length === count) break;
      if (mask[channel] === 0 || setsOf[channel]!.some((set) => rest[set] === 1)) continue;
      for (const set of setsOf[channel]!) rest[set]!--;
      found.push(channel);
    }
    return found.length === count ? found : undefined;
  };
  const next = (lane: number): Step | undefined => {
    const { queues } = lanes[lane]!;
    const each = queues[0]!.reduce((sum, channel) => sum + mask[channel]!, 0);
    const count = stepSize(each, queues.length, roundTo);
    if (count === undefined || kept - count * queues.length < minimum) return undefined;
    if (queues.length > 1 && count === each) return undefined; // no block may be empty
    const rest = left.slice();
    const channels: number[] = [];
    for (const queue of queues) {
      const part = lowest(queue, count, rest);
      if (part === undefined) return undefined;
      channels.push(...part);
    }
    return { group: index, channels, score: channels.reduce((sum, channel) => sum + scores[channel]!, 0) };
  };
  const change = (channels: readonly number[], by: 1 | -1) => {
    for (const channel of channels) {
      mask[channel]! += by;
      for (const set of setsOf[channel]!) left[set]! += by;
    }
    kept += by * channels.length;
  };
  return {
    mask,
    channels: group.channels,
    lanes: lanes.length,
    kept: () => kept,
    next,
    take: ({ channels }) => change(channels, -1),
    restore: ({ channels }) => change(channels, 1),
  };
}

/** Fewest channels per block that bring the lane down to the next multiple; undefined when there is nothing left. */
function stepSize(each: number, blocks: number, roundTo: number): number | undefined {
  for (let count = 1; count <= each; count++) if (((each - count) * blocks) % roundTo === 0) return count;
  return undefined;
}

function lanesOf(group: ChannelGroup, uses: CostModel["uses"][number], scores: Float64Array): Lane[] {
  const queues = new Map<string, number[]>();
  const blocks = new Map<number, number[]>();
  for (const channel of ascending(scores)) {
    const block = group.blockOf?.[channel] ?? -1;
    if (block >= 0) append(blocks, block, channel);
    else append(queues, uses[channel]!.map(({ axis, positions }) => `${axis}x${positions}`).join(), channel);
  }
  const balanced = [...blocks].sort(([a], [b]) => a - b).map(([, queue]) => queue);
  const lanes = [...queues.values()].map((queue): Lane => ({ queues: [queue] }));
  return balanced.length === 0 ? lanes : [...lanes, { queues: balanced }];
}

function append<K>(lists: Map<K, number[]>, key: K, channel: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [channel]);
  else list.push(channel);
}

function checkScores({ id, channels }: ChannelGroup, scores: Float64Array): void {
  if (scores.length !== channels)
    throw new RangeError(`group "${id}" has ${channels} channels, but ${scores.length} scores were given`);
  const channel = scores.findIndex((score) => !Number.isFinite(score));
  if (channel >= 0)
    throw new PrunerError("score-not-finite", { group: id, channel, score: scores[channel]! });
}

function checkStart(group: ChannelGroup, start: Uint8Array): void {
  if (start.length !== group.channels || !isInhabited(group, start) || !isBalanced(group, start)) {
    const detail = "the channels that are left to start from do not fit its rules";
    throw new PrunerError("invalid-plan", { group: group.id, detail });
  }
}
