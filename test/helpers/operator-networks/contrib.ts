/** @file Operators of onnxruntime's own domain. */
import { fromNumbers } from "../../../src/tensor/tensor.ts";
import { float } from "../build.ts";
import { ints } from "../networks.ts";
import { halved, type OperatorNetwork, operator, own, scalar } from "./base.ts";

export const contrib: readonly OperatorNetwork[] = [
  ...["Gelu", "QuickGelu"].map((opType) => operator(opType, (g, x) => g.node(opType, [x], {}, own), own)),
  ...["BiasGelu", "FastGelu"].map((opType) =>
    operator(
      opType,
      (g, x) => {
        const last = g.node("Transpose", [x], { perm: [0, 2, 3, 1] });
        return g.node("Transpose", [g.node(opType, [last, g.weight([6])], {}, own)], { perm: [0, 3, 1, 2] });
      },
      own,
    ),
  ),
  operator(
    "FusedConv",
    (g, x) => {
      const weights = [g.weight([6, 6, 3, 3], undefined, { name: "fused.weight" }), g.weight([6])];
      return g.node("FusedConv", [x, ...weights, x], { activation: "Relu", pads: [1, 1, 1, 1] }, own);
    },
    own,
  ),
  operator(
    "FusedGemm",
    (g, x) => {
      const flat = g.node("Flatten", [g.node("GlobalAveragePool", [x])]);
      const weights = [g.weight([5, 6], undefined, { name: "fused.weight" }), g.weight([5])];
      const fused = g.node("FusedGemm", [flat, ...weights], { activation: "Relu", transB: 1 }, own);
      return g.node("Unsqueeze", [fused, ints(g, "space", [2, 3])]);
    },
    own,
    5,
  ),
  operator(
    "TransposeMatMul",
    (g, x) => {
      const flat = g.node("Flatten", [g.node("GlobalAveragePool", [x])]);
      const weight = g.weight([5, 6], undefined, { name: "fused.weight" });
      const product = g.node("TransposeMatMul", [flat, weight], { transB: 1 }, own);
      return g.node("Unsqueeze", [product, ints(g, "space", [2, 3])]);
    },
    own,
    5,
  ),
  operator(
    "FusedMatMul",
    (g, x) => {
      const flat = g.node("Flatten", [g.node("GlobalAveragePool", [x])]);
      const fused = g.node(
        "FusedMatMul",
        [flat, g.weight([5, 6], undefined, { name: "fused.weight" })],
        { transB: 1, alpha: float(0.5) },
        own,
      );
      return g.node("Unsqueeze", [fused, ints(g, "space", [2, 3])]);
    },
    own,
    5,
  ),
  operator(
    "QuantizeLinear",
    (g, x) => {
      const parameters = [scalar(g, 2 ** -4), g.initializer("zero", fromNumbers("uint8", [], [120]))];
      const codes = g.node("QuantizeLinear", [halved(g, x), ...parameters], {}, own);
      return g.node("DequantizeLinear", [codes, ...parameters], {}, own);
    },
    own,
  ),
];
