/** @file Transformers for images: ViT, DeiT, Swin, and CLIP with its two towers. */
import { int64 } from "../../../src/tensor/tensor.ts";
import type { GraphBuilder } from "../build.ts";
import { type Architecture, architecture } from "./architecture.ts";
import {
  add,
  concat,
  conv,
  dense,
  image,
  ints,
  linear,
  reshape,
  scalar,
  sizeAt,
  sizes,
  slice,
  transpose,
} from "./layers.ts";
import {
  batchedAttention,
  block,
  einsumAttention,
  embedding,
  fusedAttention,
  heads,
  headsFirstAttention,
  headWidth,
  layerNorm,
  layerNormInPieces,
  type Norm,
  perceptron,
  positions,
  separateAttention,
  sequenceFirstAttention,
  tokenAt,
  width,
} from "./transformer-layers.ts";

/** Patches of 4 × 4 as tokens, [N, 4, width], for images of 8 × 8. */
function patches(g: GraphBuilder, x: string): string {
  const deep = conv(g, x, "patch_embed.proj", 3, width, { kernel: 4, stride: 4, pad: 0 });
  return transpose(g, reshape(g, deep, [0, width, -1]), [0, 2, 1]);
}

/** One learned token for every example, in front of the others. */
function withToken(g: GraphBuilder, x: string, name: string): string {
  const token = g.weight([1, 1, width], undefined, { name });
  const shape = sizes(g, [sizeAt(g, x, 0), -1, -1]);
  const ones = g.node("Where", [g.node("Equal", [shape, ints(g, [-1])]), ints(g, [1, 1, 1]), shape]);
  return concat(g, [g.node("Expand", [token, ones]), x], 1);
}

type Attend = (g: GraphBuilder, x: string, name: string) => string;

function vit(attend: Attend, norm: Norm = layerNorm) {
  return (g: GraphBuilder): void => {
    const tokens = withToken(g, patches(g, image(g)), "cls_token");
    const placed = add(g, tokens, g.weight([1, 5, width], undefined, { name: "pos_embed" }));
    const one = block(g, placed, "blocks.0", (x) => attend(g, x, "blocks.0.attn"), norm);
    const two = block(g, one, "blocks.1", (x) => attend(g, x, "blocks.1.attn"), norm);
    g.output(dense(g, tokenAt(g, norm(g, two, "norm"), 0), "head", width, 3), ["N", 3]);
  };
}

/** DeiT: a second token for distillation, and the mean of two heads. */
function deit(g: GraphBuilder): void {
  const tokens = withToken(g, withToken(g, patches(g, image(g)), "dist_token"), "cls_token");
  const placed = add(g, tokens, g.weight([1, 6, width], undefined, { name: "pos_embed" }));
  const out = block(g, placed, "blocks.0", (x) => fusedAttention(g, x, "blocks.0.attn", { tokens: 6 }));
  const normal = layerNorm(g, out, "norm");
  const logits = [
    dense(g, tokenAt(g, normal, 0), "head", width, 3),
    dense(g, tokenAt(g, normal, 1), "head_dist", width, 3),
  ];
  g.output(g.node("Div", [add(g, logits[0]!, logits[1]!), scalar(g, 2)]), ["N", 3]);
}

const side = 4;
const window = 2;

/** [N, side, side, size] to windows [N*4, 4, size], and back. */
function windows(g: GraphBuilder, x: string, size: number): string {
  const apart = reshape(g, x, [-1, side / window, window, side / window, window, size]);
  return reshape(g, transpose(g, apart, [0, 1, 3, 2, 4, 5]), [-1, window * window, size]);
}

function fromWindows(g: GraphBuilder, x: string, size: number): string {
  const apart = reshape(g, x, [-1, side / window, side / window, window, window, size]);
  return reshape(g, transpose(g, apart, [0, 1, 3, 2, 4, 5]), [-1, side, side, size]);
}

/** A cyclic shift of both spatial axes, as torch.roll is exported. */
function roll(g: GraphBuilder, x: string, by: number): string {
  const along = (value: string, axis: number) =>
    concat(g, [slice(g, value, by, side, axis), slice(g, value, 0, by, axis)], axis);
  return along(along(x, 1), 2);
}

/** A bias for each pair of positions and each head, from a table: [1, heads, 4, 4]. */
function relativeBias(g: GraphBuilder, name: string): string {
  const table = g.weight([9, heads], undefined, { name: `${name}.relative_position_bias_table` });
  const at = Array.from({ length: 16 }, (_, pair) => {
    const [a, b] = [Math.floor(pair / 4), pair % 4];
    return 3 * ((a >> 1) - (b >> 1) + 1) + (a % 2) - (b % 2) + 1;
  });
  const index = g.initializer(`${name}.relative_position_index`, int64([16], at));
  const pairs = reshape(g, g.node("Gather", [table, index], { axis: 0 }), [4, 4, -1]);
  return g.node("Unsqueeze", [transpose(g, pairs, [2, 0, 1]), ints(g, [0])]);
}

/** Tokens that a shift has brought together from far apart do not see each other. */
function shiftedAttention(g: GraphBuilder, x: string, name: string): string {
  const qkv = linear(g, x, `${name}.qkv`, width, 3 * width);
  const parts = transpose(g, reshape(g, qkv, [-1, 4, 3, heads, headWidth]), [2, 0, 3, 1, 4]);
  const pick = (part: number) => g.node("Squeeze", [slice(g, parts, part, part + 1, 0), ints(g, [0])]);
  const scores = g.node("MatMul", [
    g.node("Mul", [pick(0), scalar(g, headWidth ** -0.5)]),
    transpose(g, pick(1), [0, 1, 3, 2]),
  ]);
  const biased = add(g, scores, relativeBias(g, name));
  const mask = g.weight(
    [1, 4, 1, 4, 4],
    Array.from({ length: 64 }, (_, k) => (k % 7 === 3 ? -100 : 0)),
  );
  const masked = add(g, reshape(g, biased, [-1, 4, heads, 4, 4]), mask);
  const weights = g.node("Softmax", [reshape(g, masked, [-1, heads, 4, 4])], { axis: -1 });
  const out = transpose(g, g.node("MatMul", [weights, pick(2)]), [0, 2, 1, 3]);
  return linear(g, reshape(g, out, [-1, 4, width]), `${name}.proj`, width, width);
}

/** Swin: windows, a shift, relative positions, and merging of patches. */
function swin(g: GraphBuilder): void {
  const deep = conv(g, image(g), "patch_embed.proj", 3, width, { kernel: 2, stride: 2, pad: 0 });
  const grid = layerNorm(g, transpose(g, deep, [0, 2, 3, 1]), "patch_embed.norm");
  const inWindows = (x: string, attend: (x: string) => string) =>
    fromWindows(g, attend(windows(g, x, width)), width);
  const one = block(g, grid, "layers.0", (x) =>
    inWindows(x, (w) =>
      fusedAttention(g, w, "layers.0.attn", { bias: relativeBias(g, "layers.0.attn"), tokens: 4 }),
    ),
  );
  const two = block(g, one, "layers.1", (x) =>
    roll(
      g,
      inWindows(roll(g, x, 1), (w) => shiftedAttention(g, w, "layers.1.attn")),
      side - 1,
    ),
  );
  const every = (value: string, axis: number, start: number) =>
    g.node("Slice", [value, ints(g, [start]), ints(g, [side]), ints(g, [axis]), ints(g, [2])]);
  const corners = [0, 1].flatMap((column) => [0, 1].map((row) => every(every(two, 1, row), 2, column)));
  const merged = layerNorm(
    g,
    reshape(g, concat(g, corners, -1), [-1, 4, 4 * width]),
    "merge.norm",
    4 * width,
  );
  const reduced = linear(g, merged, "merge.reduction", 4 * width, width);
  const out = block(g, reduced, "layers.2", (x) => fusedAttention(g, x, "layers.2.attn", { tokens: 4 }));
  const pooled = g.node("ReduceMean", [layerNorm(g, out, "norm")], { axes: [1], keepdims: 0 });
  g.output(dense(g, pooled, "head", width, 3), ["N", 3]);
}

/** CLIP: images and texts to vectors of one space, compared by cosine. */
function clip(g: GraphBuilder): void {
  const pixels = image(g);
  const ids = g.input("input_ids", ["N", 4], "int64");
  const picture = add(
    g,
    withToken(g, patches(g, pixels), "class_embedding"),
    g.weight([1, 5, width], undefined, { name: "pos" }),
  );
  const seen = block(g, picture, "vision.0", (x) => batchedAttention(g, x, "vision.0.attn"));
  const text = add(g, embedding(g, ids, "text.token", 11), positions(g, 4, 6));
  const causal = g.weight(
    [1, 1, 4, 4],
    Array.from({ length: 16 }, (_, k) => (k % 4 > Math.floor(k / 4) ? -1e4 : 0)),
  );
  const read = block(g, text, "text.0", (x) => separateAttention(g, x, "text.0.attn", { bias: causal }));
  const unit = (x: string, name: string) => {
    const weight = g.weight([width, 6], undefined, { name: `${name}.weight` });
    const vectors = g.node("MatMul", [tokenAt(g, layerNorm(g, x, `${name}.norm`), 0), weight]);
    return g.node("Div", [vectors, g.node("ReduceL2", [vectors], { axes: [-1], keepdims: 1 })]);
  };
  const [a, b] = [unit(seen, "visual_projection"), unit(read, "text_projection")];
  g.output(g.node("Mul", [g.node("MatMul", [a, transpose(g, b, [1, 0])]), scalar(g, 4)]), ["N", "N"]);
}

/** Cross-attention: learned queries, one copy for each image, read it, as in DETR's decoder and Perceiver. */
function crossAttention(isTiled: boolean) {
  return (g: GraphBuilder): void => {
    const memory = patches(g, image(g));
    const batch = sizeAt(g, memory, 0);
    const queries = g.weight([1, 3, width], undefined, { name: "query_embed" });
    const start = isTiled
      ? g.node("Tile", [queries, sizes(g, [batch, 1, 1])])
      : g.node("Expand", [queries, sizes(g, [batch, 3, width])]);
    const attended = add(g, start, separateAttention(g, start, "cross_attn", { from: memory }));
    const out = add(g, attended, perceptron(g, layerNorm(g, attended, "norm"), "mlp"));
    g.output(linear(g, out, "head", width, 3), ["N", 3, 3]);
  };
}

export const visionTransformers: readonly Architecture[] = [
  architecture("ViT with one weight for queries, keys and values", vit(fusedAttention)),
  architecture("ViT with norms in pieces", vit(fusedAttention, layerNormInPieces), { opset: 16 }),
  architecture("ViT with three weights and measured sizes", vit(separateAttention)),
  architecture("ViT with heads merged with the batch", vit(batchedAttention)),
  architecture("ViT with heads in front of the batch", vit(headsFirstAttention)),
  architecture("ViT of nn.MultiheadAttention", vit(sequenceFirstAttention, layerNormInPieces), { opset: 14 }),
  architecture("ViT by Einsum", vit(einsumAttention)),
  architecture("DeiT with two tokens", deit, {
    locked: { head: "it is the graph output" },
  }),
  architecture("Swin", swin),
  architecture("CLIP", clip, { locked: {} }),
  architecture("cross-attention of expanded queries", crossAttention(false)),
  architecture("cross-attention of tiled queries", crossAttention(true)),
];
