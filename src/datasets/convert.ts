/** @file From stored rows to a batch: element type, normalisation and channel order in one pass. */
import { allocate, type DType, type TypedArray } from "../tensor/dtype.ts";
import { fromNumbers, sizeOf, type Tensor, toNumbers } from "../tensor/tensor.ts";
import type { ExampleSource } from "./source.ts";

/**
 * Copies the listed rows of a source into a batch tensor, shape [rows.length, ...feed.shape]. Arithmetic is done in
 * double precision and rounded once.
 */
export function convertRows(source: ExampleSource, rows: Uint32Array): Tensor {
  const { feed, dtype } = source;
  const shape = [rows.length, ...feed.shape];
  const isPlain = source.affine === undefined && feed.moves === "nothing";
  if (isPlain && dtype === feed.dtype) return { dtype, shape, data: copiedRows(source, rows) };
  if (isBig(dtype) && isBig(feed.dtype)) {
    const data = allocate(feed.dtype, rows.length * sizeOf(source.shape)) as BigInt64Array;
    data.set(copiedRows(source, rows) as BigInt64Array); // never through doubles, which are exact to 2^53 only
    return { dtype: feed.dtype, shape, data };
  }
  return computedRows(source, rows, shape);
}

function isBig(dtype: DType): boolean {
  return dtype === "int64" || dtype === "uint64";
}

function copiedRows({ dtype, shape, stored }: ExampleSource, rows: Uint32Array): TypedArray {
  const size = sizeOf(shape);
  const out = allocate(dtype, rows.length * size);
  rows.forEach((row, k) => {
    out.set(stored.rows(row, row + 1) as never, k * size);
  });
  return out;
}

function computedRows(source: ExampleSource, rows: Uint32Array, shape: readonly number[]): Tensor {
  const { feed, dtype } = source;
  const size = sizeOf(source.shape);
  const walk = walkOf(source);
  // Float32 is what nearly every model takes; everything else goes through doubles once more.
  const out =
    feed.dtype === "float32" ? new Float32Array(rows.length * size) : new Float64Array(rows.length * size);
  const table = dtype === "uint8" || dtype === "bool" ? tableOf(walk) : undefined;
  for (let k = 0; k < rows.length; k++) {
    const stored = source.stored.rows(rows[k]!, rows[k]! + 1);
    if (table !== undefined) lookUp(stored as Uint8Array, walk, table, out, k * size);
    else scaleAndShift(numbersOf(dtype, stored), walk, out, k * size);
  }
  return out instanceof Float32Array
    ? { dtype: "float32", shape, data: out }
    : fromNumbers(feed.dtype, shape, out);
}

function numbersOf(dtype: DType, data: TypedArray): Float32Array | Float64Array {
  return data instanceof Float32Array || data instanceof Float64Array
    ? data
    : toNumbers({ dtype, shape: [data.length], data });
}

/** How one example is walked through: channel by channel, with the step to the next channel and position. */
interface Walk {
  readonly channels: number;
  readonly positions: number;
  readonly fromChannel: number;
  readonly fromPosition: number;
  readonly toChannel: number;
  readonly toPosition: number;
  readonly factor: (channel: number) => number;
  readonly shift: (channel: number) => number;
}

function walkOf({ shape, layout, feed, affine }: ExampleSource): Walk {
  const size = sizeOf(shape);
  const isLast = feed.moves === "last-to-first" || (feed.moves === "nothing" && layout === "nhwc");
  const channels = (isLast ? shape.at(-1) : shape[0]) ?? 1;
  const positions = size / channels;
  const first = { channel: positions, position: 1 };
  const last = { channel: 1, position: channels };
  const from = isLast ? last : first;
  const to = feed.moves === "nothing" ? from : isLast ? first : last;
  return {
    channels,
    positions,
    fromChannel: from.channel,
    fromPosition: from.position,
    toChannel: to.channel,
    toPosition: to.position,
    factor: (channel) => affine?.factor[affine.factor.length === 1 ? 0 : channel] ?? 1,
    shift: (channel) => affine?.shift[affine.shift.length === 1 ? 0 : channel] ?? 0,
  };
}

/** What each of the 256 bytes becomes in each channel, shape [channels, 256]. */
function tableOf({ channels, factor, shift }: Walk): Float64Array {
  return Float64Array.from({ length: channels * 256 }, (_, at) => {
    const channel = at >> 8;
    return (at & 255) * factor(channel) + shift(channel);
  });
}

function lookUp(
  stored: Uint8Array,
  walk: Walk,
  table: Float64Array,
  out: Float32Array | Float64Array,
  start: number,
): void {
  const { channels, positions, fromPosition, toPosition } = walk;
  for (let c = 0; c < channels; c++) {
    let from = c * walk.fromChannel;
    let to = start + c * walk.toChannel;
    const ofChannel = table.subarray(c * 256, c * 256 + 256);
    for (let p = 0; p < positions; p++, from += fromPosition, to += toPosition) {
      out[to] = ofChannel[stored[from]!]!;
    }
  }
}

function scaleAndShift(
  stored: Float32Array | Float64Array,
  walk: Walk,
  out: Float32Array | Float64Array,
  start: number,
): void {
  const { channels, positions, fromPosition, toPosition } = walk;
  for (let c = 0; c < channels; c++) {
    const factor = walk.factor(c);
    const shift = walk.shift(c);
    let from = c * walk.fromChannel;
    let to = start + c * walk.toChannel;
    for (let p = 0; p < positions; p++, from += fromPosition, to += toPosition) {
      out[to] = stored[from]! * factor + shift;
    }
  }
}
