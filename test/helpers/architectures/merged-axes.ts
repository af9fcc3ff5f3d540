/** @file Axes of channels that meet on one axis of a reshape, or in a product with themselves. */
import type { GraphBuilder } from "../build.ts";
import { type Architecture, architecture, headLocked } from "./architecture.ts";
import {
  activate,
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
  transpose,
} from "./layers.ts";

const relu = (g: GraphBuilder, x: string) => activate(g, x, "relu");

/** Embeddings and dense features multiplied with each other, as recommenders do: every pair of them is one number. */
function interactions(g: GraphBuilder): void {
  const features = relu(g, dense(g, g.input("features", ["N", 5]), "bottom", 5, 6));
  const ids = g.input("ids", ["N", 2], "int64");
  const looked = [0, 1].map((column) => {
    const table = g.weight([2, 6], undefined, { name: `table.${column}` });
    return g.node("Gather", [table, g.node("Gather", [ids, int(g, column)], { axis: 1 })], { axis: 0 });
  });
  const rows = g.node("Reshape", [
    concat(g, [features, ...looked]),
    sizes(g, [sizeAt(g, features, 0), 3, 6]),
  ]);
  const pairs = g.node("Flatten", [g.node("MatMul", [rows, transpose(g, rows, [0, 2, 1])])]);
  const hidden = relu(g, dense(g, concat(g, [features, pairs]), "top", 15, 8));
  g.output(dense(g, hidden, "head", 8, 3), ["N", 3]);
}

/** Three query heads that share one key and one value head, stretched to them; a batch of any length, four tokens. */
function oneKeyHead(g: GraphBuilder): void {
  const [tokens, heads, each] = [4, 3, 4];
  const size = heads * each;
  const x = linear(g, g.input("input", ["N", tokens, 5]), "embed", 5, size);
  const apart = (name: string, count: number) =>
    transpose(g, reshape(g, linear(g, x, name, size, count * each), [0, tokens, count, each]), [0, 2, 1, 3]);
  const shared = (name: string) =>
    g.node("Expand", [apart(name, 1), sizes(g, [sizeAt(g, x, 0), heads, tokens, each])]);
  const scores = g.node("MatMul", [apart("q", heads), transpose(g, shared("k"), [0, 1, 3, 2])]);
  const mixed = g.node("MatMul", [g.node("Softmax", [scores], { axis: -1 }), shared("v")]);
  const joined = reshape(g, transpose(g, mixed, [0, 2, 1, 3]), [0, tokens, size]);
  const sum = add(g, x, linear(g, joined, "out", size, size));
  g.output(dense(g, g.node("ReduceMean", [sum], { axes: [1], keepdims: 0 }), "head", size, 3), ["N", 3]);
}

/** Tokens with a learned place each, laid end to end for one layer. */
function flattenedTokens(g: GraphBuilder): void {
  const x = linear(g, g.input("input", ["N", 6, 5]), "embed", 5, 8);
  const placed = add(g, x, g.weight([1, 6, 8], undefined, { name: "places" }));
  const hidden = relu(g, dense(g, g.node("Flatten", [relu(g, placed)]), "hidden", 48, 10));
  g.output(dense(g, hidden, "head", 10, 3), ["N", 3]);
}

/** Keys of every head out of a table, repeated for a batch of any length and multiplied with heads merged with the batch. */
function repeatedTable(g: GraphBuilder): void {
  const [tokens, heads, each] = [4, 3, 4];
  const size = heads * each;
  const x = linear(g, g.input("input", ["N", tokens, 5]), "embed", 5, size);
  const merged = (name: string, from: string) =>
    reshape(
      g,
      transpose(g, reshape(g, linear(g, from, name, size, size), [0, 0, heads, each]), [0, 2, 1, 3]),
      [-1, tokens, each],
    );
  const table = g.weight([1, tokens, size], undefined, { name: "table" });
  const keys = g.node("Tile", [merged("k", table), sizes(g, [sizeAt(g, x, 0), 1, 1])]);
  const scores = g.node("MatMul", [merged("q", x), transpose(g, keys, [0, 2, 1])]);
  const shares = g.node("Softmax", [g.node("Mul", [scores, scalar(g, 0.5)])], { axis: -1 });
  const mixed = reshape(g, g.node("MatMul", [shares, merged("v", x)]), [-1, heads, tokens, each]);
  const joined = reshape(g, transpose(g, mixed, [0, 2, 1, 3]), [-1, tokens, size]);
  const sum = add(g, x, linear(g, joined, "out", size, size));
  const mean = g.node("Squeeze", [g.node("ReduceMean", [sum], { axes: [1] }), ints(g, [1])]);
  g.output(dense(g, mean, "head", size, 3), ["N", 3]);
}

/**
 * Scores against a table of distances, of which every pair of tokens picks its own. The table is repeated as often as heads
 * merged with the batch hold heads, and what is picked is stretched to all of them.
 */
function pickedDistances(g: GraphBuilder): void {
  const [tokens, heads, each] = [4, 3, 4];
  const size = heads * each;
  const x = linear(g, g.input("input", ["N", tokens, 5]), "embed", 5, size);
  const merged = (name: string, from: string, length: number) =>
    reshape(
      g,
      transpose(g, reshape(g, linear(g, from, name, size, size), [0, 0, heads, each]), [0, 2, 1, 3]),
      [-1, length, each],
    );
  const q = merged("q", x, tokens);
  const distances = merged("distances", g.weight([1, 7, size], undefined, { name: "table" }), 7);
  const all = sizeAt(g, q, 0);
  const repeats = g.node("Div", [all, int(g, heads)]);
  const keys = g.node("Tile", [distances, sizes(g, [repeats, 1, 1])]);
  const scores = g.node("MatMul", [q, transpose(g, keys, [0, 2, 1])]);
  const apart = Array.from({ length: tokens * tokens }, (_, k) => (k % tokens) - Math.floor(k / tokens) + 3);
  const places = reshape(g, ints(g, apart), [1, tokens, tokens]);
  const stretchedPlaces = g.node("Expand", [places, sizes(g, [all, tokens, tokens])]);
  const picked = g.node("GatherElements", [scores, stretchedPlaces], { axis: 2 });
  const sum = add(g, picked, g.node("MatMul", [q, transpose(g, merged("k", x, tokens), [0, 2, 1])]));
  const mixed = g.node("MatMul", [g.node("Softmax", [sum], { axis: -1 }), merged("v", x, tokens)]);
  const turned = transpose(g, reshape(g, mixed, [-1, heads, tokens, each]), [0, 2, 1, 3]);
  const out = add(g, x, linear(g, reshape(g, turned, [-1, tokens, size]), "out", size, size));
  g.output(dense(g, g.node("ReduceMean", [out], { axes: [1], keepdims: 0 }), "head", size, 3), ["N", 3]);
}

/** Every head reads a map of its own at places of its own, four for each of five queries; heads are merged with the batch. */
function gridsOfHeads(g: GraphBuilder): void {
  const [heads, each, queries, points] = [3, 4, 5, 4];
  const size = heads * each;
  const x = linear(g, g.input("input", ["N", 16, 6]), "embed", 6, size);
  const turned = transpose(g, linear(g, x, "values", size, size), [0, 2, 1]);
  const maps = reshape(g, turned, [-1, each, 4, 4]);
  const asked = relu(g, linear(g, g.input("queries", ["N", queries, 6]), "ask", 6, 8));
  const apart = (name: string, last: readonly number[]) => {
    const wide = linear(
      g,
      asked,
      name,
      8,
      heads * points * last.reduce((product, part) => product * part, 1),
    );
    const split = reshape(g, wide, [0, queries, heads, points, ...last]);
    return transpose(g, split, [0, 2, 1, 3, ...last.map((_, k) => 4 + k)]);
  };
  const places = reshape(g, g.node("Tanh", [apart("offsets", [2])]), [-1, queries, points, 2]);
  const read = g.node("GridSample", [maps, places], { mode: "bilinear", align_corners: 0 });
  const shares = reshape(g, g.node("Softmax", [apart("shares", [])], { axis: 3 }), [-1, 1, queries, points]);
  const mixed = g.node("ReduceSum", [g.node("Mul", [read, shares]), ints(g, [3])], { keepdims: 0 });
  const joined = transpose(g, reshape(g, mixed, [-1, size, queries]), [0, 2, 1]);
  const hidden = relu(g, linear(g, joined, "out", size, 8));
  g.output(dense(g, g.node("ReduceMean", [hidden], { axes: [1], keepdims: 0 }), "head", 8, 3), ["N", 3]);
}

export const mergedAxes: readonly Architecture[] = [
  architecture("interactions of embeddings", interactions),
  architecture("one key head stretched over query heads", oneKeyHead, {
    locked: {
      ...headLocked,
      k: "it is multiplied with an axis that is fixed",
      v: "the reshape merges it with another axis of channels",
    },
  }),
  architecture("tokens with places, laid end to end", flattenedTokens),
  architecture("distances picked for heads merged with the batch", pickedDistances),
  architecture("heads that read maps at places of their own", gridsOfHeads),
  architecture("a table of keys repeated for a batch", repeatedTable),
];
