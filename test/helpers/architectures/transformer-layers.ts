/** @file Parts of transformers: norms, perceptrons, and attention in the shapes that exporters write. */
import { int64 } from "../../../src/tensor/tensor.ts";
import { float, type GraphBuilder } from "../build.ts";
import { gelu } from "./convnext.ts";
import {
  activate,
  add,
  concat,
  int,
  ints,
  linear,
  reshape,
  scalar,
  sizeAt,
  sizes,
  slice,
  split,
  transpose,
} from "./layers.ts";

/** Sizes of the small transformers of the tests. */
export const width = 12;
export const heads = 3;
export const headWidth = 4;

const vector = (g: GraphBuilder, name: string, size: number, around: number): string =>
  g.weight(
    [size],
    Array.from({ length: size }, (_, k) => around + 0.3 * Math.sin(3 * k + name.length)),
    { name },
  );

/** LayerNormalization as one operator. */
export function layerNorm(g: GraphBuilder, x: string, name: string, size = width): string {
  const inputs = [x, vector(g, `${name}.weight`, size, 1), vector(g, `${name}.bias`, size, 0)];
  return g.node("LayerNormalization", inputs, { axis: -1, epsilon: float(1e-5) });
}

/** LayerNormalization in the pieces that operator sets before 17 are given. */
export function layerNormInPieces(g: GraphBuilder, x: string, name: string, size = width): string {
  const centred = g.node("Sub", [x, g.node("ReduceMean", [x], { axes: [-1] })]);
  const variance = g.node("ReduceMean", [g.node("Pow", [centred, scalar(g, 2)])], { axes: [-1] });
  const normal = g.node("Div", [centred, g.node("Sqrt", [add(g, variance, scalar(g, 1e-5))])]);
  const scaled = g.node("Mul", [normal, vector(g, `${name}.weight`, size, 1)]);
  return add(g, scaled, vector(g, `${name}.bias`, size, 0));
}

/** Root-mean-square normalisation in pieces, as Llama and T5 are exported. */
export function rmsNormInPieces(g: GraphBuilder, x: string, name: string, size = width): string {
  const power = g.node("ReduceMean", [g.node("Pow", [x, scalar(g, 2)])], { axes: [-1], keepdims: 1 });
  const root = g.node("Sqrt", [add(g, power, scalar(g, 1e-6))]);
  const normal = g.node("Mul", [x, g.node("Div", [scalar(g, 1), root])]);
  return g.node("Mul", [vector(g, `${name}.weight`, size, 1), normal]);
}

export type Norm = (g: GraphBuilder, x: string, name: string, size?: number) => string;

export function plainLinear(g: GraphBuilder, x: string, name: string, from: number, to: number): string {
  return g.node("MatMul", [x, g.weight([from, to], undefined, { name: `${name}.weight` })]);
}

export function perceptron(g: GraphBuilder, x: string, name: string, hidden = 10): string {
  return linear(g, gelu(g, linear(g, x, `${name}.fc1`, width, hidden)), `${name}.fc2`, hidden, width);
}

/** SwiGLU: one half gates the other. */
export function gatedPerceptron(g: GraphBuilder, x: string, name: string, hidden = 10): string {
  const gate = activate(g, plainLinear(g, x, `${name}.gate`, width, hidden), "silu");
  const up = plainLinear(g, x, `${name}.up`, width, hidden);
  return plainLinear(g, g.node("Mul", [gate, up]), `${name}.down`, hidden, width);
}

/** SwiGLU with both halves in one weight. */
export function packedGatedPerceptron(g: GraphBuilder, x: string, name: string, hidden = 10): string {
  const both = plainLinear(g, x, `${name}.gate_up`, width, 2 * hidden);
  const [gate, up] = split(g, both, [hidden, hidden], -1);
  const inner = g.node("Mul", [activate(g, gate!, "silu"), up!]);
  return plainLinear(g, inner, `${name}.down`, hidden, width);
}

/** A block that normalises first; `attend` maps normalised tokens to what is added to them. */
export function block(
  g: GraphBuilder,
  x: string,
  name: string,
  attend: (normal: string) => string,
  norm: Norm = layerNorm,
  mlp: (g: GraphBuilder, x: string, name: string) => string = perceptron,
): string {
  const attended = add(g, x, attend(norm(g, x, `${name}.norm1`)));
  return add(g, attended, mlp(g, norm(g, attended, `${name}.norm2`), `${name}.mlp`));
}

/** Softmax of scaled products of queries and transposed keys, times values; [.., heads, tokens, width] each. */
export function weigh(g: GraphBuilder, q: string, transposedK: string, v: string, bias?: string): string {
  const scores = g.node("MatMul", [g.node("Mul", [q, scalar(g, headWidth ** -0.5)]), transposedK]);
  const biased = bias === undefined ? scores : add(g, scores, bias);
  return g.node("MatMul", [g.node("Softmax", [biased], { axis: -1 }), v]);
}

/** One weight for queries, keys and values, cut up by a reshape to [N, tokens, 3, heads, width] (timm). */
export function fusedAttention(
  g: GraphBuilder,
  x: string,
  name: string,
  { bias, tokens = -1 }: { readonly bias?: string; readonly tokens?: number } = {},
): string {
  const qkv = linear(g, x, `${name}.qkv`, width, 3 * width);
  const parts = transpose(g, reshape(g, qkv, [0, tokens, 3, heads, headWidth]), [2, 0, 3, 1, 4]);
  const [q, k, v] = [0, 1, 2].map((part) => g.node("Gather", [parts, int(g, part)], { axis: 0 })) as [
    string,
    string,
    string,
  ];
  const out = weigh(g, q, transpose(g, k, [0, 1, 3, 2]), v, bias);
  const joined = reshape(g, transpose(g, out, [0, 2, 1, 3]), [0, tokens, width]);
  return linear(g, joined, `${name}.proj`, width, width);
}

/** Three weights, heads on an axis of their own, sizes of batch and sequence measured (Hugging Face). */
export function separateAttention(
  g: GraphBuilder,
  x: string,
  name: string,
  { bias, from = x }: { readonly bias?: string; readonly from?: string } = {},
): string {
  const toHeads = (source: string, part: string, perm: readonly number[]) => {
    const shape = sizes(g, [sizeAt(g, source, 0), sizeAt(g, source, 1), heads, headWidth]);
    return transpose(g, g.node("Reshape", [linear(g, source, `${name}.${part}`, width, width), shape]), perm);
  };
  const out = weigh(
    g,
    toHeads(x, "query", [0, 2, 1, 3]),
    toHeads(from, "key", [0, 2, 3, 1]),
    toHeads(from, "value", [0, 2, 1, 3]),
    bias,
  );
  const turned = transpose(g, out, [0, 2, 1, 3]);
  const shape = sizes(g, [sizeAt(g, turned, 0), sizeAt(g, turned, 1), width]);
  return linear(g, g.node("Reshape", [turned, shape]), `${name}.out`, width, width);
}

/** Heads merged with the batch, [N*heads, tokens, width], as bmm wants them (BART, OPT, older CLIP). */
export function batchedAttention(g: GraphBuilder, x: string, name: string): string {
  const [batch, tokens] = [sizeAt(g, x, 0), sizeAt(g, x, 1)];
  const merged = g.node("Mul", [batch, int(g, heads)]);
  const toHeads = (part: string) => {
    const apart = g.node("Reshape", [
      linear(g, x, `${name}.${part}_proj`, width, width),
      sizes(g, [batch, -1, heads, headWidth]),
    ]);
    return g.node("Reshape", [transpose(g, apart, [0, 2, 1, 3]), sizes(g, [merged, -1, headWidth])]);
  };
  const out = weigh(g, toHeads("q"), transpose(g, toHeads("k"), [0, 2, 1]), toHeads("v"));
  const apart = g.node("Reshape", [out, sizes(g, [batch, heads, tokens, headWidth])]);
  const joined = g.node("Reshape", [transpose(g, apart, [0, 2, 1, 3]), sizes(g, [batch, tokens, width])]);
  return linear(g, joined, `${name}.out_proj`, width, width);
}

/** Heads in front of the batch, [heads*N, tokens, width]. */
export function headsFirstAttention(g: GraphBuilder, x: string, name: string): string {
  const [batch, tokens] = [sizeAt(g, x, 0), sizeAt(g, x, 1)];
  const toHeads = (part: string) => {
    const own = linear(g, x, `${name}.${part}`, width, width);
    const apart = g.node("Reshape", [own, sizes(g, [batch, tokens, heads, headWidth])]);
    return g.node("Reshape", [transpose(g, apart, [2, 0, 1, 3]), sizes(g, [-1, tokens, headWidth])]);
  };
  const out = weigh(g, toHeads("q"), transpose(g, toHeads("k"), [0, 2, 1]), toHeads("v"));
  const apart = g.node("Reshape", [out, sizes(g, [heads, batch, tokens, headWidth])]);
  const joined = g.node("Reshape", [transpose(g, apart, [1, 2, 0, 3]), sizes(g, [batch, tokens, -1])]);
  return linear(g, joined, `${name}.out`, width, width);
}

/** nn.MultiheadAttention over [tokens, N, width]: [tokens, N*heads, width], and a Gemm on [tokens*N, width] behind it. */
export function sequenceFirstAttention(g: GraphBuilder, x: string, name: string): string {
  const first = transpose(g, x, [1, 0, 2]);
  const [tokens, batch] = [sizeAt(g, first, 0), sizeAt(g, first, 1)];
  const packed = linear(g, first, `${name}.in_proj`, width, 3 * width);
  const merged = g.node("Mul", [batch, int(g, heads)]);
  const toHeads = (part: number) => {
    const own = slice(g, packed, part * width, (part + 1) * width, -1);
    return transpose(g, g.node("Reshape", [own, sizes(g, [tokens, merged, headWidth])]), [1, 0, 2]);
  };
  const out = weigh(g, toHeads(0), transpose(g, toHeads(1), [0, 2, 1]), toHeads(2));
  const joined = g.node("Reshape", [
    transpose(g, out, [1, 0, 2]),
    sizes(g, [g.node("Mul", [tokens, batch]), width]),
  ]);
  const weight = g.weight([width, width], undefined, { name: `${name}.out_proj.weight` });
  const product = g.node("Gemm", [joined, weight, vector(g, `${name}.out_proj.bias`, width, 0)], {
    transB: 1,
  });
  const apart = g.node("Reshape", [product, sizes(g, [tokens, batch, width])]);
  return transpose(g, apart, [1, 0, 2]);
}

/** Attention by Einsum: heads as an axis of the weights, as Keras and JAX exports have them. */
export function einsumAttention(g: GraphBuilder, x: string, name: string): string {
  const project = (part: string) => {
    const weight = g.weight([width, heads, headWidth], undefined, { name: `${name}.${part}.weight` });
    const product = g.node("Einsum", [x, weight], { equation: "abc,cde->abde" });
    return add(g, product, g.weight([heads, headWidth], undefined, { name: `${name}.${part}.bias` }));
  };
  const [q, k, v] = ["query", "key", "value"].map(project) as [string, string, string];
  const scores = g.node("Einsum", [g.node("Mul", [q, scalar(g, headWidth ** -0.5)]), k], {
    equation: "aecd,abcd->acbe",
  });
  // [N, heads, keys, queries]: the softmax runs over keys
  const weights = g.node("Softmax", [scores], { axis: 2 });
  const out = g.node("Einsum", [weights, v], { equation: "acbe,abcd->aecd" });
  const weight = g.weight([heads, headWidth, width], undefined, { name: `${name}.out.weight` });
  return g.node("Einsum", [out, weight], { equation: "abcd,cde->abe" });
}

/** Rotary embedding of [N, heads, tokens, width] by tables, with halves swapped (Llama). */
export function rotate(g: GraphBuilder, x: string, cos: string, sin: string): string {
  const [first, second] = [slice(g, x, 0, headWidth / 2, 3), slice(g, x, headWidth / 2, headWidth, 3)];
  const swapped = concat(g, [g.node("Neg", [second]), first], -1);
  return add(g, g.node("Mul", [x, cos]), g.node("Mul", [swapped, sin]));
}

/** Grouped-query attention: `groups` heads of keys and values, each repeated for its query heads. */
export function groupedAttention(
  g: GraphBuilder,
  x: string,
  name: string,
  tables: readonly [string, string],
  { queries = 4, groups = 2 } = {},
): string {
  const [batch, tokens] = [sizeAt(g, x, 0), sizeAt(g, x, 1)];
  const toHeads = (part: string, count: number) => {
    const own = plainLinear(g, x, `${name}.${part}_proj`, width, count * headWidth);
    return transpose(g, g.node("Reshape", [own, sizes(g, [batch, tokens, count, headWidth])]), [0, 2, 1, 3]);
  };
  const repeat = (kv: string) => {
    const lifted = g.node("Unsqueeze", [kv, ints(g, [2])]);
    const shape = sizes(g, [batch, groups, queries / groups, tokens, headWidth]);
    const wide = g.node("Expand", [lifted, shape]);
    return g.node("Reshape", [wide, sizes(g, [batch, queries, tokens, headWidth])]);
  };
  const q = rotate(g, toHeads("q", queries), ...tables);
  const k = repeat(rotate(g, toHeads("k", groups), ...tables));
  const v = repeat(toHeads("v", groups));
  const out = transpose(g, weigh(g, q, transpose(g, k, [0, 1, 3, 2]), v), [0, 2, 1, 3]);
  const joined = g.node("Reshape", [out, sizes(g, [batch, tokens, queries * headWidth])]);
  return plainLinear(g, joined, `${name}.o_proj`, queries * headWidth, width);
}

/** A table of vectors, looked up by `ids`. */
export function embedding(g: GraphBuilder, ids: string, name: string, entries: number): string {
  return g.node("Gather", [g.weight([entries, width], undefined, { name: `${name}.weight` }), ids], {
    axis: 0,
  });
}

/** Vectors of the first `tokens` positions, [1, tokens, width], of a table of `most`; `tokens` may be measured. */
export function positions(g: GraphBuilder, tokens: string | number, most: number): string {
  const ids = g.initializer(
    "position_ids",
    int64(
      [1, most],
      Array.from({ length: most }, (_, k) => k),
    ),
  );
  const end = typeof tokens === "number" ? ints(g, [tokens]) : g.node("Unsqueeze", [tokens, ints(g, [0])]);
  return embedding(g, g.node("Slice", [ids, ints(g, [0]), end, ints(g, [1])]), "position", most);
}

/** The vector of one token, [N, width]. */
export function tokenAt(g: GraphBuilder, x: string, position: number): string {
  return g.node("Gather", [x, int(g, position)], { axis: 1 });
}
