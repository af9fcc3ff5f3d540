/** @file How well the order of some estimates is likely to agree with that of the true values. */
import { randomOrder, stream } from "../math/random.ts";
import { spearman } from "../math/ranks.ts";
import { blockCount } from "./observations.ts";

/** Ways of halving a run that are averaged. */
const halvings = 32;
const purpose = 0x48414c56;

/**
 * Spearman's rank correlation to expect between estimates and true values. The run is cut into two halves of its blocks,
 * in 32 ways; r, the mean correlation of the halves, makes 2r / (1 + r) that of two whole runs and the square root of that
 * the one with what they both estimate (Spearman and Brown). It takes nothing for normal, and errors that all players
 * share move both halves alike. From 0 (nothing is known) to 1; 1 for a single player.
 * @param values Shape [players]; @param influences Shape [blockCount, players].
 * @see Spearman, Br. J. Psychol. 3 (1910); Brown, ibid.
 */
export function expectedAgreement(values: Float64Array, influences: Float64Array): number {
  if (values.length < 2) return 1;
  let sum = 0;
  for (let k = 0; k < halvings; k++) {
    const moved = halfMoves(influences, values.length, randomOrder(blockCount, stream(0, k, purpose)));
    const one = values.map((value, player) => value + moved[player]!);
    const other = values.map((value, player) => value - moved[player]!);
    sum += spearman(one, other) || 0; // a half without any order agrees with nothing
  }
  const halves = Math.max(0, sum / halvings);
  return Math.sqrt((2 * halves) / (1 + halves));
}

/** What the estimate of the first half of the blocks lies above that of all, [players]; the other half is as far below. */
function halfMoves(influences: Float64Array, players: number, order: Uint32Array): Float64Array {
  const moved = new Float64Array(players);
  for (const block of order.subarray(0, blockCount / 2))
    for (let player = 0; player < players; player++)
      moved[player] = moved[player]! + 2 * influences[block * players + player]!;
  return moved;
}
