/** @file Random cases of Concat and Split. */
import { axis, dims, flag, int, reals, repeat, vector } from "./draws.ts";
import type { OperatorCases } from "./operator-case.ts";

export const joiningCases: readonly OperatorCases[] = [
  {
    opType: "Concat",
    opsets: [9, 11, 13],
    draw: (g, opset) => {
      const shape = dims(g, 1, 4);
      const along = opset < 11 ? int(g, 0, shape.length - 1) : axis(g, shape.length);
      const at = along < 0 ? along + shape.length : along;
      const part = () =>
        reals(
          g,
          shape.map((size, a) => (a === at ? int(g, 1, 3) : size)),
        );
      return { inputs: repeat(int(g, 1, 3), part), attributes: { axis: along } };
    },
  },
  {
    opType: "Split",
    opsets: [9, 11, 13, 18],
    draw: (g, opset) => {
      const sizes = repeat(int(g, 1, 3), () => int(g, 1, 3));
      const equal = flag(g);
      const parts = equal ? sizes.map(() => sizes[0]!) : sizes;
      const shape = dims(g, 1, 3);
      const along = opset < 11 ? int(g, 0, shape.length - 1) : axis(g, shape.length);
      const total = parts.reduce((a, b) => a + b, 0);
      const uneven = opset >= 18 && flag(g) && total > 4 && parts.length === 2 ? total + 1 : total;
      shape[along < 0 ? along + shape.length : along] = equal ? uneven : total;
      const x = reals(g, shape);
      const outputs = parts.length;
      if (opset < 13)
        return { inputs: [x], attributes: { axis: along, split: equal ? undefined : parts }, outputs };
      const num_outputs = opset >= 18 && equal ? outputs : undefined;
      return {
        inputs: [x, equal ? undefined : vector(parts)],
        attributes: { axis: along, num_outputs },
        outputs,
      };
    },
  },
];
