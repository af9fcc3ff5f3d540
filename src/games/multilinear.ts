/** @file Players that are there in part: the multilinear extension of a small game, for trying out methods that use gradients. */
import { everyMask } from "./coalitions.ts";
import type { Game, GameGradients } from "./game.ts";

/** Most players: every example keeps a table of all coalitions. */
const mostPlayers = 16;

/** Coalitions read for one derivative would take far more; a network's backward pass takes about this many rows. */
const rowsOfGradient = 3;

/**
 * The same game with the gradients of its multilinear extension: the payoff to expect when each player takes part with the
 * probability of its gate. Integrated along equal gates they are the Shapley values.
 * @param distort Applied to each derivative, to get gradients that tell less than the truth; default none.
 * @throws {RangeError} for more than 16 players.
 * @see Owen, "Multilinear extensions of games", Management Science 18 (1972), doi:10.1287/mnsc.18.5.64.
 */
export function withMultilinearGradients(
  game: Game,
  distort: (derivative: number, player: number, example: number) => number = (derivative) => derivative,
): Game & { readonly gradients: GameGradients } {
  const { players } = game;
  if (players > mostPlayers) throw new RangeError(`${players} players are more than ${mostPlayers}`);
  const tables = new Map<number, Promise<Float64Array>>();
  const tableOf = (example: number): Promise<Float64Array> => {
    const masks = everyMask(players);
    const known =
      tables.get(example) ?? game.values(masks, new Uint32Array(masks.length / players).fill(example));
    tables.set(example, known);
    return known;
  };
  return {
    ...game,
    gradients: {
      rows: rowsOfGradient,
      async at(gates, examples) {
        const derivatives = new Float64Array(examples.length * players);
        for (let row = 0; row < examples.length; row++) {
          const example = examples[row]!;
          const own = gates.subarray(row * players, (row + 1) * players);
          const table = await tableOf(example);
          for (let player = 0; player < players; player++)
            derivatives[row * players + player] = distort(derivativeOf(table, own, player), player, example);
        }
        return derivatives;
      },
    },
  };
}

/** Σ over coalitions without the player: their probability times what the player adds to them. */
function derivativeOf(table: Float64Array, gates: Float32Array, player: number): number {
  let layer = table;
  for (let other = gates.length - 1; other >= 0; other--) {
    const half = layer.length / 2;
    const gate = gates[other]!;
    const without = layer.subarray(0, half);
    const withIt = layer.subarray(half);
    layer = without.map((payoff, k) =>
      other === player ? withIt[k]! - payoff : (1 - gate) * payoff + gate * withIt[k]!,
    );
  }
  return layer[0]!;
}
