/** @file Games: the interface, coalition masks, wrappers, and toy games with known answers. */
export { type CachedGame, type CacheOptions, cached } from "./cached.ts";
export {
  bitsOfMask,
  coalitionSize,
  everyMask,
  maskFromBits,
  prefixMasks,
  writeBits,
  writePrefixes,
} from "./coalitions.ts";
export { type CountedGame, counted } from "./counted.ts";
export type { CallOptions, Game, GameGradients, Walks } from "./game.ts";
export { maxModelGame, maxModelHidden, maxModelOutput } from "./max-model.ts";
export { withMultilinearGradients } from "./multilinear.ts";
export {
  additiveGame,
  airportGame,
  gameOf,
  gloveGame,
  interactionGame,
  type KnownGame,
  noisyGame,
  type Payoff,
  quadraticGame,
  randomInteractionGame,
  unanimityGame,
} from "./toy-games.ts";
export { playWalks, rowsAlong, rowsOfWalks } from "./walks.ts";
export { type WholeGame, wholeGame } from "./whole-game.ts";
