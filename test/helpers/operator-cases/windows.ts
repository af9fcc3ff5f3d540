/** @file Random windows that slide over space. */
import { int, maybe, one, repeat } from "./draws.ts";
import type { Draw } from "./operator-case.ts";

/** Kernel, strides, dilations and pads that leave at least one output position. */
export function windowAttributes(
  g: Draw,
  rank: number,
  options: { dilations: boolean; padLimit: (taps: number) => number; strideLimit: (taps: number) => number },
) {
  const taps = repeat(rank, () => int(g, 1, 3));
  const dilations = repeat(rank, () => (options.dilations ? int(g, 1, 2) : 1));
  const extents = taps.map((k, a) => (k - 1) * dilations[a]! + 1);
  const sizes = extents.map((extent) => extent + int(g, 0, 4));
  const strides = taps.map((k) => int(g, 1, options.strideLimit(k)));
  const padding = one(g, ["none", "pads", "SAME_UPPER", "SAME_LOWER", "VALID"]);
  const auto = padding === "none" || padding === "pads" ? undefined : padding;
  return {
    taps,
    sizes,
    attributes: {
      kernel_shape: taps,
      strides: maybe(g, strides),
      // The runtime has no SAME padding for dilated windows.
      dilations: options.dilations && !auto?.startsWith("SAME") ? dilations : undefined,
      auto_pad: auto,
      pads:
        padding === "pads"
          ? repeat(2 * rank, (k) => int(g, 0, options.padLimit(taps[k % rank]!)))
          : undefined,
    },
  };
}
