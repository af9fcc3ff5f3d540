/** @file Branch and bound: the best set of one size, proven under an assumption that is stated and watched. */
import type { WholeGame } from "../games/whole-game.ts";
import { type Asker, askerOf, type FoundSet, type Guarantee, playersOf } from "./search.ts";

export interface BranchOptions {
  /** Players to keep. */
  readonly size: number;
  /** Coalitions to ask for at most. */
  readonly coalitions: number;
  /**
   * How much removing players may raise the worth, from any set to any smaller one inside it. Larger values prove less
   * quickly, but survive payoffs that are not monotone. Default 0.
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
  readonly guarantee: Extract<Guarantee, { kind: "if-monotone" }>;
  readonly coalitions: number;
  /** Removals of a single player that raised the worth, among those seen; above `slack` they void the guarantee. */
  readonly rises: number;
  readonly largestRise: number;
  readonly stoppedBy: "proof" | "budget";
}

/** A set under consideration, and from which place on its players may still be removed. */
interface Branch {
  readonly set: Uint8Array;
  readonly left: number;
  readonly from: number;
  readonly worth: number;
}

/** Branches opened together, so that their coalitions fill the machine. */
const opened = 64;

/**
 * Looks for the most valuable set of a size by removing players from everyone. If removing players never raises the
 * worth by more than `slack`, nothing inside a set can be worth more than the set plus `slack`; branches below the
 * best set found so far are left alone, and when none is open that set is the best there is. When the budget ends
 * first, the most promising open branch bounds how much better another set could be.
 *
 * Networks do not promise such payoffs. The result says how often a removal seen on the way did raise the worth, and
 * by how much: a rise above `slack` voids the guarantee.
 * @see Narendra & Fukunaga, "A branch and bound algorithm for feature subset selection", IEEE Transactions on
 * Computers C-26 (1977); here best first, and with a slack.
 */
export async function branchAndBound(game: WholeGame, options: BranchOptions): Promise<BranchResult> {
  const { size, coalitions: budget, slack = 0, concurrency, signal, onProgress } = options;
  const { players } = game;
  const asker = askerOf(game, concurrency, signal);
  const everyone = new Uint8Array(players).fill(1);
  const [all, order] = await singleRemovals(asker, everyone);
  const open: Branch[] = [{ set: everyone, left: players, from: 0, worth: all }];
  let best: FoundSet | undefined = options.incumbent;
  let rises = 0;
  let largestRise = 0;
  const accept = ({ set, worth }: Branch) => {
    if (best === undefined || worth > best.worth) best = { size, keep: playersOf(set), worth };
  };
  if (size === players) accept(open.pop()!);
  const isPromising = ({ worth }: Branch) => best === undefined || worth + slack > best.worth;
  while (open.length > 0 && asker.asked < budget) {
    const batch = open.splice(-opened).filter(isPromising);
    const parents = batch.flatMap((branch) =>
      childrenOf(branch, order, size).map((child) => ({ branch, child })),
    );
    const worths = await asker.ask(parents.map(({ child }) => child.set));
    parents.forEach(({ branch, child }, k) => {
      const worth = worths[k]!;
      if (worth > branch.worth) rises++;
      largestRise = Math.max(largestRise, worth - branch.worth);
      const made: Branch = { ...child, worth };
      if (made.left === size) accept(made);
      else open.push(made);
    });
    const promising = open.filter(isPromising).sort((a, b) => a.worth - b.worth);
    open.splice(0, open.length, ...promising);
    onProgress?.(Math.min(asker.asked, budget), budget);
  }
  const found = best ?? (await greedy(asker, open.at(-1)!, order, size));
  const bound = Math.max(found.worth, ...open.slice(-1).map(({ worth }) => worth + slack));
  return {
    found,
    guarantee: { kind: "if-monotone", slack, bound, isProven: open.length === 0 },
    coalitions: asker.asked,
    rises,
    largestRise,
    stoppedBy: open.length === 0 ? "proof" : "budget",
  };
}

/** The worth of everyone, and players from the one whose removal alone costs least to the one whose costs most. */
async function singleRemovals(asker: Asker, everyone: Uint8Array): Promise<[number, number[]]> {
  const players = Array.from(everyone.keys());
  const without = players.map((player) => everyone.map((kept, i) => (i === player ? 0 : kept)));
  const [all, ...worths] = await asker.ask([everyone, ...without]);
  return [all!, players.sort((a, b) => worths[b]! - worths[a]! || a - b)];
}

/** Sets with one more player removed. Players go in one fixed order, so that every set is reached on one way only. */
function childrenOf(
  { set, left, from }: Branch,
  order: readonly number[],
  size: number,
): Omit<Branch, "worth">[] {
  const children: Omit<Branch, "worth">[] = [];
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
