/** @file How much of a control variate to take off, and how to share rows between walks and gradients. */

/** Observations of walks and of their controls, each [players]. */
export interface PilotItem {
  readonly values: Float64Array;
  readonly controls: Float64Array;
}

/**
 * The multiple of the controls that leaves the least variance, one for all players: Σ (w - w̄)(c - c̄) / Σ (c - c̄)²,
 * confined to 0 … 2, and 0 where controls do not vary.
 */
export function coefficientOf(items: readonly PilotItem[]): number {
  const { wc, cc } = products(items);
  return cc > 0 ? Math.min(2, Math.max(0, wc / cc)) : 0;
}

/** Share of the variance of the walks that is left when a multiple of the controls is taken off; 1 where nothing varies. */
export function residualOf(items: readonly PilotItem[], coefficient: number): number {
  const { ww, wc, cc } = products(items);
  return ww > 0 ? (ww - 2 * coefficient * wc + coefficient ** 2 * cc) / ww : 1;
}

function products(items: readonly PilotItem[]) {
  const players = items[0]?.values.length ?? 0;
  let [ww, wc, cc] = [0, 0, 0];
  for (let player = 0; player < players; player++) {
    const meanOf = (key: keyof PilotItem) =>
      items.reduce((sum, item) => sum + item[key][player]!, 0) / items.length;
    const [w, c] = [meanOf("values"), meanOf("controls")];
    for (const { values, controls } of items) {
      ww += (values[player]! - w) ** 2;
      wc += (values[player]! - w) * (controls[player]! - c);
      cc += (controls[player]! - c) ** 2;
    }
  }
  return { ww, wc, cc };
}

export interface Costs {
  /** Rows of a pair of walks on one example. */
  readonly walk: number;
  /** What the gradients of one example cost, in rows. */
  readonly gradients: number;
  readonly examples: number;
}

export interface Share {
  /** Pairs of walks. */
  readonly walks: number;
  /** Examples with gradients, those of the walks included; 0 when the controls are not worth their price. */
  readonly controls: number;
}

/**
 * The split of a budget that leaves the least variance. With m pairs of walks and gradients on M of E examples, drawn
 * without repetition, the variance is V · (r/m + (1 - r)(1/M - 1/E)); without controls, where a pair on every example
 * leaves no variance between examples either, V · (r/m + (1 - r)(1/m - 1/E)). The first is least at
 * M/m = √((1 - r)·walk / (r·gradients)), unless that is more than all examples.
 * @param residual r, the share of the variance V of a pair of walks that its controls leave.
 */
export function shareOut(rows: number, residual: number, costs: Costs): Share {
  const { walk, gradients, examples } = costs;
  const r = Math.min(1, Math.max(0.002, residual));
  const between = (count: number) => (1 - r) * Math.max(0, 1 / count - 1 / examples);
  const plain: Share = { walks: Math.floor(rows / walk), controls: 0 };
  const ratio = Math.sqrt(((1 - r) * walk) / (r * gradients));
  const split = ratio > 1 ? splitAt(rows, ratio, costs) : plain;
  if (split.walks < 1) return plain;
  const withControls = r / split.walks + between(split.controls);
  return withControls < r / plain.walks + between(plain.walks) ? split : plain;
}

function splitAt(rows: number, ratio: number, { walk, gradients, examples }: Costs): Share {
  const walks = Math.floor(rows / (walk + ratio * gradients));
  const controls = Math.floor((rows - walks * walk) / gradients);
  if (controls <= examples && walks <= examples) return { walks, controls };
  const left = rows - examples * gradients;
  const once = Math.floor(left / walk);
  if (once <= examples) return { walks: once, controls: examples };
  // walks beyond the examples see one for the second time, and its gradients with it
  const again = Math.floor((rows - examples * (walk + gradients)) / (walk + gradients));
  return { walks: examples + again, controls: examples };
}
