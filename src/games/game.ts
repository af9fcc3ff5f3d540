/** @file The one interface between whatever is worth something and whatever estimates what its parts are worth. */

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Walks from coalition to coalition: along each order the players join one after the other. A row of a walk is the
 * coalition of its first players, on one example.
 */
export interface Walks {
  /** Shape [walks, players], row-major: who joins first, second, … Nobody is looked at behind the last who joins. */
  readonly orders: Uint32Array;
  /** Shape [walks], like all that follow: size of the walk's first coalition, … */
  readonly from: Uint32Array;
  /** … and of its last, not below the first. */
  readonly to: Uint32Array;
  readonly examples: Uint32Array;
}

/**
 * A cooperative game whose payoff is a mean over examples: v(S) = mean over e of v(S; e). One unit of work, and of
 * budget, is a row: one coalition on one example.
 */
export interface Game {
  readonly players: number;
  /** How many examples the payoff is a mean over; 1 for games without examples. */
  readonly examples: number;
  /** Rows that calls of a long run are best made of, where rows are so cheap that few of them would not be worth a call. */
  readonly rowsPerCall?: number | undefined;
  /**
   * Payoff of several (coalition, example) pairs in one call. Calls may overlap; a row's payoff depends only on
   * its mask and example. Masks and examples may be written over once the promise has settled: a game that keeps them
   * makes a copy.
   * @param masks Shape [rows, players], row-major; 1 keeps a channel, 0 silences it.
   * @param examples Shape [rows]; which example each row is evaluated on.
   * @returns Shape [rows], in the unit of the payoff (for example negative cross-entropy in nats).
   */
  values(masks: Uint8Array, examples: Uint32Array, options?: CallOptions): Promise<Float64Array>;
  /**
   * Payoffs of the coalitions that walks pass through, where the game has a shorter way to them than one mask after the
   * other. Ask through `playWalks`, which writes masks for games that have none. Everything said of `values` holds.
   * @returns Shape [rows]: walk after walk, and within a walk by size.
   */
  walks?(walks: Walks, options?: CallOptions): Promise<Float64Array>;
  /** Derivatives, where the game can be played with players that are there in part. */
  readonly gradients?: GameGradients | undefined;
}

export interface GradientOptions extends CallOptions {
  /**
   * Lets the game leave rows out: a number from 0 to below 1 for each, shape [rows], drawn uniformly. Derivatives of a row are
   * then zero, or divided by the chance with which it was kept, so that they are what they should be on average over draws. A
   * negative number asks for exact ones. A game that leaves no rows out takes no notice.
   */
  readonly draws?: Float32Array | undefined;
}

/**
 * A game continued to players that are there in part: gates between 0 (absent) and 1 (present), with v at the corners as
 * `Game.values` has it, up to a number that depends on the example alone. How it is continued in between is the game's own
 * affair: a network multiplies each channel with its gate.
 */
export interface GameGradients {
  /** What one (gates, example) pair costs, in rows. At least 1; the same for every pair, and decided from sizes alone. */
  readonly rows: number;
  /** The same for a pair that may be left out; absent where the game leaves none out. */
  readonly thinnedRows?: number | undefined;
  /**
   * Derivatives of payoffs with respect to gates.
   * @param gates Shape [rows, players], row-major, from 0 to 1.
   * @param examples Shape [rows]; which example each row is about.
   * @returns Shape [rows, players], in the unit of the payoff.
   */
  at(gates: Float32Array, examples: Uint32Array, options?: GradientOptions): Promise<Float64Array>;
}
