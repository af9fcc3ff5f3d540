/** @file Maxima, means and p-norms over sliding windows or whole planes. */
import { intAttribute, intsAttribute } from "../../graph/attributes.ts";
import { fromNumbers, sizeOf, toNumbers } from "../../tensor/tensor.ts";
import type { Kernel, KernelCall } from "../kernel.ts";
import { required, unsupported } from "../kernel-support/call.ts";
import { boundedSize } from "../kernel-support/guarded.ts";
import { type Window, type Windows, windowsOf } from "../kernel-support/windows.ts";

/** What one output position sees: flat input positions inside the plane, and how many taps fall on data or pads. */
interface View {
  readonly positions: readonly number[];
  readonly padded: number;
}

/** The second output, when asked for, holds the flat positions of the maxima in the whole input. */
const maxPool: Kernel = (call) => {
  const asksForWinners = (call.node.outputs[1] ?? "") !== "";
  if (asksForWinners && intAttribute(call.node, "storage_order", 0) !== 0)
    throw unsupported(call, "column-major indices");
  const x = required(call, 0);
  const values = toNumbers(x);
  const { shape, views } = poolOf(call);
  const winners = views.map(({ positions }) => positions.reduce((a, b) => (values[b]! > values[a]! ? b : a)));
  const maxima = winners.map((position) => values[position]!);
  return [fromNumbers(x.dtype, shape, maxima), fromNumbers("int64", shape, winners)].slice(
    0,
    call.node.outputs.length,
  );
};

/** Values at the flat positions a MaxPool reported, zeros elsewhere. */
const maxUnpool: Kernel = (call) => {
  const [x, winners, shape] = [required(call, 0), required(call, 1), call.inputs[2]];
  if (shape === undefined) throw unsupported(call, "leaving out output_shape");
  const sizes = [...toNumbers(shape)];
  const values = toNumbers(x);
  const out = new Float64Array(boundedSize(sizes));
  toNumbers(winners).forEach((position, k) => {
    if (position < 0 || position >= out.length) throw unsupported(call, `position ${position}`);
    out[position] = values[k]!;
  });
  return [fromNumbers(x.dtype, sizes, out)];
};

const averagePool: Kernel = (call) => {
  const countPads = intAttribute(call.node, "count_include_pad", 0) !== 0;
  return pooled(
    call,
    (values, padded) => values.reduce((a, b) => a + b, 0) / (countPads ? padded : values.length),
  );
};

const lpPool: Kernel = (call) => {
  const p = intAttribute(call.node, "p", 2);
  return pooled(call, (values) => normOf(values, p));
};

function normOf(values: readonly number[] | Float64Array, p: number): number {
  let sum = 0;
  for (const value of values) sum += Math.abs(value) ** p;
  return sum ** (1 / p);
}

function pooled(
  call: KernelCall,
  f: (values: readonly number[], padded: number) => number,
): ReturnType<Kernel> {
  const x = required(call, 0);
  const values = toNumbers(x);
  const { shape, views } = poolOf(call);
  const out = views.map(({ positions, padded }) =>
    f(
      positions.map((position) => values[position]!),
      padded,
    ),
  );
  return [fromNumbers(x.dtype, shape, out)];
}

/** Every output position's view, in row-major order of the output. */
function poolOf(call: KernelCall): { shape: number[]; views: View[] } {
  const { shape } = required(call, 0); // [N, C, ...spatial]
  const taps = intsAttribute(call.node, "kernel_shape");
  if (taps === undefined) throw unsupported(call, "leaving out kernel_shape");
  const windows = windowsOf(call, shape.slice(2), taps);
  const plane = sizeOf(shape.slice(2));
  const views: View[] = [];
  for (let p = 0; p < sizeOf(shape.slice(0, 2)); p++) {
    for (const { positions, padded } of planeViews(windows)) {
      views.push({ positions: positions.map((position) => p * plane + position), padded });
    }
  }
  const spatial = windows.slice(3 - taps.length).map((window) => window.out);
  return { shape: [...shape.slice(0, 2), ...spatial], views };
}

function planeViews([d, h, w]: Windows): View[] {
  const views: View[] = [];
  for (let od = 0; od < d.out; od++) {
    for (let oh = 0; oh < h.out; oh++) {
      for (let ow = 0; ow < w.out; ow++) {
        const [zs, ys, xs] = [touched(d, od), touched(h, oh), touched(w, ow)];
        const positions = zs.inside.flatMap((z) =>
          ys.inside.flatMap((y) => xs.inside.map((x) => (z * h.size + y) * w.size + x)),
        );
        views.push({ positions, padded: zs.padded * ys.padded * xs.padded });
      }
    }
  }
  return views;
}

/** Positions one output reads along one axis; taps beyond the end padding (ceil_mode) count for nothing. */
export function touched(window: Window, out: number): { inside: number[]; padded: number } {
  const inside: number[] = [];
  let padded = 0;
  for (let tap = 0; tap < window.taps; tap++) {
    const at = out * window.stride + tap * window.dilation - window.begin;
    if (at >= window.size + window.end) continue;
    padded++;
    if (at >= 0 && at < window.size) inside.push(at);
  }
  return { inside, padded };
}

function overPlanes(f: (plane: Float64Array, call: KernelCall) => number): Kernel {
  return (call) => {
    const x = required(call, 0); // [N, C, ...spatial]
    const values = toNumbers(x);
    const plane = sizeOf(x.shape.slice(2));
    const planes = sizeOf(x.shape.slice(0, 2));
    const out = Float64Array.from({ length: planes }, (_, p) =>
      f(values.subarray(p * plane, (p + 1) * plane), call),
    );
    const shape = x.shape.map((size, axis) => (axis < 2 ? size : 1));
    return [fromNumbers(x.dtype, shape, out)];
  };
}

export const poolingKernels: Readonly<Record<string, Kernel>> = {
  AveragePool: averagePool,
  GlobalAveragePool: overPlanes((plane) => plane.reduce((a, b) => a + b, 0) / plane.length),
  GlobalLpPool: overPlanes((plane, { node }) => normOf(plane, intAttribute(node, "p", 2))),
  GlobalMaxPool: overPlanes((plane) => plane.reduce((a, b) => Math.max(a, b), -Infinity)),
  LpPool: lpPool,
  MaxPool: maxPool,
  MaxUnpool: maxUnpool,
};
