/** @file Games asked for whole coalitions: their worth on all examples, without the rows in between. */
import { sum } from "../math/sums.ts";
import type { CallOptions, Game } from "./game.ts";

/** A game whose coalitions are evaluated on every example at once. */
export interface WholeGame {
  readonly players: number;
  readonly examples: number;
  /** Players known for certain to change no payoff of any coalition on any example, ascending. */
  readonly silent: readonly number[];
  /**
   * Worth of coalitions: v(S) = mean over all examples, added up in double precision in the order of the examples.
   * @param masks Shape [coalitions, players], row-major; 1 keeps a player.
   * @returns Shape [coalitions].
   */
  means(masks: Uint8Array, options?: CallOptions): Promise<Float64Array>;
}

/**
 * Asks a game row by row. One call becomes one call of coalitions times examples rows, example by example: what a game
 * keeps of an example then serves all coalitions.
 */
export function wholeGame(game: Game): WholeGame {
  const { players, examples } = game;
  return {
    players,
    examples,
    silent: [],
    async means(masks, options) {
      const coalitions = masks.length / players;
      const rows = new Uint8Array(coalitions * examples * players);
      const which = new Uint32Array(coalitions * examples);
      for (let example = 0, row = 0; example < examples; example++) {
        rows.set(masks, row * players);
        which.fill(example, row, row + coalitions);
        row += coalitions;
      }
      const payoffs = await game.values(rows, which, options);
      const own = new Float64Array(examples);
      return Float64Array.from({ length: coalitions }, (_, c) => {
        for (let example = 0; example < examples; example++)
          own[example] = payoffs[example * coalitions + c]!;
        return sum(own) / examples;
      });
    },
  };
}
