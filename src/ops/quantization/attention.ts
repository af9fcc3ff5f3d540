/** @file com.microsoft.QAttention: attention in one piece, with its input and its weights in codes. */
import { onePieceAttention } from "../attention/one-piece.ts";
import type { Operator } from "../operator.ts";
import { likeFirst } from "../shapes.ts";
import { couplingsWith, inferCallWith, slicedWith } from "./operands.ts";
import { maskedCodes } from "./run-time-ranges.ts";

/** Input, weights, bias, mask and cache among its inputs, in the order of Attention. */
const operands = [0, 1, 2, 5, 8];
const scales = { weights: 4, zeros: 7, inputZero: 6 } as const;

export const codedAttention: Operator = {
  infer: (call) =>
    onePieceAttention
      .infer(inferCallWith(call, operands))
      .map((fact) => ({ ...likeFirst({ ...call, inputs: [call.inputs[3]] }, fact.shape) })),
  macs: (call) => onePieceAttention.macs!(inferCallWith(call, operands)),
  couple: (c) => {
    onePieceAttention.couple(couplingsWith(c, operands));
    for (const input of [scales.weights, scales.zeros])
      if ((c.inputs[input]?.shape?.[0] ?? 1) !== 1) c.unify(c.labelsOf(input, 0), c.labelsOf(1, 1));
  },
  slice: (call) => slicedWith(call, operands, onePieceAttention.slice!),
  masked: (call) => maskedCodes(call, [scales.inputZero]),
  auxiliaryInputs: [scales.weights, scales.inputZero, scales.zeros],
  integerWeights: [1],
};
