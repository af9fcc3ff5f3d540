/** @file What gradients of a game cost. */
import type { Game } from "./game.ts";

/** What one gradient costs, in rows; 0 where there are none. @param mayBeLeftOut Whether a draw comes with it. */
export function gradientCost({ gradients }: Pick<Game, "gradients">, mayBeLeftOut: boolean): number {
  const exact = gradients?.rows ?? 0;
  return mayBeLeftOut ? (gradients?.thinnedRows ?? exact) : exact;
}
