/** @file Medians, spreads, and contenders that take turns. */
import { ascending } from "../src/math/ranks.ts";

export interface Spread {
  readonly median: number;
  /** Quartiles. */
  readonly low: number;
  readonly high: number;
}

export function spreadOf(values: ArrayLike<number>): Spread {
  const order = ascending(values);
  const at = (share: number): number => {
    const place = share * (order.length - 1);
    const below = values[order[Math.floor(place)]!]!;
    const above = values[order[Math.ceil(place)]!]!;
    return below + (above - below) * (place - Math.floor(place));
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

/** "12.3 (11.9 to 12.6)": the median and the quartiles. */
export function spreadText(values: ArrayLike<number>, digits = 2): string {
  const { median, low, high } = spreadOf(values);
  return `${median.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;
}

let mostRounds = Number.POSITIVE_INFINITY;

/** From now on everything is measured once: to see that it runs. */
export function measureOnce(): void {
  mostRounds = 1;
}

export function isMeasuredOnce(): boolean {
  return mostRounds === 1;
}

/**
 * Times contenders round by round, so that whatever else the machine does meets all of them.
 * @returns Seconds, one list per contender, in its order; the first, unmeasured round warms up.
 */
export async function takeTurns<K extends string>(
  contenders: Readonly<Record<K, () => Promise<unknown>>>,
  rounds: number,
): Promise<Record<K, number[]>> {
  const names = Object.keys(contenders) as K[];
  const seconds = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<K, number[]>;
  for (let round = -1; round < Math.min(rounds, mostRounds); round++) {
    for (const name of names) {
      const started = performance.now();
      await contenders[name]();
      if (round >= 0) seconds[name].push((performance.now() - started) / 1000);
    }
  }
  return seconds;
}

/** Ratio of two contenders in each round. */
export function ratios(over: readonly number[], under: readonly number[]): number[] {
  return over.map((value, round) => value / under[round]!);
}
