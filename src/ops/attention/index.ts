/** @file Operators that compute attention whole, of the standard operator set and of onnxruntime's. */
import type { Operator } from "../operator.ts";
import { apart } from "./apart.ts";
import { attention } from "./attend.ts";
import { grouped } from "./grouped.ts";
import { onePieceAttention } from "./one-piece.ts";
import { rotary } from "./rotary.ts";
import { standard } from "./standard.ts";

export const attentions: Readonly<Record<string, Operator>> = {
  Attention: attention(standard),
  RotaryEmbedding: rotary,
};

/** Of onnxruntime's own operator set. */
export const contribAttentions: Readonly<Record<string, Operator>> = {
  Attention: onePieceAttention,
  MultiHeadAttention: attention(apart),
  GroupQueryAttention: attention(grouped),
  RotaryEmbedding: rotary,
};
