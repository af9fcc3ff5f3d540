/** @file How rows are shared out over strata, and between walks and gradients. */

/** What is known of a stratum: deviations are over its examples, of all players together. */
export interface StratumSpread {
  readonly examples: number;
  /** Standard deviation of a pair of walks, … */
  readonly walks: number;
  /** … of a pair less the control of its example, … */
  readonly rest: number;
  /** … and of controls. */
  readonly controls: number;
  /** Examples that have gradients already, besides those of walks. */
  readonly seen: number;
}

export interface PairCosts {
  /** Rows of a pair of walks. */
  readonly walk: number;
  /** What the gradients of one example cost, in rows; infinite where there are none. */
  readonly gradients: number;
  /** The same where they come alone, without walks. */
  readonly gradientsAlone: number;
}

/** What a run is to have in each stratum. */
export interface Extent {
  /** Pairs of walks. */
  readonly walks: readonly number[];
  /** Examples with gradients; those of walks count where the run is controlled. */
  readonly controls: readonly number[];
  /** Whether controls are taken off walks. */
  readonly isControlled: boolean;
  /** Whether gradients alone come before walks. Default: side by side. */
  readonly gradientsFirst?: boolean;
}

/** Pairs for which a stratum gets at least one row's worth of attention, whatever was seen of it: this share of the mean. */
const leastSpread = 0.2;

/**
 * The allocation of Neyman, with controls or without, whichever is to leave less variance. With W_h the share of stratum h,
 * m_h pairs and gradients on M_h of E_h examples, that is Σ W_h² (rest²/m_h + controls² (1/M_h - 1/E_h)); it is least where
 * m_h is as W_h · rest / √walk and M_h as W_h · controls / √gradients, up to all E_h.
 * @param rows What may be spent in all.
 * @see Neyman, J. R. Stat. Soc. 97 (1934); Cochran, "Sampling Techniques" (1977), sections 5.5 and 12.
 */
export function shareOut(rows: number, strata: readonly StratumSpread[], costs: PairCosts): Extent {
  const plain = planOf(rows, strata, costs, false);
  if (!Number.isFinite(costs.gradients)) return plain;
  const controlled = planOf(rows, strata, costs, true);
  const isBetter = varianceOf(controlled, strata) < varianceOf(plain, strata);
  return isBetter && costOf(controlled, strata, costs) <= rows ? controlled : plain;
}

/** Whether walks vary less once controls are taken off, over all strata. */
export function saveVariance(strata: readonly StratumSpread[]): boolean {
  const total = (of: (stratum: StratumSpread) => number) =>
    strata.reduce((sum, one) => sum + one.examples * of(one) ** 2, 0);
  return total(({ rest }) => rest) < total(({ walks }) => walks);
}

/** The allocation of one kind; at least one pair in every stratum. */
export function planOf(
  rows: number,
  strata: readonly StratumSpread[],
  costs: PairCosts,
  isControlled: boolean,
): Extent {
  const spreads = floored(strata, ({ rest, walks }) => (isControlled ? rest : walks));
  const at = (scale: number): Extent => {
    const part = (h: number, spread: number, cost: number) =>
      Math.floor((scale * strata[h]!.examples * spread) / Math.sqrt(cost));
    const walks = strata.map((_, h) => Math.max(1, part(h, spreads[h]!, costs.walk)));
    const controls = strata.map(({ examples, seen, controls }, h) => {
      if (!isControlled) return seen;
      const least = Math.min(examples, seen + walks[h]!);
      return Math.min(examples, Math.max(least, part(h, controls, costs.gradients)));
    });
    return { walks, controls, isControlled };
  };
  return at(largest((scale) => costOf(at(scale), strata, costs) <= rows));
}

/** A stratum in which little was seen to vary may still vary. */
export function floored(strata: readonly StratumSpread[], of: (stratum: StratumSpread) => number): number[] {
  const mean = strata.reduce((sum, one) => sum + one.examples * of(one), 0) / totalOf(strata);
  return strata.map((one) => Math.max(of(one), leastSpread * mean, Number.MIN_VALUE));
}

export function totalOf(strata: readonly StratumSpread[]): number {
  return strata.reduce((sum, { examples }) => sum + examples, 0);
}

/** Rows of a plan. Walks on examples seen before take their gradients anew. */
export function costOf(
  { walks, controls, isControlled }: Extent,
  strata: readonly StratumSpread[],
  { walk, gradients }: PairCosts,
): number {
  return strata.reduce((sum, { seen }, h) => {
    const taken = isControlled ? Math.max(controls[h]!, seen + walks[h]!) : controls[h]!;
    return sum + walks[h]! * walk + (taken === 0 ? 0 : taken * gradients);
  }, 0);
}

/** Variance that a plan leaves, of all players together. */
export function varianceOf(
  { walks, controls, isControlled }: Extent,
  strata: readonly StratumSpread[],
): number {
  return strata.reduce((sum, one, h) => {
    const weight = one.examples / totalOf(strata);
    const among = (count: number) => one.controls ** 2 * Math.max(0, 1 / count - 1 / one.examples);
    const left = one.rest ** 2 / walks[h]!;
    const own = isControlled
      ? left + among(controls[h]!)
      : // a pair on every example leaves nothing that differs between examples alone
        Math.min(one.walks ** 2 / walks[h]!, left + among(walks[h]!));
    return sum + weight ** 2 * own;
  }, 0);
}

/** The largest scale that fits, by halving; what fits shrinks as scales grow. Where everything fits, a very large one. */
export function largest(fits: (scale: number) => boolean): number {
  let [low, high] = [0, 1];
  while (fits(high) && high < 1e300) [low, high] = [high, 4 * high];
  for (let k = 0; k < 60; k++) {
    const middle = (low + high) / 2;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}
