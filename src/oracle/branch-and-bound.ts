/** @file Branch and bound: the best set of one size, proven under an assumption that is stated and watched. */
import type { WholeGame } from "../games/whole-game.ts";
import { type Asker, askerOf, type FoundSet, type Guarantee, playersOf } from "./search.ts";

export interface BranchOptions {
  /** Players to keep. */
  readonly size: number;
  /** Coalitions to ask for at most. */
  readonly coalitions: number;
  /**
   * How much removing players may raise the worth, from any set to any smaller one inside it: the smallest value to
   * assume. It grows to the largest rise that is seen. Default 0.
   */
  readonly slack?: number | undefined;
  /** A set to beat from the start. */
  readonly incumbent?: FoundSet | undefined;
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface BranchResult {
  readonly found: FoundSet;
  /** Its `slack` is the assumption the search ended with: no rise seen contradicts it. */
  readonly guarantee: Extract<Guarantee, { kind: "if-monotone" }>;
  readonly coalitions: number;
  /** Removals of a single player that raised the worth, among those seen. */
  readonly rises: number;
  readonly stoppedBy: "proof" | "budget";
}

/** A set under consideration, and from which place on its players may still be removed. */
interface Branch {
  readonly set: Uint8Array;
  readonly left: number;
  readonly from: number;
  readonly worth: number;
  /** Lowest worth on the way from everyone to this set. */
  readonly lowest: number;
}

/** Branches opened together, so that their coalitions fill the machine. */
const opened = 64;

/**
 * Looks for the most valuable set of a size by removing players from everyone. If removing players never raises the
 * worth by more than `slack`, nothing inside a set can be worth more than the set plus `slack`: branches that cannot
 * beat the best set found are left alone, and when no other is open that set is the best there is. When the budget ends
 * first, the most promising open branch bounds how much better another set could be.
 *
 * Networks do not promise such payoffs, and a removal that raises the payoff is common. Whenever a rise above the slack
 * is seen, from everyone to a smaller set or on any way in between, the slack grows to it and branches left alone come
 * back. So the assumption that the result is stated under is never one that the search itself has seen fail.
 * @see Narendra & Fukunaga, "A branch and bound algorithm for feature subset selection", IEEE Transactions on
 * Computers C-26 (1977); here best first, and with a slack that learns.
 */
export async function branchAndBound(game: WholeGame, options: BranchOptions): Promise<BranchResult> {
  const { size, coalitions: budget, concurrency, signal, onProgress } = options;
  const { players } = game;
  const asker = askerOf(game, concurrency, signal);
  const everyone = new Uint8Array(players).fill(1);
  const { all, order, highest } = await singleRemovals(asker, everyone);
  const open: Branch[] = [{ set: everyone, left: players, from: 0, worth: all, lowest: all }];
  let best: FoundSet | undefined = options.incumbent;
  let slack = Math.max(options.slack ?? 0, highest - all, (best?.worth ?? all) - all);
  let rises = 0;
  const accept = ({ set, worth }: Branch) => {
    if (best === undefined || worth > best.worth) best = { size, keep: playersOf(set), worth };
  };
  if (size === players) accept(open.pop()!);
  const isPromising = ({ worth }: Branch) => best === undefined || worth + slack > best.worth;
  while (open.length > 0 && isPromising(open.at(-1)!) && asker.asked < budget) {
    const batch = open.splice(-opened);
    const made = batch.flatMap((branch) =>
      childrenOf(branch, order, size).map((child) => ({ branch, child })),
    );
    const worths = await asker.ask(made.map(({ child }) => child.set));
    made.forEach(({ branch, child }, k) => {
      const worth = worths[k]!;
      if (worth > branch.worth) rises++;
      slack = Math.max(slack, worth - branch.lowest);
      const next: Branch = { ...child, worth, lowest: Math.min(worth, branch.lowest) };
      if (next.left === size) accept(next);
      else open.push(next);
    });
    open.sort((a, b) => a.worth - b.worth);
    onProgress?.(Math.min(asker.asked, budget), budget);
  }
  const found = best ?? (await greedy(asker, open.at(-1)!, order, size));
  const rest = open.at(-1);
  const isProven = rest === undefined || !(rest.worth + slack > found.worth);
  const bound = rest === undefined || isProven ? found.worth : rest.worth + slack;
  return {
    found,
    guarantee: { kind: "if-monotone", slack, bound, isProven },
    coalitions: asker.asked,
    rises,
    stoppedBy: isProven ? "proof" : "budget",
  };
}

interface SingleRemovals {
  /** Worth of everyone. */
  readonly all: number;
  /** Players from the one whose removal alone costs least to the one whose costs most. */
  readonly order: readonly number[];
  /** The highest worth with one player removed. */
  readonly highest: number;
}

async function singleRemovals(asker: Asker, everyone: Uint8Array): Promise<SingleRemovals> {
  const players = Array.from(everyone.keys());
  const without = players.map((player) => everyone.map((kept, i) => (i === player ? 0 : kept)));
  const [all, ...worths] = await asker.ask([everyone, ...without]);
  const order = players.sort((a, b) => worths[b]! - worths[a]! || a - b);
  return { all: all!, order, highest: Math.max(...worths) };
}

/** Sets with one more player removed. Players go in one fixed order, so that every set is reached on one way only. */
function childrenOf(
  { set, left, from }: Branch,
  order: readonly number[],
  size: number,
): Omit<Branch, "worth" | "lowest">[] {
  const children: Omit<Branch, "worth" | "lowest">[] = [];
  const toRemove = left - size;
  for (let place = from; place + toRemove <= order.length; place++) {
    const fewer = set.slice();
    fewer[order[place]!] = 0;
    children.push({ set: fewer, left: left - 1, from: place + 1 });
  }
  return children;
}

/** Any set of the size below a branch, for a budget that ended before one was reached. */
async function greedy(
  asker: Asker,
  { set, left, from }: Branch,
  order: readonly number[],
  size: number,
): Promise<FoundSet> {
  const fewer = set.slice();
  for (let k = 0; k < left - size; k++) fewer[order[from + k]!] = 0;
  const [worth] = await asker.ask([fewer]);
  return { size, keep: playersOf(fewer), worth: worth! };
}
