/** @file Random cases of Conv and ConvTranspose. */
import { int, maybe, one, reals, repeat } from "./draws.ts";
import type { OperatorCases } from "./operator-case.ts";
import { windowAttributes } from "./windows.ts";

const convolution: OperatorCases = {
  opType: "Conv",
  opsets: [9, 11, 22],
  draw: (g) => {
    const rank = int(g, 1, 3);
    const { taps, sizes, attributes } = windowAttributes(g, rank, {
      dilations: true,
      padLimit: () => 2,
      strideLimit: () => 3,
    });
    const group = int(g, 1, 3);
    const perGroup = int(g, 1, 2);
    const out = group * int(g, 1, 2);
    const x = reals(g, [int(g, 1, 2), group * perGroup, ...sizes]);
    return {
      inputs: [x, reals(g, [out, perGroup, ...taps]), maybe(g, reals(g, [out]))],
      attributes: { ...attributes, group },
    };
  },
};

const transposedConvolution: OperatorCases = {
  opType: "ConvTranspose",
  opsets: [9, 11, 22],
  draw: (g) => {
    const rank = int(g, 1, 2);
    const taps = repeat(rank, () => int(g, 1, 3));
    const strides = repeat(rank, () => int(g, 1, 3));
    const sizes = repeat(rank, () => int(g, 2, 4));
    const group = int(g, 1, 2);
    const x = reals(g, [int(g, 1, 2), group * int(g, 1, 2), ...sizes]);
    const w = reals(g, [x.shape[1]!, int(g, 1, 2), ...taps]);
    const full = sizes.map((size, a) => (size - 1) * strides[a]! + taps[a]!);
    const style = one(g, [
      "plain",
      "pads",
      "output_padding",
      "output_shape",
      "SAME_UPPER",
      "SAME_LOWER",
      "VALID",
    ]);
    return {
      inputs: [x, w, maybe(g, reals(g, [w.shape[1]! * group]))],
      attributes: {
        group,
        strides,
        kernel_shape: maybe(g, taps),
        dilations: style === "plain" ? repeat(rank, () => int(g, 1, 2)) : undefined,
        pads:
          style === "pads"
            ? repeat(2 * rank, (k) => int(g, 0, Math.floor((taps[k % rank]! - 1) / 2)))
            : undefined,
        output_padding:
          style === "output_padding" ? strides.map((stride) => int(g, 0, stride - 1)) : undefined,
        output_shape:
          style === "output_shape" ? full.map((size) => Math.max(1, size - int(g, 0, 2))) : undefined,
        auto_pad: /SAME|VALID/.test(style) ? style : undefined,
      },
    };
  },
};

export const convolutionCases: readonly OperatorCases[] = [convolution, transposedConvolution];
