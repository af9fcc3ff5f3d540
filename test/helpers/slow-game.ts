/** @file A game of 64 chunks that takes its time, for tests that end it halfway. */
import { randomInteractionGame } from "../../src/games/toy-games.ts";
import { type WholeGame, wholeGame } from "../../src/games/whole-game.ts";

export const slowIdentity = { model: "toy", data: "none", group: "all" };
export const slowChunks = 64;

/** @param pause Waited for before every call. */
export function slowGame(pause: () => Promise<unknown>, onCall?: () => void): WholeGame {
  const game = wholeGame(randomInteractionGame(12, 9));
  return {
    ...game,
    examples: 2 ** 14, // the smallest chunks there are
    async means(masks, options) {
      onCall?.();
      await pause();
      return game.means(masks, options);
    },
  };
}
