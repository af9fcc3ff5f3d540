/** @file Decoders with caches of keys and values, in the pieces and operators that exporters write. */
import type { Model } from "../../../src/graph/model.ts";
import { fromNumbers } from "../../../src/tensor/tensor.ts";
import { type GraphBuilder, graphBuilder } from "../build.ts";
import { concat, ints, linear, reshape, sizeAt, sizes, transpose } from "./layers.ts";
import {
  block,
  embedding,
  gatedPerceptron,
  heads,
  headWidth,
  layerNorm,
  plainLinear,
  weigh,
  width,
} from "./transformer-layers.ts";

export interface CachedDecoder {
  readonly name: string;
  readonly build: () => Model;
  /** Heads of keys and values. */
  readonly shared: number;
  readonly size: number;
}

const words = 9;
const contrib = { domain: "com.microsoft" } as const;

/** Adds `attend` in a block between embeddings and the words that follow. */
function decoder(
  name: string,
  attend: (g: GraphBuilder, x: string, ids: string) => string,
  { opset = 17, shared = heads, size = headWidth, placed = false } = {},
): CachedDecoder {
  const build = () => {
    const g = graphBuilder();
    const ids = g.input("input_ids", ["N", "T"], "int64");
    const word = embedding(g, ids, "wte", words);
    const start = placed ? g.node("Add", [word, placesBehind(g, ids)]) : word;
    const out = block(g, start, "h.0", (x) => attend(g, x, ids), layerNorm, gatedPerceptron);
    g.output(linear(g, layerNorm(g, out, "ln_f"), "head", width, words), ["N", "T", words]);
    return g.build({ opset, opsets: { "com.microsoft": 1 } });
  };
  return { name, build, shared, size };
}

/** Vectors of the positions that follow those in the cache, whose length is measured. */
function placesBehind(g: GraphBuilder, ids: string): string {
  const past = cacheInput(g, "key", heads, headWidth);
  const first = g.node("Unsqueeze", [sizeAt(g, past, 2), ints(g, [0])]);
  const end = g.node("Add", [first, g.node("Unsqueeze", [sizeAt(g, ids, 1), ints(g, [0])])]);
  const table = g.weight([12, width], undefined, { name: "wpe.weight" });
  return g.node("Slice", [table, first, end, ints(g, [0])]);
}

function cacheInput(g: GraphBuilder, part: string, shared: number, size: number): string {
  const name = `past.${part}`;
  const known = g.graph().inputs.some((input) => input.name === name);
  return known ? name : g.input(name, ["N", shared, "P", size]);
}

function cacheOutput(g: GraphBuilder, part: string, value: string): void {
  g.output(g.node("Identity", [value], {}, { outputs: [`present.${part}`] }));
}

/** Joined to the keys and values that come, on an axis of heads. */
function inPieces(g: GraphBuilder, x: string): string {
  const [batch, tokens] = [sizeAt(g, x, 0), sizeAt(g, x, 1)];
  const toHeads = (part: string) => {
    const own = linear(g, x, `attn.${part}`, width, width);
    const apart = g.node("Reshape", [own, sizes(g, [batch, tokens, heads, headWidth])]);
    return transpose(g, apart, [0, 2, 1, 3]);
  };
  const cached = (part: string) => {
    const all = concat(g, [cacheInput(g, part, heads, headWidth), toHeads(part)], 2);
    cacheOutput(g, part, all);
    return all;
  };
  const keys = transpose(g, cached("key"), [0, 1, 3, 2]);
  const out = transpose(g, weigh(g, toHeads("query"), keys, cached("value")), [0, 2, 1, 3]);
  return linear(g, g.node("Reshape", [out, sizes(g, [batch, tokens, width])]), "attn.out", width, width);
}

function parts(g: GraphBuilder, x: string, queries: number, shared: number, size: number): string[] {
  return [
    plainLinear(g, x, "attn.query", width, queries * size),
    plainLinear(g, x, "attn.key", width, shared * size),
    plainLinear(g, x, "attn.value", width, shared * size),
  ];
}

/** The standard Attention with two query heads for each of keys and values. */
function standardAttention(g: GraphBuilder, x: string): string {
  const [queries, shared] = [4, 2];
  const pasts = ["key", "value"].map((part) => cacheInput(g, part, shared, headWidth));
  const outputs = ["attended", "present.key", "present.value"];
  g.node(
    "Attention",
    [...parts(g, x, queries, shared, headWidth), "", ...pasts],
    { q_num_heads: queries, kv_num_heads: shared, is_causal: 1 },
    { outputs },
  );
  for (const name of outputs.slice(1)) g.output(name);
  return plainLinear(g, "attended", "attn.out", queries * headWidth, width);
}

/** onnxruntime's MultiHeadAttention; keys and values come with their heads apart where there is a cache. */
function multiHeadAttention(g: GraphBuilder, x: string): string {
  const pasts = ["key", "value"].map((part) => cacheInput(g, part, heads, headWidth));
  const outputs = ["attended", "present.key", "present.value"];
  g.node(
    "MultiHeadAttention",
    [...parts(g, x, heads, heads, headWidth), "", "", "", ...pasts],
    { num_heads: heads },
    { ...contrib, outputs },
  );
  for (const name of outputs.slice(1)) g.output(name);
  return plainLinear(g, "attended", "attn.out", width, width);
}

/** onnxruntime's GroupQueryAttention, told how long each sequence is with its cache. */
function groupQueryAttention(g: GraphBuilder, x: string, ids: string): string {
  const [queries, shared, size] = [4, 2, 16];
  const pasts = ["key", "value"].map((part) => cacheInput(g, part, shared, size));
  const asInt = (value: string) => g.node("Cast", [value], { to: 6 });
  const all = asInt(g.node("Add", [sizeAt(g, ids, 1), sizeAt(g, pasts[0]!, 2)]));
  const one = g.initializer("one", fromNumbers("int32", [], [1]));
  const last = reshape(g, g.node("Sub", [all, one]), [1]);
  const lengths = g.node("Expand", [last, sizes(g, [sizeAt(g, ids, 0)])]);
  const outputs = ["attended", "present.key", "present.value"];
  g.node(
    "GroupQueryAttention",
    [...parts(g, x, queries, shared, size), ...pasts, lengths, all],
    { num_heads: queries, kv_num_heads: shared },
    { ...contrib, outputs },
  );
  for (const name of outputs.slice(1)) g.output(name);
  return plainLinear(g, "attended", "attn.out", queries * size, width);
}

export const cachedDecoders: readonly CachedDecoder[] = [
  decoder("a cache joined in pieces", inPieces),
  decoder("a cache whose length places the words", inPieces, { placed: true }),
  decoder("a cache of the standard Attention", standardAttention, { opset: 23, shared: 2 }),
  decoder("a cache of MultiHeadAttention", multiHeadAttention),
  decoder("a cache of GroupQueryAttention", groupQueryAttention, { shared: 2, size: 16 }),
];
