/** @file Transformers with attention in one operator: the standard one, and those of onnxruntime's optimizer. */
import { fromNumbers, int64 } from "../../../src/tensor/tensor.ts";
import { float, type GraphBuilder } from "../build.ts";
import { type Architecture, architecture } from "./architecture.ts";
import { add, concat, dense, ints, linear, reshape, sizeAt, sizes, transpose } from "./layers.ts";
import {
  embedding,
  gatedPerceptron,
  heads,
  headWidth,
  layerNorm,
  perceptron,
  plainLinear,
  tokenAt,
  width,
} from "./transformer-layers.ts";

const contrib = { domain: "com.microsoft" } as const;
const opsets = { "com.microsoft": 1 } as const;

const parameter = (g: GraphBuilder, shape: readonly number[], name: string): string =>
  g.weight(shape, undefined, { name });

const scale = (g: GraphBuilder, name: string): string =>
  g.weight(
    [width],
    Array.from({ length: width }, (_, k) => 1 + 0.2 * Math.cos(2 * k)),
    { name },
  );

const tokens = (g: GraphBuilder): string => g.input("features", ["N", 4, 5]);

function finish(g: GraphBuilder, x: string): void {
  g.output(dense(g, tokenAt(g, x, 0), "head", width, 2), ["N", 2]);
}

/** BERT after onnxruntime's optimizer: attention with one weight, norms behind residual adds, biases in activations. */
function optimizedBert(g: GraphBuilder): void {
  const start = linear(g, tokens(g), "embed", 5, width);
  const layer = (x: string, name: string, gelu: string) => {
    const packed = [
      parameter(g, [width, 3 * width], `${name}.qkv.weight`),
      parameter(g, [3 * width], `${name}.qkv.bias`),
    ];
    const attended = g.node("Attention", [x, ...packed], { num_heads: heads }, contrib);
    const projected = plainLinear(g, attended, `${name}.out`, width, width);
    const norm = (value: string, skip: string, part: string) =>
      g.node(
        "SkipLayerNormalization",
        [
          value,
          skip,
          scale(g, `${part}.weight`),
          parameter(g, [width], `${part}.bias`),
          parameter(g, [width], `${part}.add`),
        ],
        { epsilon: float(1e-5) },
        contrib,
      );
    const between = norm(projected, x, `${name}.norm1`);
    const inner = plainLinear(g, between, `${name}.fc1`, width, 10);
    const active = g.node(gelu, [inner, parameter(g, [10], `${name}.fc1.bias`)], {}, contrib);
    return norm(plainLinear(g, active, `${name}.fc2`, 10, width), between, `${name}.norm2`);
  };
  finish(g, layer(layer(start, "layer.0", "BiasGelu"), "layer.1", "FastGelu"));
}

/** Words, positions and segments embedded and normalised in one operator; padding is told by what it makes of a mask. */
function embedNorm(hasSegments: boolean) {
  return (g: GraphBuilder): void => {
    const ids = g.input("input_ids", ["N", "T"], "int32");
    const segments = hasSegments ? g.input("segment_ids", ["N", "T"], "int32") : "";
    const table = (rows: number, name: string) => parameter(g, [rows, width], `embeddings.${name}`);
    const inputs = [
      ids,
      segments,
      table(7, "word"),
      table(8, "position"),
      hasSegments ? table(2, "segment") : "",
      scale(g, "embeddings.norm.weight"),
      parameter(g, [width], "embeddings.norm.bias"),
    ];
    const outputs = ["embedded", "mask_index", ...(hasSegments ? ["embedding_sum"] : [])];
    g.node("EmbedLayerNormalization", inputs, { epsilon: float(1e-5) }, { ...contrib, outputs });
    const x = hasSegments ? add(g, "embedded", "embedding_sum") : "embedded";
    finish(g, add(g, x, perceptron(g, x, "mlp")));
  };
}

/** MultiHeadAttention of onnxruntime, with a bias for each head, and products with transposes inside. */
function multiHead(g: GraphBuilder): void {
  const x = linear(g, tokens(g), "embed", 5, width);
  const parts = ["q", "k", "v"].map((part) => plainLinear(g, x, `attn.${part}`, width, width));
  const biases = [
    parameter(g, [3 * width], "attn.bias"),
    "",
    parameter(g, [1, heads, 4, 4], "attn.relative"),
  ];
  const out = g.node("MultiHeadAttention", [...parts, ...biases], { num_heads: heads }, contrib);
  const weight = parameter(g, [width, width], "attn.out.weight");
  const projected = g.node("FusedMatMul", [out, weight], { transB: 1, alpha: 0.5 }, contrib);
  const attended = layerNorm(g, add(g, x, projected), "norm");
  finish(g, add(g, attended, perceptron(g, attended, "mlp")));
}

/** Products of heads that were transposed into their operator, on axes as onnxruntime lays them. */
function fusedProducts(g: GraphBuilder): void {
  const x = linear(g, tokens(g), "embed", 5, width);
  const toHeads = (part: string) =>
    transpose(
      g,
      reshape(g, linear(g, x, `attn.${part}`, width, width), [0, 0, heads, headWidth]),
      [0, 2, 1, 3],
    );
  const scores = g.node("FusedMatMul", [toHeads("q"), toHeads("k")], { transB: 1, alpha: 0.5 }, contrib);
  const out = g.node("MatMul", [g.node("Softmax", [scores], { axis: -1 }), toHeads("v")]);
  const joined = reshape(g, transpose(g, out, [0, 2, 1, 3]), [0, 0, width]);
  const active = g.node(
    "QuickGelu",
    [linear(g, joined, "attn.out", width, width)],
    { alpha: 1.702 },
    contrib,
  );
  finish(g, add(g, x, active));
}

/** Attention over [tokens, N*heads, width] with the turns of its operands inside FusedMatMul. */
function turnedProducts(g: GraphBuilder): void {
  const x = linear(g, tokens(g), "embed", 5, width);
  const first = transpose(g, x, [1, 0, 2]);
  const toHeads = (part: string) =>
    reshape(g, linear(g, first, `attn.${part}`, width, width), [4, -1, headWidth]);
  const turned = { alpha: 0.5, transBatchA: 1, transBatchB: 1, transB: 1 };
  const scores = g.node("FusedMatMul", [toHeads("q"), toHeads("k")], turned, contrib);
  const weights = g.node("Softmax", [scores], { axis: -1 });
  const out = g.node("FusedMatMul", [weights, toHeads("v")], { alpha: float(1), transBatchB: 1 }, contrib);
  const joined = reshape(g, transpose(g, out, [1, 0, 2]), [4, -1, width]);
  finish(g, add(g, x, transpose(g, linear(g, joined, "attn.out", width, width), [1, 0, 2])));
}

function angles(g: GraphBuilder, size = headWidth): [string, string] {
  const half = size / 2;
  const angle = (k: number) => Math.floor(k / half) / 3 ** (k % half);
  const table = (f: (x: number) => number, name: string) =>
    g.weight(
      [8, half],
      Array.from({ length: 8 * half }, (_, k) => f(angle(k))),
      { name },
    );
  return [table(Math.cos, "cos_cache"), table(Math.sin, "sin_cache")];
}

/** Lengths of all sequences less one, and the longest, as GroupQueryAttention wants them. */
function lengths(g: GraphBuilder, x: string, length: number): [string, string] {
  const last = g.initializer("last", fromNumbers("int32", [1], [length - 1]));
  const batch = sizes(g, [sizeAt(g, x, 0)]);
  return [g.node("Expand", [last, batch]), g.initializer("total", fromNumbers("int32", [], [length]))];
}

/** Llama for onnxruntime: shared key heads in one operator, rotary positions in it, norms behind residual adds. */
function groupedLlama(isPacked: boolean) {
  return (g: GraphBuilder): void => {
    const ids = g.input("input_ids", ["N", 4], "int64");
    const start = embedding(g, ids, "embed_tokens", 7);
    const [queries, groups, size] = [4, 2, 16]; // its kernel wants heads of sixteen
    const norm = g.node("SimplifiedLayerNormalization", [start, scale(g, "norm1.weight")], {
      axis: -1,
      epsilon: float(1e-5),
    });
    const part = (name: string, count: number) => plainLinear(g, norm, `attn.${name}`, width, count * size);
    const parts = isPacked
      ? [part("qkv", queries + 2 * groups), "", ""]
      : [part("q", queries), part("k", groups), part("v", groups)];
    const own = [...lengths(g, ids, 4), ...angles(g, size)];
    const attributes = { num_heads: queries, kv_num_heads: groups, do_rotary: 1 };
    const out = g.node("GroupQueryAttention", [...parts, "", "", ...own], attributes, {
      ...contrib,
      outputs: 3,
    });
    const projected = plainLinear(g, out, "attn.out", queries * size, width);
    const [normal, , , sum] = [0, 1, 2, 3].map((k) => (k === 0 || k === 3 ? `skip_${k}` : ""));
    g.node(
      "SkipSimplifiedLayerNormalization",
      [start, projected, scale(g, "norm2.weight")],
      { epsilon: float(1e-5) },
      { ...contrib, outputs: [normal!, "", "", sum!] },
    );
    finish(g, add(g, sum!, gatedPerceptron(g, normal!, "mlp")));
  };
}

/** RotaryEmbedding of onnxruntime in front of its MultiHeadAttention. */
function rotaryHeads(g: GraphBuilder): void {
  const x = linear(g, tokens(g), "embed", 5, width);
  const ids = g.initializer("position_ids", int64([1, 4], [0, 1, 2, 3]));
  const places = g.node("Expand", [ids, sizes(g, [sizeAt(g, x, 0), 1])]);
  const turned = (part: string) =>
    g.node(
      "RotaryEmbedding",
      [plainLinear(g, x, `attn.${part}`, width, width), places, ...angles(g)],
      {},
      contrib,
    );
  const v = plainLinear(g, x, "attn.v", width, width);
  const out = g.node("MultiHeadAttention", [turned("q"), turned("k"), v], { num_heads: heads }, contrib);
  finish(g, add(g, x, plainLinear(g, out, "attn.out", width, width)));
}

/** The standard Attention on [N, tokens, heads*width], with shared key heads and a mask. */
function flatAttention(g: GraphBuilder): void {
  const x = linear(g, tokens(g), "embed", 5, width);
  const norm = g.node("RMSNormalization", [x, scale(g, "norm.weight")], { axis: -1 });
  const part = (name: string, count: number) => linear(g, norm, `attn.${name}`, width, count * headWidth);
  const inputs = [part("q", 4), part("k", 2), part("v", 2), parameter(g, [4, 4], "mask")];
  const out = g.node("Attention", inputs, { q_num_heads: 4, kv_num_heads: 2 });
  const attended = add(g, x, linear(g, out, "attn.out", 4 * headWidth, width));
  finish(g, add(g, attended, perceptron(g, layerNorm(g, attended, "norm2"), "mlp")));
}

/** The standard Attention on [N, heads, tokens, width], behind the standard RotaryEmbedding. */
function deepAttention(g: GraphBuilder): void {
  const x = linear(g, tokens(g), "embed", 5, width);
  const toHeads = (part: string) =>
    transpose(
      g,
      reshape(g, linear(g, x, `attn.${part}`, width, width), [0, 0, heads, headWidth]),
      [0, 2, 1, 3],
    );
  const [cos, sin] = angles(g).map((table) => {
    const own = g.node("Slice", [table, ints(g, [0]), ints(g, [4]), ints(g, [0])]);
    return g.node("Expand", [g.node("Unsqueeze", [own, ints(g, [0])]), sizes(g, [sizeAt(g, x, 0), 1, 1])]);
  }) as [string, string];
  const turned = (part: string) => g.node("RotaryEmbedding", [toHeads(part), cos, sin]);
  const out = g.node("Attention", [turned("q"), turned("k"), toHeads("v")], { is_causal: 1 });
  const joined = reshape(g, transpose(g, out, [0, 2, 1, 3]), [0, 0, width]);
  const doubled = concat(g, [linear(g, joined, "attn.out", width, width), x], -1);
  finish(g, linear(g, doubled, "mix", 2 * width, width));
}

export const fusedTransformers: readonly Architecture[] = [
  architecture("BERT optimized by onnxruntime", optimizedBert, { opsets }),
  architecture("embeddings in one operator", embedNorm(true), { opsets }),
  architecture("embeddings in one operator, without segments", embedNorm(false), { opsets }),
  architecture("MultiHeadAttention of onnxruntime", multiHead, { opsets }),
  architecture("FusedMatMul of onnxruntime", fusedProducts, { opsets }),
  architecture("FusedMatMul with its batch turned", turnedProducts, { opsets }),
  architecture("Llama for onnxruntime", groupedLlama(false), { opsets }),
  architecture("Llama for onnxruntime, one weight", groupedLlama(true), { opsets }),
  architecture("RotaryEmbedding of onnxruntime", rotaryHeads, { opsets }),
  architecture("Attention on three axes", flatAttention, { opset: 23 }),
  architecture("Attention on four axes", deepAttention, { opset: 23 }),
];
