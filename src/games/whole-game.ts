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

/** Asks a game row by row. One call becomes one call of coalitions times examples rows. */
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
      for (let c = 0, row = 0; c < coalitions; c++) {
        const mask = masks.subarray(c * players, (c + 1) * players);
        for (let example = 0; example < examples; example++, row++) {
          rows.set(mask, row * players);
          which[row] = example;
        }
      }
      const payoffs = await game.values(rows, which, options);
      return Float64Array.from(
        { length: coalitions },
        (_, c) => sum(payoffs.subarray(c * examples, (c + 1) * examples)) / examples,
      );
    },
  };
}
