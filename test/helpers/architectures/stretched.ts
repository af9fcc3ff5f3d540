/** @file Values stretched over channels, filled with one number or repeated, and what is picked and written by such places. */
import type { GraphBuilder } from "../build.ts";
import { type Architecture, architecture } from "./architecture.ts";
import { between } from "./between.ts";
import {
  activate,
  add,
  concat,
  conv,
  convNorm,
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

const relu = (g: GraphBuilder, x: string) => activate(g, x, "relu");

/** Each place divided by its length over the channels, which is stretched to the size of the map, as torch normalises. */
function unitLength(g: GraphBuilder, x: string): string {
  const length = g.node("ReduceL2", [x], { axes: [1], keepdims: 1 });
  const bounded = g.node("Clip", [length, scalar(g, 1e-12), ""]);
  const stretched = g.node("Expand", [bounded, g.node("Shape", [x])]);
  return g.node("Mul", [g.node("Div", [x, stretched]), g.weight([1, 8, 1, 1])]);
}

/** The same with the size written down, as a simplifier leaves it, and the length repeated. */
function unitLengthByTile(g: GraphBuilder, x: string): string {
  const length = g.node("ReduceL2", [x], { axes: [1], keepdims: 1 });
  const repeated = g.node("Tile", [add(g, length, scalar(g, 0.1)), ints(g, [1, 8, 1, 1])]);
  return g.node("Div", [x, repeated]);
}

/** Positions shifted against each other by a column of zeros, as relative attention does; sizes are measured. */
function shiftedByZeros(g: GraphBuilder, x: string): string {
  const zeros = g.node("ConstantOfShape", [sizes(g, [...[0, 1, 2].map((axis) => sizeAt(g, x, axis)), 1])]);
  const wide = concat(g, [zeros, x], 3);
  const turned = g.node("Reshape", [wide, sizes(g, [sizeAt(g, x, 0), sizeAt(g, x, 1), 7, 6])]);
  return add(g, x, slice(g, turned, 1, 7, 2));
}

/** A shortcut with fewer channels than its branch, filled up with zeros. */
function filledShortcut(g: GraphBuilder, x: string): string {
  const zeros = g.node("ConstantOfShape", [sizes(g, [sizeAt(g, x, 0), 4, 6, 6])]);
  return add(g, concat(g, [x, zeros]), convNorm(g, x, "branch", 8, 12));
}

/** Rows of two maps written into one of zeros at places of their own, stretched over all channels. */
function mergedLevels(g: GraphBuilder): void {
  const x = relu(g, conv(g, g.input("input", [4, 3, 6, 6]), "front", 3, 8));
  const [small, large] = [convNorm(g, x, "small", 8, 6), convNorm(g, x, "large", 8, 6)];
  const zeros = g.node("ConstantOfShape", [g.node("Shape", [small])]);
  const write = (into: string, rows: readonly number[], values: string) => {
    const column = reshape(g, ints(g, rows), [-1, 1, 1, 1]);
    const at = g.node("Expand", [column, g.node("Shape", [values])]);
    return g.node("ScatterElements", [into, at, values], { axis: 0 });
  };
  const both = write(write(zeros, [2, 0], slice(g, small, 0, 2, 0)), [3, 1], slice(g, large, 2, 4, 0));
  const flat = g.node("Flatten", [g.node("GlobalAveragePool", [relu(g, conv(g, both, "back", 6, 5))])]);
  g.output(dense(g, flat, "head", 5, 3), [4, 3]);
}

/** The tokens of the best scores, all channels of them, by places repeated over the channels. */
function bestTokens(g: GraphBuilder, repeat: (at: string) => string): void {
  const x = linear(g, g.input("input", ["N", 6, 5]), "embed", 5, 8);
  const scores = g.node("Squeeze", [linear(g, x, "scores", 8, 1), ints(g, [2])]);
  const places = g.nodes("TopK", [scores, ints(g, [3])], 2, { axis: 1 })[1]!;
  const at = repeat(g.node("Unsqueeze", [places, ints(g, [2])]));
  const best = g.node("GatherElements", [relu(g, x), at], { axis: 1 });
  const hidden = relu(g, linear(g, best, "hidden", 8, 10));
  g.output(dense(g, g.node("ReduceMean", [hidden], { axes: [1], keepdims: 0 }), "head", 10, 3), ["N", 3]);
}

function bestTokensByExpand(g: GraphBuilder): void {
  bestTokens(g, (at) => g.node("Expand", [at, sizes(g, [sizeAt(g, at, 0), 3, 8])]));
}

function bestTokensByTile(g: GraphBuilder): void {
  bestTokens(g, (at) => g.node("Tile", [at, ints(g, [1, 1, 8])]));
}

/** Whole slices picked and written at places that are computed: channels lie behind the axes that are told. */
function slicesAtPlaces(g: GraphBuilder): void {
  const x = linear(g, g.input("input", ["N", 6, 5]), "embed", 5, 8);
  const turned = transpose(g, x, [1, 0, 2]);
  const places = reshape(g, ints(g, [4, 1, 2]), [3, 1]);
  const picked = relu(g, linear(g, g.node("GatherND", [turned, places]), "inner", 8, 8));
  const written = g.node("ScatterND", [turned, places, picked]);
  const mean = g.node("ReduceMean", [written], { axes: [0], keepdims: 0 });
  g.output(dense(g, mean, "head", 8, 3), ["N", 3]);
}

/** Branches of one convolution on an axis of their own, added up, and each weighed by what is said of all. */
function summedBranches(g: GraphBuilder, x: string): string {
  const wide = convNorm(g, x, "wide", 8, 12);
  const apart = g.node("Reshape", [wide, ints(g, [0, 2, 6, 6, 6])]);
  const sum = g.node("ReduceSum", [apart, ints(g, [1])], { keepdims: 0 });
  const pooled = g.node("ReduceMean", [sum], { axes: [2, 3], keepdims: 1 });
  const scores = conv(g, relu(g, conv(g, pooled, "fc1", 6, 4, { kernel: 1 })), "fc2", 4, 12, { kernel: 1 });
  const shares = g.node("Softmax", [reshape(g, scores, [0, 2, 6, 1, 1])], { axis: 1 });
  return g.node("ReduceSum", [g.node("Mul", [apart, shares]), ints(g, [1])], { keepdims: 0 });
}

/** Attention over tokens in front of a batch of two, with a learned token and learned places, as a fixed export has it. */
function fixedBatch(g: GraphBuilder): void {
  const [tokens, batch, heads, each] = [5, 2, 3, 4];
  const size = heads * each;
  const embedded = linear(g, g.input("input", [batch, tokens - 1, 6]), "embed", 6, size);
  const first = g.node("Tile", [
    g.weight([1, 1, size], undefined, { name: "token" }),
    ints(g, [batch, 1, 1]),
  ]);
  const placed = add(
    g,
    concat(g, [first, embedded]),
    g.weight([1, tokens, size], undefined, { name: "places" }),
  );
  const x = transpose(g, placed, [1, 0, 2]);
  const part = (name: string) => reshape(g, linear(g, x, name, size, size), [tokens, batch * heads, each]);
  const [q, k, v] = [part("q"), part("k"), part("v")];
  const scores = g.node("MatMul", [transpose(g, q, [1, 0, 2]), transpose(g, k, [1, 2, 0])]);
  const mixed = g.node("MatMul", [g.node("Softmax", [scores], { axis: -1 }), transpose(g, v, [1, 0, 2])]);
  const joined = dense(
    g,
    reshape(g, transpose(g, mixed, [1, 0, 2]), [tokens * batch, size]),
    "out",
    size,
    size,
  );
  const sum = add(g, x, reshape(g, joined, [tokens, batch, size]));
  const mean = g.node("ReduceMean", [sum], { axes: [0], keepdims: 0 });
  g.output(dense(g, mean, "head", size, 3), [batch, 3]);
}

/** Parts of a value whose shape nothing tells, beside an ordinary network. */
function unknownShapes(g: GraphBuilder): void {
  const x = image(g);
  const flat = g.node("Squeeze", [g.node("ReduceMean", [x], { axes: [1, 2, 3], keepdims: 1 })]);
  const first = g.node("Gather", [slice(g, flat, 0, 2, 0), ints(g, [1])], { axis: 0 });
  const padded = g.node("Pad", [first, ints(g, [1, 1])]);
  const [front] = g.nodes("Split", [padded, ints(g, [1, 2])], 2, { axis: 0 });
  const y = relu(g, conv(g, relu(g, conv(g, x, "front", 3, 8)), "back", 8, 5));
  const pooled = g.node("Flatten", [g.node("GlobalAveragePool", [y])]);
  g.output(dense(g, pooled, "head", 5, 3), ["N", 3]);
  g.output(front!, ["parts"]);
}

export const stretched: readonly Architecture[] = [
  between("a length stretched over channels", unitLength, { opset: 16 }),
  between("a length repeated over channels", unitLengthByTile, { opset: 16 }),
  between("positions shifted by zeros", shiftedByZeros),
  between("a shortcut filled up with zeros", filledShortcut, { channels: 12 }),
  architecture("levels written into one by rows", mergedLevels),
  architecture("tokens picked by stretched places", bestTokensByExpand),
  architecture("tokens picked by repeated places", bestTokensByTile),
  architecture("slices picked and written at places", slicesAtPlaces),
  between("branches on an axis of their own, added up", summedBranches, { channels: 6 }),
  architecture("attention over a batch of fixed size", fixedBatch),
  architecture("values of unknown shape", unknownShapes),
];
