/** @file Counts what a game is asked. */
import type { CallOptions, Game, Walks } from "./game.ts";
import { gradientCost } from "./gradient-cost.ts";
import { rowsOfWalks } from "./walks.ts";

export interface CountedGame extends Game {
  /** Rows asked for so far; gradients count as what they cost. */
  readonly rows: number;
  readonly calls: number;
}

/** The same game, with a tally of rows and calls. */
export function counted(game: Game): CountedGame {
  let rows = 0;
  let calls = 0;
  const { gradients } = game;
  return {
    players: game.players,
    examples: game.examples,
    rowsPerCall: game.rowsPerCall,
    get rows() {
      return rows;
    },
    get calls() {
      return calls;
    },
    values(masks, examples, options) {
      rows += examples.length;
      calls++;
      return game.values(masks, examples, options);
    },
    ...(game.walks && {
      walks(walks: Walks, options?: CallOptions) {
        rows += rowsOfWalks(walks);
        calls++;
        return game.walks!(walks, options);
      },
    }),
    ...(gradients && {
      gradients: {
        ...gradients,
        at(gates, examples, options) {
          const drawn = options?.draws?.reduce((count, draw) => count + (draw < 0 ? 0 : 1), 0) ?? 0;
          rows += gradientCost(game, false) * (examples.length - drawn) + gradientCost(game, true) * drawn;
          calls++;
          return gradients.at(gates, examples, options);
        },
      },
    }),
  };
}
