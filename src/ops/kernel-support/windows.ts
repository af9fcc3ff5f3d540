/** @file Sliding windows over one to three spatial axes, shared by convolutions and pools. */
import { intAttribute, intsAttribute, stringAttribute } from "../../graph/attributes.ts";
import type { KernelCall } from "../kernel.ts";
import { unsupported } from "./call.ts";

/** A window along one axis: output o, tap k reads input position o * stride + k * dilation − begin. */
export interface Window {
  readonly size: number;
  readonly taps: number;
  readonly stride: number;
  readonly dilation: number;
  readonly begin: number;
  readonly end: number;
  readonly out: number;
}

const single: Window = { size: 1, taps: 1, stride: 1, dilation: 1, begin: 0, end: 0, out: 1 };

/** Always three windows, so that kernels are three nested loops whatever the rank; missing axes lead with size 1. */
export type Windows = readonly [Window, Window, Window];

/**
 * Windows of a Conv or pool node over the spatial sizes, with pads, strides, dilations, `auto_pad` and `ceil_mode`.
 * @throws {PrunerError} `kernel-unsupported` beyond three spatial axes.
 */
export function windowsOf(
  call: Pick<KernelCall, "node">,
  sizes: readonly number[],
  taps: readonly number[],
): Windows {
  const { node } = call;
  const rank = sizes.length;
  if (rank < 1 || rank > 3) throw unsupported(call, `${rank} spatial axes`);
  const strides = intsAttribute(node, "strides") ?? ones(rank);
  const dilations = intsAttribute(node, "dilations") ?? ones(rank);
  const pads = intsAttribute(node, "pads") ?? new Array<number>(2 * rank).fill(0);
  const autoPad = stringAttribute(node, "auto_pad", "NOTSET");
  const ceilMode = intAttribute(node, "ceil_mode", 0) === 1;
  const windows = sizes.map((size, axis) => {
    const [stride, dilation] = [strides[axis]!, dilations[axis]!];
    const extent = (taps[axis]! - 1) * dilation + 1;
    const [begin, end] = padsOf(autoPad, size, stride, extent, pads[axis]!, pads[rank + axis]!);
    const out = outputSize(size, stride, extent, begin, end, ceilMode);
    return { size, taps: taps[axis]!, stride, dilation, begin, end, out };
  });
  return threeAxes(windows);
}

export function threeAxes(windows: readonly Window[]): Windows {
  const all = [single, single, single, ...windows].slice(-3);
  return [all[0]!, all[1]!, all[2]!];
}

export function ones(length: number): number[] {
  return new Array<number>(length).fill(1);
}

/** Halves a total padding as SAME_UPPER (the odd element at the end) or SAME_LOWER asks. */
export function halves(total: number, oddAtEnd: boolean): [number, number] {
  const small = Math.floor(total / 2);
  return oddAtEnd ? [small, total - small] : [total - small, small];
}

function padsOf(
  mode: string,
  size: number,
  stride: number,
  extent: number,
  begin: number,
  end: number,
): [number, number] {
  if (mode === "VALID") return [0, 0];
  if (mode === "NOTSET") return [begin, end];
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + extent - size);
  return halves(total, mode === "SAME_UPPER");
}

function outputSize(
  size: number,
  stride: number,
  extent: number,
  begin: number,
  end: number,
  ceil: boolean,
): number {
  const steps = (size + begin + end - extent) / stride;
  if (!ceil) return Math.floor(steps) + 1;
  const out = Math.ceil(steps) + 1;
  return (out - 1) * stride >= size + begin ? out - 1 : out; // a window may not start inside the end padding
}
