/** @file A small game played out once, so that a thousand runs on it cost nothing more. */
import { everyMask, type Game } from "../../src/games/index.ts";

const examplesPerCall = 4;

/** The same game, answered from a table of all coalitions on all examples. */
export async function tabulated(game: Game): Promise<Game> {
  const { players, examples } = game;
  const coalitions = 2 ** players;
  const payoffs = new Float64Array(coalitions * examples); // [examples, coalitions]
  const masks = everyMask(players); // [coalitions, players]
  for (let first = 0; first < examples; first += examplesPerCall) {
    const count = Math.min(examplesPerCall, examples - first);
    const asked = new Uint8Array(count * masks.length);
    for (let k = 0; k < count; k++) asked.set(masks, k * masks.length);
    const rows = Uint32Array.from(
      { length: count * coalitions },
      (_, row) => first + Math.floor(row / coalitions),
    );
    payoffs.set(await game.values(asked, rows), first * coalitions);
  }
  return {
    players,
    examples,
    values: (wanted, rows) =>
      Promise.resolve(
        Float64Array.from(rows, (example, row) => {
          let coalition = 0;
          for (let i = 0; i < players; i++) coalition |= wanted[row * players + i]! << i;
          return payoffs[example * coalitions + coalition]!;
        }),
      ),
  };
}
