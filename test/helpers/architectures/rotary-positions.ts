/** @file Decoders with rotary positions in the ways they are exported, with shared key heads and norms of queries and keys. */
import type { GraphBuilder } from "../build.ts";
import { type Architecture, architecture, headLocked } from "./architecture.ts";
import { add, concat, ints, reshape, sizeAt, sizes, slice, transpose } from "./layers.ts";
import {
  block,
  embedding,
  gatedPerceptron,
  plainLinear,
  rmsNormInPieces,
  weigh,
  width,
} from "./transformer-layers.ts";

const [queries, groups, size] = [4, 2, 8];

/** Turns [N, heads, T, width of a head]. */
type Turn = (x: string) => string;

/** Cosines and sines of every place and position, [places, positions]. */
function tables(g: GraphBuilder, positions: number, name: string): [string, string] {
  const angle = (k: number) => Math.floor(k / positions) / 3 ** (k % (size / 2));
  const table = (f: (x: number) => number, part: string) => {
    const values = Array.from({ length: 9 * positions }, (_, k) => f(angle(k)));
    return g.weight([9, positions], values, { name: `${name}.${part}` });
  };
  return [table(Math.cos, "cos"), table(Math.sin, "sin")];
}

/** Halves swapped: position i is turned with position i + half the width. */
function byHalves(g: GraphBuilder, [cos, sin]: readonly [string, string], wide = size): Turn {
  return (x) => {
    const [first, second] = [slice(g, x, 0, wide / 2, 3), slice(g, x, wide / 2, wide, 3)];
    const swapped = concat(g, [g.node("Neg", [second]), first], -1);
    return add(g, g.node("Mul", [x, cos]), g.node("Mul", [swapped, sin]));
  };
}

/** Rows of tables at the places that are fed, [N, 1, T, positions]. */
function gatheredTables(g: GraphBuilder, name: string): [string, string] {
  const places = "position_ids";
  return tables(g, size, name).map((table) =>
    g.node("Unsqueeze", [g.node("Gather", [table, places], { axis: 0 }), ints(g, [1])]),
  ) as [string, string];
}

/** Angles from frequencies and places, as newer exports compute them for every layer at once. */
function computedTables(g: GraphBuilder): [string, string] {
  const rates = Array.from({ length: size / 2 }, (_, k) => 3 ** -k);
  const frequencies = g.weight([1, size / 2, 1], rates, { name: "inv_freq" });
  const wide = g.node("Expand", [frequencies, sizes(g, [sizeAt(g, "position_ids", 0), size / 2, 1])]);
  const places = g.node("Cast", [g.node("Unsqueeze", ["position_ids", ints(g, [1])])], { to: 1 });
  const angles = transpose(g, g.node("MatMul", [wide, places]), [0, 2, 1]);
  const both = concat(g, [angles, angles], -1);
  return ["Cos", "Sin"].map((f) => g.node("Unsqueeze", [g.node(f, [both]), ints(g, [1])])) as [
    string,
    string,
  ];
}

/** Neighbours turned: even positions with odd ones, taken apart and laid side by side again. */
function byNeighbours(g: GraphBuilder, name: string): Turn {
  const rows = tables(g, size / 2, name).map((table) =>
    g.node("Unsqueeze", [g.node("Gather", [table, "position_ids"], { axis: 0 }), ints(g, [1])]),
  );
  const [cos, sin] = rows as [string, string];
  const every = (x: string, first: number) =>
    g.node("Slice", [x, ints(g, [first]), ints(g, [2 ** 31 - 1]), ints(g, [3]), ints(g, [2])]);
  return (x) => {
    const [even, odd] = [every(x, 0), every(x, 1)];
    const times = (a: string, b: string) => g.node("Mul", [a, b]);
    const turned = [
      g.node("Sub", [times(even, cos), times(odd, sin)]),
      add(g, times(even, sin), times(odd, cos)),
    ].map((part) => g.node("Unsqueeze", [part, ints(g, [4])]));
    const batch = sizeAt(g, x, 0);
    const [heads, tokens] = [sizeAt(g, x, 1), sizeAt(g, x, 2)];
    return g.node("Reshape", [concat(g, turned, -1), sizes(g, [batch, heads, tokens, size])]);
  };
}

/** Half of each head is turned, the other half goes on as it is. */
function partly(g: GraphBuilder, turn: Turn): Turn {
  return (x) => concat(g, [turn(slice(g, x, 0, size / 2, 3)), slice(g, x, size / 2, size, 3)], -1);
}

function attend(
  g: GraphBuilder,
  x: string,
  name: string,
  turn: Turn,
  before: Turn = (value) => value,
): string {
  const [batch, tokens] = [sizeAt(g, x, 0), sizeAt(g, x, 1)];
  const toHeads = (part: string, count: number) => {
    const own = plainLinear(g, x, `${name}.${part}`, width, count * size);
    return transpose(g, g.node("Reshape", [own, sizes(g, [batch, tokens, count, size])]), [0, 2, 1, 3]);
  };
  const repeat = (kv: string) => {
    const shape = sizes(g, [batch, groups, queries / groups, tokens, size]);
    const wide = g.node("Expand", [g.node("Unsqueeze", [kv, ints(g, [2])]), shape]);
    return g.node("Reshape", [wide, sizes(g, [batch, queries, tokens, size])]);
  };
  const q = turn(before(toHeads("q", queries)));
  const k = repeat(turn(before(toHeads("k", groups))));
  const out = weigh(g, q, transpose(g, k, [0, 1, 3, 2]), repeat(toHeads("v", groups)));
  const joined = reshape(g, transpose(g, out, [0, 2, 1, 3]), [0, 0, queries * size]);
  return plainLinear(g, joined, `${name}.out`, queries * size, width);
}

type Make = (g: GraphBuilder, name: string) => { readonly turn: Turn; readonly before?: Turn };

function decoder(make: Make) {
  return (g: GraphBuilder): void => {
    const ids = g.input("input_ids", ["N", "T"], "int64");
    g.input("position_ids", ["N", "T"], "int64");
    const layer = (x: string, name: string) => {
      const { turn, before } = make(g, name);
      const own = (value: string) => attend(g, value, `${name}.attn`, turn, before);
      return block(g, x, name, own, rmsNormInPieces, gatedPerceptron);
    };
    const out = layer(layer(embedding(g, ids, "embed", 9), "h.0"), "h.1");
    const weight = g.weight([width, 9], undefined, { name: "head.weight" });
    g.output(g.node("MatMul", [rmsNormInPieces(g, out, "norm"), weight]), ["N", "T", 9]);
  };
}

/** One set of tables for all layers. */
function shared(make: (g: GraphBuilder) => [string, string]): Make {
  let made: [string, string] | undefined;
  return (g, name) => {
    if (name === "h.0") made = make(g);
    return { turn: byHalves(g, made!) };
  };
}

/** A norm of each head by itself in front of the turn. */
const normed = (g: GraphBuilder, name: string): Turn => {
  let calls = 0;
  return (x) => rmsNormInPieces(g, x, `${name}.norm.${calls++}`, size);
};

/** Tables are looked up like embeddings; whole heads leave their positions alone. */
function tablesLocked(...ids: readonly string[]) {
  return {
    locked: { ...headLocked, ...Object.fromEntries(ids.map((id) => [id, "it meets an axis that is fixed"])) },
    share: 0.8,
  };
}

export const rotaryPositions: readonly Architecture[] = [
  architecture(
    "rotary positions by halves",
    decoder((g, name) => ({ turn: byHalves(g, gatheredTables(g, name)) })),
    tablesLocked("gather_1", "gather_3", "gather_89", "gather_91"),
  ),
  architecture(
    "rotary positions by neighbours",
    decoder((g, name) => ({ turn: byNeighbours(g, name) })),
    tablesLocked("gather_1", "gather_3", "gather_119", "gather_121"),
  ),
  architecture("rotary positions out of one set of angles", decoder(shared(computedTables))),
  architecture(
    "rotary positions of half a head, behind norms",
    decoder((g, name) => {
      const rows = tables(g, size / 2, name).map((table) =>
        g.node("Unsqueeze", [g.node("Gather", [table, "position_ids"], { axis: 0 }), ints(g, [1])]),
      ) as [string, string];
      return { turn: partly(g, byHalves(g, rows, size / 2)), before: normed(g, name) };
    }),
    tablesLocked("gather_1", "gather_3", "gather_109", "gather_111"),
  ),
];
