/** @file Removes channels as long as an accuracy holds on examples kept for that question. */
import { saysHowMuch } from "../budget/budget.ts";
import type { Choice } from "../budget/choose.ts";
import {
  type ChannelScores,
  choose,
  modelUnder,
  nextScores,
  outcomeOf,
  type PruneEvent,
  type PruneOutcome,
  type Removal,
  refineRound,
} from "./removal.ts";

/** Removals in a round that may turn out to break the floor before the round ends; their channels stay. */
const refusals = 64;

/** Larger than any score of a channel that may still go. */
const barred = 1e300;

/** Rounds of cutting and repairing that follow one ranking at the most. */
const repeats = 8;

/** Share of the MACs that a round has to save for another one to follow. */
const worthwhile = 0.01;

/**
 * Removes in the order of the scores and ranks again after every round. A removal that breaks the floor is taken
 * back, its channels are barred for the round, and the next ones are tried. The floor is judged before repair; where
 * repair makes room for more, more goes before channels are ranked again.
 */
export async function* pruneToFloor(
  draft: Removal,
  floor: number,
): AsyncGenerator<PruneEvent, PruneOutcome, undefined> {
  const { steps, budget } = draft.context.prune;
  const aims = saysHowMuch(budget);
  let share: number | undefined;
  for (let step = 1; steps === "all" || step <= steps; step++) {
    const scores = yield* nextScores(draft);
    const possible = choose(draft, scores, budget, Number.MAX_SAFE_INTEGER).steps.length;
    if (possible === 0) return outcomeOf(draft, { reached: !aims, stoppedBy: "nothing-left" });
    share ??= steps === "all" ? 1 : Math.ceil(possible / steps);
    const held = await cutAndRepair(draft, scores, step, step === steps ? possible : share, floor);
    if (held === undefined) break;
    yield { kind: "step", step, ...held };
    if (aims && held.choice.reached) return outcomeOf(draft, { reached: true, stoppedBy: "target" });
  }
  return outcomeOf(draft, { reached: !aims, stoppedBy: "floor" });
}

/** Cuts and repairs for as long as that saves something, then tunes; undefined when nothing could go. */
async function cutAndRepair(
  draft: Removal,
  scores: ChannelScores,
  step: number,
  limit: number,
  floor: number,
): Promise<Held | undefined> {
  const repairs = draft.context.refinery?.repairs === true;
  let last: Held | undefined;
  let left = limit;
  for (let round = 1; round <= (repairs ? repeats : 1) && left > 0; round++) {
    const held = await removeWhileItHolds(draft, scores, left, floor);
    if (held === undefined) break;
    const saved = last === undefined ? 1 : 1 - held.choice.cost.macs / last.choice.cost.macs;
    last = held;
    left -= held.removed;
    const isLast = !repairs || round === repeats || left === 0 || saved < worthwhile || held.choice.reached;
    await refineRound(draft, step, isLast ? "all" : "repair");
    if (isLast) return last;
  }
  // what was repaired last turned out to allow no more
  if (last !== undefined) await refineRound(draft, step, "tune");
  return last;
}

interface Held {
  readonly choice: Choice;
  readonly accuracy: number;
}

interface Removed extends Held {
  readonly removed: number;
}

/** Removes up to `limit` times, around what breaks the floor; undefined when nothing could go. */
async function removeWhileItHolds(
  draft: Removal,
  scores: ChannelScores,
  limit: number,
  floor: number,
): Promise<Removed | undefined> {
  const { budget } = draft.context.prune;
  const open = scores.map((own) => own?.slice());
  let last: Held | undefined;
  let removed = 0;
  for (let refused = 0; removed < limit && refused < refusals; refused++) {
    const next = choose(draft, open, budget, limit - removed);
    const possible = next.steps.findIndex(({ score }) => score >= barred);
    const { count, held } = await furthest(draft, open, possible < 0 ? next.steps.length : possible, floor);
    const broken = choose(draft, open, budget, count + 1).steps[count];
    if (held !== undefined) {
      last = held;
      draft.masks = held.choice.masks;
      removed += count;
    }
    if (held?.choice.reached === true || broken === undefined || broken.score >= barred) break;
    for (const channel of broken.channels) open[broken.group]![channel] = barred;
  }
  return last && { ...last, removed };
}

/** The most removals after which the accuracy holds, looked for in strides that double, then halve. */
async function furthest(
  draft: Removal,
  scores: ChannelScores,
  limit: number,
  floor: number,
): Promise<{ readonly count: number; readonly held: Held | undefined }> {
  const { signal, accuracyOf, prune } = draft.context;
  let count = 0;
  let held: Held | undefined;
  let stride = 1;
  let isGrowing = true;
  while (count < limit && stride >= 1) {
    signal?.throwIfAborted();
    const tried = Math.min(limit, count + stride);
    const choice = choose(draft, scores, prune.budget, tried);
    const accuracy = await accuracyOf!(modelUnder(draft, choice.masks));
    if (accuracy >= floor) {
      count = tried;
      held = { choice, accuracy };
    } else isGrowing = false;
    stride = isGrowing ? 2 * stride : Math.floor(stride / 2);
  }
  return { count, held };
}
