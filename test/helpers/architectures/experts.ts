/** @file Transformers with several experts: all of them run, the best few run on their rows, or in one operator. */
import type { GraphBuilder } from "../build.ts";
import { type Architecture, architecture, headLocked } from "./architecture.ts";
import { activate, add, dense, int, ints, linear, reshape, scalar } from "./layers.ts";
import { layerNorm, perceptron, plainLinear, tokenAt, width } from "./transformer-layers.ts";

const [count, inner] = [3, 10];

/** Rows of tokens through a block with experts, and a head on the first token. */
function network(mix: (g: GraphBuilder, rows: string) => string) {
  return (g: GraphBuilder): void => {
    const x = linear(g, g.input("features", ["N", 4, 5]), "embed", 5, width);
    const rows = reshape(g, layerNorm(g, x, "norm"), [-1, width]);
    const out = add(g, x, reshape(g, mix(g, rows), [-1, 4, width]));
    g.output(dense(g, tokenAt(g, layerNorm(g, out, "norm2"), 0), "head", width, 2), ["N", 2]);
  };
}

const shares = (g: GraphBuilder, rows: string): string =>
  g.node("Softmax", [linear(g, rows, "router", width, count)], { axis: -1 });

const expert = (g: GraphBuilder, rows: string, k: number): string => {
  const name = `experts.${k}`;
  const gate = activate(g, plainLinear(g, rows, `${name}.w1`, width, inner + k), "silu");
  const both = g.node("Mul", [gate, plainLinear(g, rows, `${name}.w3`, width, inner + k)]);
  return plainLinear(g, both, `${name}.w2`, inner + k, width);
};

/** Every expert on every row, added up by their shares. */
function everyExpert(g: GraphBuilder, rows: string): string {
  const share = shares(g, rows);
  const parts = Array.from({ length: count }, (_, k) => {
    const own = g.node("Slice", [share, ints(g, [k]), ints(g, [k + 1]), ints(g, [1])]);
    return g.node("Mul", [expert(g, rows, k), own]);
  });
  return g.node("Sum", parts);
}

/** Weights of all experts in one, [experts, from, to]: their inner channels lie on one axis. */
function stacked(g: GraphBuilder, rows: string): string {
  const weight = (name: string, from: number, to: number) =>
    g.weight([count, from, to], undefined, { name: `experts.${name}.weight` });
  const bias = g.weight([count, 1, inner], undefined, { name: "experts.w1.bias" });
  const lifted = g.node("Unsqueeze", [rows, ints(g, [0])]);
  const hidden = add(g, g.node("MatMul", [lifted, weight("w1", width, inner)]), bias);
  const made = g.node("MatMul", [activate(g, hidden, "relu"), weight("w2", inner, width)]);
  const share = g.node("Unsqueeze", [g.node("Transpose", [shares(g, rows)], { perm: [1, 0] }), ints(g, [2])]);
  return g.node("ReduceSum", [g.node("Mul", [made, share]), ints(g, [0])], { keepdims: 0 });
}

/** Each expert on the rows whose share of it is high, found as the network runs, and written back to their places. */
function chosenRows(g: GraphBuilder, rows: string): string {
  const share = shares(g, rows);
  let total = g.node("Mul", [rows, scalar(g, 0)]);
  for (let k = 0; k < count; k++) {
    const own = g.node("Gather", [share, int(g, k)], { axis: 1 });
    const found = g.node("NonZero", [g.node("Greater", [own, scalar(g, 0.3)])]);
    const places = g.node("Transpose", [found], { perm: [1, 0] }); // [rows found, 1]
    const made = expert(g, g.node("GatherND", [rows, places]), k);
    const factor = g.node("Unsqueeze", [g.node("GatherND", [own, places]), ints(g, [1])]);
    const updates = g.node("Mul", [made, factor]);
    total = g.node("ScatterND", [total, places, updates], { reduction: "add" });
  }
  return total;
}

/** onnxruntime's operator, with weights [experts, to, from] or [experts, from, to]. */
function inOneOperator(isRowMajor: boolean) {
  return (g: GraphBuilder, rows: string): string => {
    const weight = (name: string, from: number, to: number) =>
      g.weight(isRowMajor ? [count, to, from] : [count, from, to], undefined, {
        name: `experts.${name}.weight`,
      });
    const bias = (name: string, size: number) =>
      g.weight([count, size], undefined, { name: `experts.${name}.bias` });
    const inputs = [
      rows,
      linear(g, rows, "router", width, count),
      weight("fc1", width, inner),
      bias("fc1", inner),
      weight("fc2", inner, width),
      bias("fc2", width),
    ];
    const attributes = { k: 2, activation_type: "silu", normalize_routing_weights: 1 };
    const mixed = g.node("MoE", inputs, attributes, { domain: "com.microsoft" });
    return perceptron(g, mixed, "after");
  };
}

const opsets = { "com.microsoft": 1 } as const;
const router = { router: "a single position is gathered from it" } as const;
const operatorLocked = {
  ...headLocked,
  router: "its experts stay",
  "experts.fc1": "no mask reaches the channels inside MoE",
} as const;

export const experts: readonly Architecture[] = [
  architecture("experts that all run", network(everyExpert), { locked: { ...headLocked } }),
  architecture("experts in one weight", network(stacked)),
  architecture("experts on the rows that choose them", network(chosenRows), {
    opset: 18,
    locked: { ...headLocked, ...router },
  }),
  architecture("experts in one operator", network(inOneOperator(true)), {
    opsets,
    locked: operatorLocked,
    share: 0.5,
  }),
  architecture("experts in one operator, weights turned", network(inOneOperator(false)), {
    opsets,
    locked: operatorLocked,
    share: 0.5,
  }),
];
