/** @file Budgets as counts: exact ones by group, and the same share from every group. */
import { PrunerError } from "../base/problem.ts";
import type { ChannelGroup } from "../channels/groups.ts";
import { groupsMatching, type NamedGroup } from "../ranking/select-groups.ts";
import type { Removals, Step } from "./removals.ts";

/**
 * The exact count of each group that has one. A group's own name goes before patterns, and patterns pass over groups
 * that cannot be touched as long as they match another.
 * @throws {PrunerError} `unknown-group`; `contradictory-budget` when patterns disagree about a group, or a count is
 *   larger than the group or meant for one that cannot be touched.
 */
export function exactCounts(
  groups: readonly (NamedGroup & Pick<ChannelGroup, "channels">)[],
  keepChannels: ReadonlyMap<string, number>,
  isOpen: (group: number) => boolean,
): Map<number, number> {
  const counts = new Map<number, number>();
  for (const [pattern, count] of keepChannels) {
    const matches = groupsMatching(groups, pattern, "keep-channels");
    const open = matches.filter(isOpen);
    for (const group of open.length > 0 ? open : matches) {
      const { id, channels } = groups[group]!;
      const isOverruled = pattern !== id && keepChannels.has(id);
      if (isOverruled) continue;
      const known = counts.get(group);
      if (known !== undefined && known !== count)
        refuse(id, `--keep-channels names it twice, with ${known} and with ${count} channels`);
      if (!isOpen(group))
        refuse(id, "--keep-channels names it, but it is locked or left out by --only or --ignore");
      if (!Number.isInteger(count) || count < 0 || count > channels)
        refuse(id, `it has ${channels} channels, so ${count} cannot stay`);
      counts.set(group, count);
    }
  }
  return counts;
}

/** Everything that can go from one group, in the order in which its lowest scores go. Uses the removals up. */
export function removalOrder(removals: Removals): Step[] {
  const order: Step[] = [];
  for (;;) {
    let lowest: Step | undefined;
    for (let lane = 0; lane < removals.lanes; lane++) {
      const step = removals.next(lane);
      if (step !== undefined && (lowest === undefined || isBefore(step, lowest))) lowest = step;
    }
    if (lowest === undefined) return order;
    removals.take(lowest);
    order.push(lowest);
  }
}

/** Steps take different numbers of channels, so their mean scores are compared. */
function isBefore(a: Step, b: Step): boolean {
  const difference = a.score / a.channels.length - b.score / b.channels.length;
  return difference !== 0 ? difference < 0 : a.channels[0]! < b.channels[0]!;
}

/** The first steps that leave as close to `wanted` channels as possible, more rather than fewer when undecided. */
export function stepsToNearest(order: readonly Step[], before: number, wanted: number): readonly Step[] {
  let kept = before;
  let steps = 0;
  while (steps < order.length) {
    const next = kept - order[steps]!.channels.length;
    if (Math.abs(next - wanted) >= Math.abs(kept - wanted)) break;
    kept = next;
    steps++;
  }
  return order.slice(0, steps);
}

/**
 * The first steps that leave exactly `wanted` channels.
 * @throws {PrunerError} `contradictory-budget` when no number of steps does.
 */
export function stepsToExactly(
  id: string,
  order: readonly Step[],
  before: number,
  wanted: number,
): readonly Step[] {
  const steps = stepsToNearest(order, before, wanted);
  const kept = steps.reduce((sum, { channels }) => sum - channels.length, before);
  if (kept !== wanted) {
    const left = before < wanted ? `only ${before} of its channels are left` : `the nearest count is ${kept}`;
    refuse(id, `exactly ${wanted} channels cannot stay; ${left}`);
  }
  return steps;
}

function refuse(group: string, detail: string): never {
  throw new PrunerError("contradictory-budget", { group, detail });
}
