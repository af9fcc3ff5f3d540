/** @file Conv and ConvTranspose over one to three spatial axes, with groups, strides, dilations and pads. */
import { intAttribute, intsAttribute, stringAttribute } from "../../graph/attributes.ts";
import { fromNumbers, type Tensor, toNumbers } from "../../tensor/tensor.ts";
import type { Kernel, KernelCall } from "../kernel.ts";
import { optionalNumbers, required, unsupported } from "../kernel-support/call.ts";
import { boundedSize } from "../kernel-support/guarded.ts";
import { halves, ones, threeAxes, type Window, type Windows, windowsOf } from "../kernel-support/windows.ts";

/** Reads the window that each output position looks at. */
const conv: Kernel = (call) => {
  const x = required(call, 0); // [N, C, ...spatial]
  const w = required(call, 1); // [M, C / group, ...taps]
  const [batch, channels] = [x.shape[0]!, x.shape[1]!];
  const outChannels = w.shape[0]!;
  const group = groupsOf(call, channels, outChannels);
  if (w.shape[1] !== channels / group)
    throw unsupported(call, `${w.shape[1]} weights for ${channels} channels`);
  const windows = windowsOf(call, x.shape.slice(2), w.shape.slice(2));
  const bias = optionalNumbers(call, 2);
  const [xs, ws] = [toNumbers(x), toNumbers(w)];
  const plane = volume(windows, "size");
  const taps = volume(windows, "taps");
  const outPlane = volume(windows, "out");
  const perGroup = channels / group;
  const out = new Float64Array(boundedSize([batch, outChannels, outPlane]));
  for (let n = 0; n < batch; n++) {
    for (let m = 0; m < outChannels; m++) {
      const firstChannel = Math.floor(m / (outChannels / group)) * perGroup;
      const target = (n * outChannels + m) * outPlane;
      out.fill(bias?.[m] ?? 0, target, target + outPlane);
      for (let c = 0; c < perGroup; c++) {
        const source = (n * channels + firstChannel + c) * plane;
        const weight = (m * perGroup + c) * taps;
        eachPair(windows, (inside, outside, tap) => {
          out[target + outside]! += xs[source + inside]! * ws[weight + tap]!;
        });
      }
    }
  }
  return [fromNumbers(x.dtype, [batch, outChannels, ...outSizes(windows, x)], out)];
};

/** The transpose of Conv: every input position adds its share to the window it would have read. */
const convTranspose: Kernel = (call) => {
  const x = required(call, 0); // [N, C, ...spatial]
  const w = required(call, 1); // [C, M / group, ...taps]
  const [batch, channels] = [x.shape[0]!, x.shape[1]!];
  const group = groupsOf(call, channels, w.shape[1]! * intAttribute(call.node, "group", 1));
  const perGroup = w.shape[1]!;
  const outChannels = perGroup * group;
  const windows = transposedWindows(call, x.shape.slice(2), w.shape.slice(2));
  const bias = optionalNumbers(call, 2);
  const [xs, ws] = [toNumbers(x), toNumbers(w)];
  const plane = volume(windows, "out"); // the input is what Conv would have put out
  const taps = volume(windows, "taps");
  const outPlane = volume(windows, "size");
  const out = new Float64Array(boundedSize([batch, outChannels, outPlane]));
  for (let n = 0; n < batch; n++) {
    for (let m = 0; m < outChannels; m++) {
      const target = (n * outChannels + m) * outPlane;
      out.fill(bias?.[m] ?? 0, target, target + outPlane);
      const g = Math.floor(m / perGroup);
      for (let c = (g * channels) / group; c < ((g + 1) * channels) / group; c++) {
        const source = (n * channels + c) * plane;
        const weight = (c * perGroup + (m % perGroup)) * taps;
        eachPair(windows, (inside, outside, tap) => {
          out[target + inside]! += xs[source + outside]! * ws[weight + tap]!;
        });
      }
    }
  }
  const sizes = windows.slice(3 - (x.shape.length - 2)).map((window) => window.size);
  return [fromNumbers(x.dtype, [batch, outChannels, ...sizes], out)];
};

/** Visits every (input position, output position, tap) that a convolution multiplies, padding left out. */
function eachPair([d, h, w]: Windows, visit: (inside: number, outside: number, tap: number) => void): void {
  for (let kd = 0; kd < d.taps; kd++) {
    for (let kh = 0; kh < h.taps; kh++) {
      for (let kw = 0; kw < w.taps; kw++) {
        const tap = (kd * h.taps + kh) * w.taps + kw;
        for (let od = 0; od < d.out; od++) {
          const z = od * d.stride + kd * d.dilation - d.begin;
          if (z < 0 || z >= d.size) continue;
          for (let oh = 0; oh < h.out; oh++) {
            const y = oh * h.stride + kh * h.dilation - h.begin;
            if (y < 0 || y >= h.size) continue;
            for (let ow = 0; ow < w.out; ow++) {
              const x = ow * w.stride + kw * w.dilation - w.begin;
              if (x < 0 || x >= w.size) continue;
              visit((z * h.size + y) * w.size + x, (od * h.out + oh) * w.out + ow, tap);
            }
          }
        }
      }
    }
  }
}

/** The windows of the Conv whose transpose this node is: `size` is our output, `out` our input. */
function transposedWindows(call: KernelCall, sizes: readonly number[], taps: readonly number[]): Windows {
  const { node } = call;
  const rank = sizes.length;
  if (rank < 1 || rank > 3) throw unsupported(call, `${rank} spatial axes`);
  const strides = intsAttribute(node, "strides") ?? ones(rank);
  const dilations = intsAttribute(node, "dilations") ?? ones(rank);
  const pads = intsAttribute(node, "pads") ?? new Array<number>(2 * rank).fill(0);
  const extra = intsAttribute(node, "output_padding") ?? new Array<number>(rank).fill(0);
  const wanted = intsAttribute(node, "output_shape");
  const autoPad = stringAttribute(node, "auto_pad", "NOTSET");
  const windows = sizes.map((input, axis): Window => {
    const [stride, dilation] = [strides[axis]!, dilations[axis]!];
    const full = (input - 1) * stride + (taps[axis]! - 1) * dilation + 1 + extra[axis]!;
    // Where the stride exceeds the window nothing can be padded away, and the runtime keeps what there is.
    const same = autoPad.startsWith("SAME") ? Math.min(input * stride, full) : undefined;
    const size = wanted?.[wanted.length - rank + axis] ?? same;
    const [begin, end] =
      size !== undefined
        ? halves(Math.max(0, full - size), autoPad === "SAME_UPPER")
        : autoPad === "VALID"
          ? [0, 0]
          : [pads[axis]!, pads[rank + axis]!];
    return { size: size ?? full - begin - end, taps: taps[axis]!, stride, dilation, begin, end, out: input };
  });
  return threeAxes(windows);
}

function groupsOf(call: KernelCall, channels: number, outChannels: number): number {
  const group = intAttribute(call.node, "group", 1);
  if (channels % group !== 0 || outChannels % group !== 0)
    throw unsupported(call, `${group} groups of ${channels}`);
  return group;
}

function volume(windows: Windows, of: "size" | "taps" | "out"): number {
  return windows[0][of] * windows[1][of] * windows[2][of];
}

function outSizes(windows: Windows, x: Tensor): number[] {
  return windows.slice(3 - (x.shape.length - 2)).map((window) => window.out);
}

export const convolutionKernels: Readonly<Record<string, Kernel>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
};
