/** @file The worker's side of derivatives with respect to gates. */
import type { Session } from "../engine/engine.ts";
import { fromNumbers, type Tensor, toNumbers } from "../tensor/tensor.ts";
import type { GradientsSetup, Job, TailSetup } from "./jobs.ts";
import { maskColumns } from "./mask-columns.ts";

type GradientsJob = Extract<Job, { readonly kind: "gradients" }>;

export interface Backward {
  readonly tail: TailSetup;
  readonly setup: GradientsSetup;
}

/**
 * Runs the backward pass of a batch.
 * @param activations Cached values of the rows, as the tail has them.
 * @returns Shape [rows, players]; zero for channels that the payoff does not depend on, and for rows that were left out.
 */
export async function evaluateGradients(
  session: Session,
  { tail, setup }: Backward,
  { gates, entries, targets, draws }: GradientsJob,
  activations: Readonly<Record<string, Tensor>>,
): Promise<Float64Array> {
  const rows = entries.length;
  const players = tail.masks.reduce((sum, mask) => sum + mask.players, 0);
  const given: Record<string, Tensor> = { ...activations, ...targets };
  const { thinning } = setup;
  if (thinning !== undefined && draws !== undefined)
    given[thinning.draws] = { dtype: "float32", shape: [rows], data: draws };
  let first = 0;
  for (const { name, players: width } of tail.masks) {
    const data = maskColumns(gates, players, first, width, new Float32Array(rows * width));
    given[name] = { dtype: "float32", shape: [rows, width], data };
    first += width;
  }
  const feeds = Object.fromEntries(setup.reads.map(({ name, dtype }) => [name, as(given[name]!, dtype)]));
  const results = await session.run(feeds);
  const derivatives = new Float64Array(rows * players);
  const kept = thinning && toNumbers(results[thinning.kept]!);
  first = 0;
  setup.outputs.forEach((output, k) => {
    const width = tail.masks[k]!.players;
    if (output !== undefined)
      spread(toNumbers(results[output]!), width, { derivatives, players, first, kept });
    first += width;
  });
  return derivatives;
}

/** The backward pass computes in single precision, whatever the network is kept in. */
function as(tensor: Tensor, dtype: Tensor["dtype"]): Tensor {
  return tensor.dtype === dtype ? tensor : fromNumbers(dtype, tensor.shape, toNumbers(tensor));
}

interface Spread {
  readonly derivatives: Float64Array;
  readonly players: number;
  /** First player of the mask. */
  readonly first: number;
  /** Rows that there are numbers for; all when left out. */
  readonly kept: ArrayLike<number> | undefined;
}

function spread(own: ArrayLike<number>, width: number, { derivatives, players, first, kept }: Spread): void {
  for (let row = 0, at = 0; at < own.length; row++) {
    const start = (kept?.[row] ?? row) * players + first;
    for (let k = 0; k < width; k++) derivatives[start + k] = own[at++]!;
  }
}
