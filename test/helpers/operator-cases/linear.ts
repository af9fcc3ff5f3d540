/** @file Random cases of Gemm, MatMul and Einsum. */
import { bit, dims, int, maybe, one, reals, smaller } from "./draws.ts";
import type { OperatorCases } from "./operator-case.ts";

export const linearCases: readonly OperatorCases[] = [
  {
    opType: "Gemm",
    opsets: [9, 11, 13],
    draw: (g) => {
      const [m, k, n] = [int(g, 1, 4), int(g, 1, 5), int(g, 1, 4)];
      const [transA, transB] = [bit(g), bit(g)];
      const c = maybe(g, reals(g, one(g, [[n], [1, n], [m, 1], [m, n], [1]])));
      return {
        inputs: [reals(g, transA ? [k, m] : [m, k]), reals(g, transB ? [n, k] : [k, n]), c ?? reals(g, [n])],
        attributes: { transA, transB, alpha: maybe(g, { float: 0.5 }), beta: maybe(g, { float: 1.5 }) },
      };
    },
  },
  {
    opType: "MatMul",
    opsets: [9, 13],
    draw: (g) => {
      const batch = dims(g, 0, 2, 3);
      const [m, k, n] = [int(g, 1, 4), int(g, 1, 5), int(g, 1, 4)];
      const a = one(g, [[k], [...batch, m, k], [...smaller(g, batch), m, k]]);
      const b = one(g, [[k], [...batch, k, n], [...smaller(g, batch), k, n]]);
      return { inputs: [reals(g, a), reals(g, b)] };
    },
  },
  {
    opType: "Einsum",
    opsets: [12],
    draw: (g) => {
      const size: Record<string, number> = {
        i: int(g, 1, 3),
        j: int(g, 1, 3),
        k: int(g, 1, 3),
        b: int(g, 1, 3),
      };
      const equation = one(g, [
        "ij,jk->ik",
        "bij,bjk->bik",
        "ij->ji",
        "ij->i",
        "ij,ij->",
        "bij,kj->bik",
        "i,j->ij",
        "ij,jk",
      ]);
      const terms = equation.split("->")[0]!.split(",");
      return {
        inputs: terms.map((term) =>
          reals(
            g,
            [...term].map((letter) => size[letter]!),
          ),
        ),
        attributes: { equation },
      };
    },
  },
];
