/** @file Transformers for text: encoders, decoders with causal masks, caches, rotary positions and shared key heads. */
import { int64 } from "../../../src/tensor/tensor.ts";
import type { GraphBuilder } from "../build.ts";
import { type Architecture, architecture } from "./architecture.ts";
import {
  add,
  concat,
  dense,
  int,
  ints,
  linear,
  reshape,
  scalar,
  sizeAt,
  sizes,
  split,
  transpose,
} from "./layers.ts";
import {
  batchedAttention,
  block,
  embedding,
  gatedPerceptron,
  groupedAttention,
  heads,
  headWidth,
  layerNorm,
  packedGatedPerceptron,
  perceptron,
  positions,
  rmsNormInPieces,
  separateAttention,
  tokenAt,
  weigh,
  width,
} from "./transformer-layers.ts";

const words = 9;

/** Token numbers of open length. */
function tokenIds(g: GraphBuilder): string {
  return g.input("input_ids", ["N", "T"], "int64");
}

/** 0 where the mask of [N, T] says 1, a large negative number elsewhere: [N, 1, 1, T]. */
function paddingBias(g: GraphBuilder, mask: string): string {
  const wide = g.node("Unsqueeze", [mask, ints(g, [1, 2])]);
  const seen = g.node("Cast", [wide], { to: 1 });
  return g.node("Mul", [g.node("Sub", [scalar(g, 1), seen]), scalar(g, -1e4)]);
}

/** The upper triangle of scores, cut out of a stored one of 8 × 8 by the measured length: [1, 1, T, T]. */
function causalBias(g: GraphBuilder, tokens: string): string {
  const triangle = Array.from({ length: 64 }, (_, k) => (k % 8 > Math.floor(k / 8) ? -1e4 : 0));
  const end = g.node("Unsqueeze", [tokens, ints(g, [0])]);
  const cut = (x: string, axis: number) => g.node("Slice", [x, ints(g, [0]), end, ints(g, [axis])]);
  return cut(cut(g.weight([1, 1, 8, 8], triangle), 2), 3);
}

/** A block that normalises last, as BERT does. */
function postNormBlock(g: GraphBuilder, x: string, name: string, bias: string): string {
  const attended = layerNorm(
    g,
    add(g, x, separateAttention(g, x, `${name}.attention`, { bias })),
    `${name}.attention.norm`,
  );
  return layerNorm(g, add(g, perceptron(g, attended, name), attended), `${name}.output.norm`);
}

/** BERT: words, positions and segments, a padding mask, and a pooled first token. */
function bert(g: GraphBuilder): void {
  const ids = tokenIds(g);
  const bias = paddingBias(g, g.input("attention_mask", ["N", "T"], "int64"));
  const segments = g.input("token_type_ids", ["N", "T"], "int64");
  const known = add(
    g,
    embedding(g, ids, "embeddings.word", words),
    embedding(g, segments, "embeddings.type", 2),
  );
  const placed = add(g, known, positions(g, sizeAt(g, ids, 1), 8));
  const start = layerNorm(g, placed, "embeddings.norm");
  const out = postNormBlock(g, postNormBlock(g, start, "layer.0", bias), "layer.1", bias);
  const pooled = g.node("Tanh", [dense(g, tokenAt(g, out, 0), "pooler", width, width)]);
  g.output(dense(g, pooled, "head", width, 2), ["N", 2]);
}

/** Queries, keys and values of GPT-2: a Gemm on [N*T, width], split in three. */
function gptAttention(g: GraphBuilder, x: string, name: string, bias: string): string {
  const [batch, tokens] = [sizeAt(g, x, 0), sizeAt(g, x, 1)];
  const flatGemm = (value: string, part: string, from: number, to: number) => {
    const inputs = [
      reshape(g, value, [-1, from]),
      g.weight([from, to], undefined, { name: `${name}.${part}.weight` }),
      g.weight([to], undefined, { name: `${name}.${part}.bias` }),
    ];
    return g.node("Reshape", [g.node("Gemm", inputs), sizes(g, [batch, tokens, to])]);
  };
  const parts = split(g, flatGemm(x, "c_attn", width, 3 * width), [width, width, width], 2);
  const toHeads = (part: string, perm: readonly number[]) =>
    transpose(g, g.node("Reshape", [part, sizes(g, [batch, tokens, heads, headWidth])]), perm);
  const out = weigh(
    g,
    toHeads(parts[0]!, [0, 2, 1, 3]),
    toHeads(parts[1]!, [0, 2, 3, 1]),
    toHeads(parts[2]!, [0, 2, 1, 3]),
    bias,
  );
  const joined = g.node("Reshape", [transpose(g, out, [0, 2, 1, 3]), sizes(g, [batch, tokens, width])]);
  return flatGemm(joined, "c_proj", width, width);
}

/** GPT-2: a causal mask, and words predicted by the table that embeds them. */
function gpt(g: GraphBuilder): void {
  const ids = tokenIds(g);
  const tokens = sizeAt(g, ids, 1);
  const table = g.weight([words, width], undefined, { name: "wte.weight" });
  const start = add(g, g.node("Gather", [table, ids], { axis: 0 }), positions(g, tokens, 8));
  const bias = causalBias(g, tokens);
  const one = block(g, start, "h.0", (x) => gptAttention(g, x, "h.0.attn", bias));
  const two = block(g, one, "h.1", (x) => gptAttention(g, x, "h.1.attn", bias));
  const out = layerNorm(g, two, "ln_f");
  g.output(g.node("MatMul", [out, transpose(g, table, [1, 0])]), ["N", "T", words]);
}

/** A decoder with a cache: keys and values of the past come in, all of them go out, so heads stay. */
function cachedDecoder(g: GraphBuilder): void {
  const ids = tokenIds(g);
  const start = embedding(g, ids, "wte", words);
  const attend = (x: string, name: string) => {
    const [batch, tokens] = [sizeAt(g, x, 0), sizeAt(g, x, 1)];
    const toHeads = (part: string) => {
      const own = linear(g, x, `${name}.${part}`, width, width);
      const apart = g.node("Reshape", [own, sizes(g, [batch, tokens, heads, headWidth])]);
      return transpose(g, apart, [0, 2, 1, 3]);
    };
    const cached = (part: string) => {
      const past = g.input(`past.${part}`, ["N", heads, "P", headWidth]);
      const all = concat(g, [past, toHeads(part)], 2);
      return g.output(g.node("Identity", [all], {}, { outputs: [`present.${part}`] }));
    };
    const keys = transpose(g, cached("key"), [0, 1, 3, 2]);
    const out = transpose(g, weigh(g, toHeads("query"), keys, cached("value")), [0, 2, 1, 3]);
    return linear(g, g.node("Reshape", [out, sizes(g, [batch, tokens, width])]), `${name}.out`, width, width);
  };
  const out = block(g, start, "h.0", (x) => attend(x, "h.0.attn"));
  g.output(linear(g, layerNorm(g, out, "ln_f"), "head", width, words), ["N", "T", words]);
}

/** Cosines and sines of the first tokens, [1, 1, T, width of a head], out of stored tables. */
function rotaryTables(g: GraphBuilder, tokens: string): [string, string] {
  const angle = (k: number) => Math.floor(k / headWidth) / 3 ** (k % (headWidth / 2));
  const end = g.node("Unsqueeze", [tokens, ints(g, [0])]);
  const table = (f: (x: number) => number, name: string) => {
    const all = Array.from({ length: 8 * headWidth }, (_, k) => f(angle(k)));
    return g.node("Slice", [g.weight([1, 1, 8, headWidth], all, { name }), ints(g, [0]), end, ints(g, [2])]);
  };
  return [table(Math.cos, "cos_cached"), table(Math.sin, "sin_cached")];
}

/** Llama: root-mean-square norms, rotary positions, key heads shared by query heads, gated perceptrons. */
function llama(g: GraphBuilder): void {
  const ids = tokenIds(g);
  const tables = rotaryTables(g, sizeAt(g, ids, 1));
  const start = embedding(g, ids, "embed_tokens", words);
  const one = block(
    g,
    start,
    "layers.0",
    (x) => groupedAttention(g, x, "layers.0.attn", tables),
    rmsNormInPieces,
    gatedPerceptron,
  );
  const two = block(
    g,
    one,
    "layers.1",
    (x) => groupedAttention(g, x, "layers.1.attn", tables, { queries: 6, groups: 3 }),
    rmsNormInPieces,
    packedGatedPerceptron,
  );
  const weight = g.weight([width, words], undefined, { name: "head.weight" });
  g.output(g.node("MatMul", [rmsNormInPieces(g, two, "norm"), weight]), ["N", "T", words]);
}

/** T5: no scale, and a bias for each head and distance out of a small table. */
function t5(g: GraphBuilder): void {
  const start = embedding(g, g.input("input_ids", ["N", 4], "int64"), "shared", words);
  const buckets = Array.from({ length: 16 }, (_, k) => Math.min(2, Math.abs((k % 4) - Math.floor(k / 4))));
  const table = g.weight([3, heads], undefined, { name: "relative_attention_bias" });
  const index = g.initializer("buckets", int64([4, 4], buckets));
  const pairs = g.node("Gather", [table, index], { axis: 0 });
  const bias = g.node("Unsqueeze", [transpose(g, pairs, [2, 0, 1]), ints(g, [0])]);
  const attend = (x: string, name: string) => separateAttention(g, x, name, { bias });
  const one = block(g, start, "block.0", (x) => attend(x, "block.0.attn"), rmsNormInPieces);
  const two = block(g, one, "block.1", (x) => attend(x, "block.1.attn"), rmsNormInPieces);
  const last = g.node("Gather", [rmsNormInPieces(g, two, "norm"), int(g, 0)], { axis: 1 });
  g.output(dense(g, last, "head", width, 2), ["N", 2]);
}

/** An encoder whose heads are merged with an open batch over open lengths. */
function openEncoder(g: GraphBuilder): void {
  const x = g.input("features", ["N", "T", 5]);
  const start = linear(g, x, "proj", 5, width);
  const out = block(g, start, "layers.0", (value) => batchedAttention(g, value, "layers.0.attn"));
  g.output(linear(g, layerNorm(g, out, "norm"), "head", width, 2), ["N", "T", 2]);
}

const fixedHeads = "is joined beside an axis that is fixed";

export const languageModels: readonly Architecture[] = [
  architecture("BERT", bert),
  architecture("GPT-2 with shared embeddings", gpt, {
    locked: { "wte#2": "it is gathered by computed positions" },
  }),
  architecture("decoder with a cache", cachedDecoder, {
    locked: {
      head: "it is the graph output",
      "h.0.attn.query": "it is multiplied with an axis that is fixed",
      "h.0.attn.key": fixedHeads,
      "h.0.attn.value": fixedHeads,
    },
    share: 0.5,
  }),
  architecture("Llama", llama),
  architecture("T5 encoder", t5),
  architecture("encoder over open lengths", openEncoder),
];
