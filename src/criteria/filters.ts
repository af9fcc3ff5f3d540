/** @file The weights that make each channel of a group. */
import type { ChannelAnalysis } from "../channels/groups.ts";
import { sizeOf, toNumbers } from "../tensor/tensor.ts";

/** All filters of one layer; filter k is the part of its weight tensor that makes position k of its output. */
export interface FilterBank {
  readonly value: string;
  /** Axis of the weight that counts the filters. */
  readonly axis: number;
  /** Shape [filters, size], row-major. */
  readonly weights: Float64Array;
  /** Weights in one filter. */
  readonly size: number;
  /** Shape [filters]; the channel each filter makes, or -1 when it is not one of the group. */
  readonly channelAt: Int32Array;
}

/**
 * The layers that make channels of a group: one for a plain layer, several for a residual stream. Weights that two
 * nodes share count once. Biases and depthwise filters, which only change a channel, are left out.
 */
export function filterBanks({ labelling, placeOf }: ChannelAnalysis, group: number): FilterBank[] {
  const banks = new Map<string, FilterBank>();
  for (const { value, axis, labels } of labelling.sources) {
    const key = `${value}\n${axis}`;
    const weight = labelling.constants.get(value);
    if (banks.has(key) || weight === undefined) continue;
    const channelAt = Int32Array.from(labels, (label) => {
      const place = placeOf(label);
      return place?.group === group ? place.channel : -1;
    });
    if (channelAt.every((channel) => channel < 0)) continue;
    const tensor = weight.load();
    banks.set(key, {
      value,
      axis,
      weights: rowsAlong(toNumbers(tensor), tensor.shape, axis),
      size: sizeOf(tensor.shape) / labels.length,
      channelAt,
    });
  }
  return [...banks.values()];
}

/** The elements as one row for each position of an axis. */
export function rowsAlong(values: Float64Array, shape: readonly number[], axis: number): Float64Array {
  if (axis === 0) return values;
  const rows = shape[axis]!;
  const inner = sizeOf(shape.slice(axis + 1));
  const size = values.length / rows;
  const out = new Float64Array(values.length);
  for (let k = 0; k < values.length; k++) {
    const row = Math.floor(k / inner) % rows;
    const outer = Math.floor(k / (inner * rows));
    out[row * size + outer * inner + (k % inner)] = values[k]!;
  }
  return out;
}

/** Sums a number per filter over the layers of a group, into the channels the filters make. Shape [channels]. */
export function sumOverBanks(
  banks: readonly FilterBank[],
  channels: number,
  scoreOf: (bank: FilterBank, filter: number) => number,
): Float64Array {
  const scores = new Float64Array(channels);
  for (const bank of banks) {
    bank.channelAt.forEach((channel, filter) => {
      if (channel >= 0) scores[channel]! += scoreOf(bank, filter);
    });
  }
  return scores;
}
