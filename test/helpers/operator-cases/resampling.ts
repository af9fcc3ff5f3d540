/** @file Random cases of Resize and the trades between depth and space. */
import { fromNumbers } from "../../../src/tensor/tensor.ts";
import { flag, int, maybe, one, reals, vector } from "./draws.ts";
import type { OperatorCases } from "./operator-case.ts";

export const resamplingCases: readonly OperatorCases[] = [
  {
    opType: "DepthToSpace",
    opsets: [11, 13],
    draw: (g) => {
      const blocksize = int(g, 1, 3);
      const x = reals(g, [int(g, 1, 2), int(g, 1, 2) * blocksize ** 2, int(g, 1, 3), int(g, 1, 3)]);
      return { inputs: [x], attributes: { blocksize, mode: maybe(g, one(g, ["DCR", "CRD"])) } };
    },
  },
  {
    opType: "SpaceToDepth",
    opsets: [9, 13],
    draw: (g) => {
      const blocksize = int(g, 1, 3);
      const x = reals(g, [int(g, 1, 2), int(g, 1, 2), blocksize * int(g, 1, 2), blocksize * int(g, 1, 2)]);
      return { inputs: [x], attributes: { blocksize } };
    },
  },
  {
    opType: "Resize",
    opsets: [10, 11, 13, 18, 19],
    draw: (g, opset) => {
      const x = reals(g, [1, int(g, 1, 2), int(g, 2, 4), int(g, 2, 4)]);
      const scale = () => one(g, [0.5, 1, 1.5, 2, 3]);
      const scales = fromNumbers("float32", [4], [1, 1, scale(), scale()]);
      const mode = one(g, ["nearest", "linear"]);
      if (opset < 11) return { inputs: [x, scales], attributes: { mode }, constants: [1] };
      const coordinate_transformation_mode = one(g, [
        "half_pixel",
        "pytorch_half_pixel",
        "align_corners",
        "asymmetric",
        ...(opset >= 19 ? ["half_pixel_symmetric"] : []),
      ]);
      const nearest_mode =
        mode === "nearest" ? one(g, ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]) : undefined;
      const attributes = { mode, coordinate_transformation_mode, nearest_mode };
      const roi = fromNumbers("float32", [0], []);
      if (flag(g)) return { inputs: [x, roi, scales], attributes, constants: [1, 2] };
      // Nearest neighbours of a scale that is no exact float, such as 1/3, may tie either way; sizes double instead.
      const resized = (size: number) => (mode === "nearest" ? size * int(g, 1, 2) : int(g, 1, 7));
      const sizes = vector([1, x.shape[1]!, resized(x.shape[2]!), resized(x.shape[3]!)]);
      return {
        inputs: [x, roi, opset < 13 ? fromNumbers("float32", [0], []) : undefined, sizes],
        attributes,
        constants: [1, 2, 3],
      };
    },
  },
  {
    opType: "Upsample",
    opsets: [9],
    draw: (g) => ({
      inputs: [
        reals(g, [1, 2, int(g, 2, 4), int(g, 2, 4)]),
        fromNumbers("float32", [4], [1, 1, int(g, 1, 3), int(g, 1, 3)]),
      ],
      attributes: { mode: one(g, ["nearest", "linear"]) },
      constants: [1],
    }),
  },
];
