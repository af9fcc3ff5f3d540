/** @file Games whose answers wait for their turn. */
import type { CallOptions, Game, Walks } from "../games/game.ts";

export interface InTurn<G extends Game> {
  readonly game: G;
  /** From now on answers are held back, … */
  hold(): void;
  /** … and from now on they are handed out. */
  handOut(): void;
}

/**
 * A game that works as soon as it is asked, but answers only when its turn has come: until then, what a run on it knows
 * stands still and can be put down. Failures are not held back.
 */
export function inTurn<G extends Game>(game: G): InTurn<G> {
  let turn: Promise<void> = Promise.resolve();
  let handOut = (): void => undefined;
  const held = async <T>(answer: Promise<T>): Promise<T> => {
    const own = turn;
    const value = await answer;
    await own;
    return value;
  };
  const { gradients } = game;
  return {
    game: {
      ...game,
      rowsPerCall: undefined, // in small steps there is more to decide between them
      values: (masks, examples, call) => held(game.values(masks, examples, call)),
      ...(game.walks !== undefined && {
        walks: (asked: Walks, call?: CallOptions) => held(game.walks!(asked, call)),
      }),
      ...(gradients !== undefined && {
        gradients: {
          ...gradients,
          at: (gates, examples, call) => held(gradients.at(gates, examples, call)),
        },
      }),
    },
    hold(): void {
      turn = new Promise((resolve) => {
        handOut = resolve;
      });
    },
    handOut: () => handOut(),
  };
}
