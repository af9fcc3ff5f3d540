/** @file Removes channels as long as an accuracy holds on examples kept for that question. */
import { saysHowMuch } from "../budget/budget.ts";
import type { Choice } from "../budget/choose.ts";
import type { KeepMasks } from "../channels/plan.ts";
import type { Model } from "../graph/model.ts";
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
import { survivorOf } from "./survivor.ts";

/** Removals in a round that may turn out to break the floor before the round ends; their channels stay. */
const refusals = 64;

/** Larger than any score of a channel that may still go. */
const barred = 1e300;

/**
 * Removes as long as the floor holds and ranks again after every round.
 *
 * Without repair a removal that breaks the floor is taken back, its channels are barred for the round, and the next ones are
 * tried. With repair it is the repaired network that is held to the floor: removals go strictly in order, and only their
 * number is looked for, since each look costs a repair and every choice made on the same examples flatters itself.
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
    const held = await removeRound(draft, scores, step, step === steps ? possible : share, floor);
    if (held === undefined) break;
    yield { kind: "step", step, ...held };
    if (aims && held.choice.reached) return outcomeOf(draft, { reached: true, stoppedBy: "target" });
  }
  return outcomeOf(draft, { reached: !aims, stoppedBy: "floor" });
}

/** One round, refined at its end; undefined when nothing could go. */
async function removeRound(
  draft: Removal,
  scores: ChannelScores,
  step: number,
  limit: number,
  floor: number,
): Promise<Held | undefined> {
  if (draft.context.refinery?.repairs === true) {
    const finest = Math.ceil(limit / 64);
    const { held } = await furthest(draft, scores, limit, floor, { first: Math.ceil(limit / 8), finest });
    if (held === undefined) return undefined;
    draft.masks = held.choice.masks;
    await refineRound(draft, step);
    return held;
  }
  const held = await removeWhileItHolds(draft, scores, limit, floor);
  if (held !== undefined) await refineRound(draft, step);
  return held;
}

interface Held {
  readonly choice: Choice;
  readonly accuracy: number;
}

/** Removes up to `limit` times, around what breaks the floor; undefined when nothing could go. */
async function removeWhileItHolds(
  draft: Removal,
  scores: ChannelScores,
  limit: number,
  floor: number,
): Promise<Held | undefined> {
  const { budget } = draft.context.prune;
  const open = scores.map((own) => own?.slice());
  let last: Held | undefined;
  let removed = 0;
  for (let refused = 0; removed < limit && refused < refusals; refused++) {
    const next = choose(draft, open, budget, limit - removed);
    const possible = next.steps.findIndex(({ score }) => score >= barred);
    const { count, held } = await furthest(
      draft,
      open,
      possible < 0 ? next.steps.length : possible,
      floor,
      singly,
    );
    const broken = choose(draft, open, budget, count + 1).steps[count];
    if (held !== undefined) {
      last = held;
      draft.masks = held.choice.masks;
      removed += count;
    }
    if (held?.choice.reached === true || broken === undefined || broken.score >= barred) break;
    for (const channel of broken.channels) open[broken.group]![channel] = barred;
  }
  return last;
}

/** How closely the number of removals is looked for. */
interface Strides {
  readonly first: number;
  /** The search ends when strides would be shorter. */
  readonly finest: number;
}

const singly: Strides = { first: 1, finest: 1 };

/** The most removals after which the accuracy holds, looked for in strides that double, then halve. */
async function furthest(
  draft: Removal,
  scores: ChannelScores,
  limit: number,
  floor: number,
  { first, finest }: Strides,
): Promise<{ readonly count: number; readonly held: Held | undefined }> {
  const { signal, accuracyOf, prune } = draft.context;
  let count = 0;
  let held: Held | undefined;
  let stride = first;
  let isGrowing = true;
  while (count < limit && stride >= finest) {
    signal?.throwIfAborted();
    const tried = Math.min(limit, count + stride);
    const choice = choose(draft, scores, prune.budget, tried);
    const accuracy = await accuracyOf!(await candidateUnder(draft, choice.masks));
    if (accuracy >= floor) {
      count = tried;
      held = { choice, accuracy };
    } else isGrowing = false;
    stride = isGrowing ? 2 * stride : Math.floor(stride / 2);
  }
  return { count, held };
}

/** What would be handed over, but for tuning. */
async function candidateUnder(draft: Removal, masks: KeepMasks): Promise<Model> {
  const cut = modelUnder(draft, masks);
  const { refinery, analysis } = draft.context;
  return refinery?.repairs === true ? refinery.repaired(survivorOf(analysis, cut, masks)) : cut;
}
