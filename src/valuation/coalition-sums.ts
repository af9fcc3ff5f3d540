/**
 * @file The worker's side of whole coalitions. What the network computes from the masks first is affine in them, so it
 * is added up from the parts of single channels: those that all coalitions keep once, the others by one product.
 */
import type { Session } from "../engine/engine.ts";
import { type Payoff, payoff } from "../metrics/index.ts";
import { arrayTypes, type TypedArray } from "../tensor/dtype.ts";
import { sizeOf, type Tensor, toNumbers } from "../tensor/tensor.ts";
import { type Cached, copyEntry, repeatRow } from "./cached.ts";
import { entryOf } from "./chunks.ts";
import type { AffineValue, WholeSetup } from "./jobs.ts";

type Feeds = Record<string, Tensor>;

/** Which channels a set of coalitions agrees on. */
interface Split {
  /** Channels that all of them keep. */
  readonly shared: readonly number[];
  /** Channels that some keep and some do not; never empty. */
  readonly varied: readonly number[];
}

/** Sums of payoffs over all examples, in the order of the examples; shape [coalitions]. */
export async function sumOverExamples(
  session: Session,
  tail: WholeSetup,
  masks: Uint8Array,
): Promise<Float64Array> {
  const { players, examples, rowsPerRun } = tail;
  const coalitions = masks.length / players;
  const split = splitOf(masks, players);
  const kept = columnsOf(masks, players, split.varied);
  const scorer = payoff(tail.payoff, { outputIs: tail.outputIs });
  const sums = new Float64Array(coalitions);
  for (let example = 0; example < examples; example++) {
    const affine = affineFeeds(tail.affine, example, split);
    for (let start = 0; start < coalitions; start += rowsPerRun) {
      const count = Math.min(rowsPerRun, coalitions - start);
      const width = split.varied.length;
      const data = kept.subarray(start * width, (start + count) * width);
      const mask: Tensor = { dtype: "float32", shape: [count, width], data };
      const feeds = { ...affine, ...repeated(tail.cached, example, count), [tail.kept]: mask };
      const output = (await session.run(feeds))[tail.output]!;
      addPayoffs(scorer, tail, output, example, sums.subarray(start, start + count));
    }
  }
  return sums;
}

function splitOf(masks: Uint8Array, players: number): Split {
  const counts = new Uint32Array(players);
  for (let at = 0; at < masks.length; at++) counts[at % players] = counts[at % players]! + masks[at]!;
  const coalitions = masks.length / players;
  const all = Array.from(counts.keys());
  const varied = all.filter((player) => counts[player]! > 0 && counts[player]! < coalitions);
  if (varied.length === 0) varied.push(0); // the product needs a column
  return {
    shared: all.filter((player) => counts[player] === coalitions && !varied.includes(player)),
    varied,
  };
}

function columnsOf(masks: Uint8Array, players: number, columns: readonly number[]): Float32Array {
  const rows = masks.length / players;
  const out = new Float32Array(rows * columns.length);
  for (let row = 0, at = 0; row < rows; row++) {
    for (const column of columns) out[at++] = masks[row * players + column]!;
  }
  return out;
}

function affineFeeds(values: readonly AffineValue[], example: number, { shared, varied }: Split): Feeds {
  const feeds: Feeds = {};
  for (const { base, parts, size, data } of values) {
    const all = entryOf(data, example);
    const partOf = (player: number) => all.subarray((player + 1) * size, (player + 2) * size);
    const sum = Float64Array.from(all.subarray(0, size));
    for (const player of shared) {
      const part = partOf(player);
      for (let k = 0; k < size; k++) sum[k] = sum[k]! + part[k]!;
    }
    const columns = new Float32Array(varied.length * size);
    varied.forEach((player, k) => {
      columns.set(partOf(player), k * size);
    });
    feeds[base] = { dtype: "float32", shape: [1, size], data: Float32Array.from(sum) };
    feeds[parts] = { dtype: "float32", shape: [varied.length, size], data: columns };
  }
  return feeds;
}

/** What the model reads besides: the example's own values, once for every coalition. */
function repeated(cached: readonly Cached[], example: number, count: number): Feeds {
  const feeds: Feeds = {};
  for (const value of cached) {
    const { name, dtype, shape } = value;
    const size = sizeOf(shape);
    const batch = new arrayTypes[dtype](count * size) as TypedArray;
    copyEntry(value, example, batch, 0);
    repeatRow(batch, size, 0, count);
    feeds[name] = { dtype, shape: [count, ...shape], data: batch };
  }
  return feeds;
}

function addPayoffs(
  scorer: Payoff,
  { targets }: WholeSetup,
  output: Tensor,
  example: number,
  sums: Float64Array,
): void {
  const { data } = output;
  const numbers = data instanceof Float32Array || data instanceof Float64Array ? data : toNumbers(output);
  const rows = sums.length;
  const payoffs = new Float64Array(rows);
  scorer.rows(numbers, output.shape[1] ?? 1, targets, payoffs, new Uint32Array(rows).fill(example));
  for (let row = 0; row < rows; row++) sums[row] = sums[row]! + payoffs[row]!;
}
