/** @file A four-unit network that computes the larger of two numbers, whose Shapley values are known. */
import { stream, uniform } from "../math/random.ts";
import { gameOf, type KnownGame } from "./toy-games.ts";

/** Weights of the hidden layer, [2 inputs, 4 units]: z = ReLU(x W). */
export const maxModelHidden = [
  [-0.25, 1, 1, 1],
  [0.25, -1, 1, 1],
] as const;

/** Weights of the output, [4 units]: y = z · out equals max(x1, x2) for x in [0, 10]². */
export const maxModelOutput = [2, 0.5, 0.5, 0] as const;

/**
 * The game of its four hidden units: payoff of a row = -|max(x1, x2) - y| on one input drawn from [0, 10]². The
 * error never changes sign, so the game is additive; `shapley` holds the limit for many inputs, (5/6, 5/6, 5, 0).
 * @see Ancona, Öztireli & Gross, "Shapley Value as Principled Metric for Structured Network Pruning" (2020).
 */
export function maxModelGame(examples: number, seed: number): KnownGame {
  const random = stream(seed, 0);
  const inputs = Float64Array.from({ length: 2 * examples }, () => 10 * uniform(random));
  const game = gameOf(4, examples, (masks, at, example) => {
    const x1 = inputs[2 * example]!;
    const x2 = inputs[2 * example + 1]!;
    let y = 0;
    for (let unit = 0; unit < 4; unit++) {
      const z = Math.max(0, x1 * maxModelHidden[0][unit]! + x2 * maxModelHidden[1][unit]!);
      y += masks[at + unit]! * z * maxModelOutput[unit]!;
    }
    return -Math.abs(Math.max(x1, x2) - y);
  });
  return { ...game, shapley: Float64Array.of(5 / 6, 5 / 6, 5, 0) };
}
