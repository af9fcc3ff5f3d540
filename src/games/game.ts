/** @file The one interface between whatever is worth something and whatever estimates what its parts are worth. */

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * A cooperative game whose payoff is a mean over examples: v(S) = mean over e of v(S; e). One unit of work, and of
 * budget, is a row: one coalition on one example.
 */
export interface Game {
  readonly players: number;
  /** How many examples the payoff is a mean over; 1 for games without examples. */
  readonly examples: number;
  /**
   * Payoff of several (coalition, example) pairs in one call. Calls may overlap; a row's payoff depends only on
   * its mask and example.
   * @param masks Shape [rows, players], row-major; 1 keeps a channel, 0 silences it.
   * @param examples Shape [rows]; which example each row is evaluated on.
   * @returns Shape [rows], in the unit of the payoff (for example negative cross-entropy in nats).
   */
  values(masks: Uint8Array, examples: Uint32Array, options?: CallOptions): Promise<Float64Array>;
}
