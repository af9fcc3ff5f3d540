/** @file Networks drawn at random from everything channels can go through, in any order and any nesting. */
import type { Model } from "../../src/graph/model.ts";
import { below, type RandomStream, shuffle, uniform } from "../../src/math/random.ts";
import { int64 } from "../../src/tensor/tensor.ts";
import { type GraphBuilder, graphBuilder } from "./build.ts";
import { batchNorm, conv, head, relu } from "./networks.ts";

/** A value [N, channels, 4, 4]. */
interface Value {
  readonly name: string;
  readonly channels: number;
}

interface Draft {
  readonly g: GraphBuilder;
  readonly random: RandomStream;
  readonly pool: Value[];
  layers: number;
}

/** One way on from a value; undefined where the channel count does not suit. */
type Step = (draft: Draft, x: Value) => Value | undefined;

const fresh = (draft: Draft): string => `layer${draft.layers++}`;
const ints = ({ g }: Draft, values: readonly number[]): string =>
  g.initializer(`ints${g.graph().initializers.size}`, int64([values.length], values));
const other = (draft: Draft, fits: (value: Value) => boolean): Value | undefined => {
  const suited = draft.pool.filter(fits);
  return suited[below(Math.max(1, suited.length), draft.random)];
};
const convolved = (draft: Draft, x: Value, to: number, group: number): Value => ({
  name: conv(draft.g, x.name, fresh(draft), x.channels, to, { group }),
  channels: to,
});

/** How attention lays out its heads: on an axis of their own, merged with the batch, or so behind the tokens. */
const layouts = [
  { apart: [0, 2, 1, 3], target: undefined, back: [0, 2, 1, 3] },
  { apart: [0, 2, 1, 3], target: (width: number) => [-1, 16, width], back: [0, 2, 1, 3] },
  { apart: [1, 0, 2, 3], target: (width: number) => [16, -1, width], back: [1, 0, 2, 3] },
] as const;

/** Attention over the 16 positions of a value, which are its tokens. */
function attend(draft: Draft, x: Value): Value {
  const { g, random } = draft;
  const [heads, width, to] = [1 + below(3, random), 1 + below(3, random), 2 + below(4, random)];
  const { apart, target, back } = layouts[below(layouts.length, random)]!;
  const reshaped = (value: string, shape: readonly number[]) =>
    g.node("Reshape", [value, ints(draft, shape)]);
  const product = (value: string, rows: number, columns: number) =>
    g.node("MatMul", [value, g.weight([rows, columns], undefined, { name: `${fresh(draft)}.weight` })]);
  const tokens = g.node("Transpose", [reshaped(x.name, [0, x.channels, 16])], { perm: [0, 2, 1] });
  const toHeads = () => {
    const split = reshaped(product(tokens, x.channels, heads * width), [0, 16, heads, width]);
    const turned = g.node("Transpose", [split], { perm: apart });
    if (target === undefined) return turned;
    const merged = reshaped(turned, target(width));
    return apart[0] === 1 ? g.node("Transpose", [merged], { perm: [1, 0, 2] }) : merged;
  };
  const keys = toHeads();
  const perm = target === undefined ? [0, 1, 3, 2] : [0, 2, 1];
  const scores = g.node("MatMul", [toHeads(), g.node("Transpose", [keys], { perm })]);
  let out = g.node("MatMul", [g.node("Softmax", [scores], { axis: -1 }), toHeads()]);
  if (apart[0] === 1) out = reshaped(g.node("Transpose", [out], { perm: [1, 0, 2] }), [16, -1, heads, width]);
  else if (target !== undefined) out = reshaped(out, [-1, heads, 16, width]);
  const joined = reshaped(g.node("Transpose", [out], { perm: back }), [-1, 16, heads * width]);
  const mixed = g.node("Transpose", [product(joined, heads * width, to)], { perm: [0, 2, 1] });
  return { name: reshaped(mixed, [0, to, 4, 4]), channels: to };
}

const steps: Readonly<Record<string, Step>> = {
  attention: attend,
  layerNorm: ({ g }, x) => {
    const last = g.node("Transpose", [x.name], { perm: [0, 2, 3, 1] });
    const inputs = [last, g.weight([x.channels]), g.weight([x.channels])];
    const normal = g.node("LayerNormalization", inputs, { axis: -1, epsilon: 0.1 });
    return { ...x, name: g.node("Transpose", [normal], { perm: [0, 3, 1, 2] }) };
  },
  conv: (draft, x) => convolved(draft, x, 2 + below(5, draft.random), 1),
  groupedConv: (draft, x) =>
    x.channels % 2 === 0 ? convolved(draft, x, 2 * (1 + below(3, draft.random)), 2) : undefined,
  groupedConvInThree: (draft, x) =>
    x.channels % 3 === 0 ? convolved(draft, x, 3 * (1 + below(2, draft.random)), 3) : undefined,
  depthwise: (draft, x) =>
    x.channels <= 6 ? convolved(draft, x, x.channels * (1 + below(2, draft.random)), x.channels) : undefined,
  norm: (draft, x) => ({ ...x, name: batchNorm(draft.g, x.name, fresh(draft), x.channels) }),
  relu: ({ g }, x) => ({ ...x, name: relu(g, x.name) }),
  sigmoid: ({ g }, x) => ({ ...x, name: g.node("Sigmoid", [x.name]) }),
  add: (draft, x) => {
    const y = other(draft, ({ channels }) => channels === x.channels);
    return y && { ...x, name: draft.g.node("Add", [x.name, y.name]) };
  },
  multiply: (draft, x) => {
    const y = other(draft, ({ channels }) => channels === x.channels || channels === 1);
    return y && { ...x, name: draft.g.node("Mul", [x.name, draft.g.node("Tanh", [y.name])]) };
  },
  scale: ({ g }, x) => ({ ...x, name: g.node("Mul", [x.name, g.weight([x.channels, 1, 1])]) }),
  concat: (draft, x) => {
    const y = other(draft, ({ channels }) => channels + x.channels <= 12);
    return (
      y && { name: draft.g.node("Concat", [x.name, y.name], { axis: 1 }), channels: x.channels + y.channels }
    );
  },
  split: (draft, x) => {
    if (x.channels < 2) return undefined;
    const first = 1 + below(x.channels - 1, draft.random);
    const parts = [first, x.channels - first];
    const names = draft.g.nodes("Split", [x.name, ints(draft, parts)], 2, { axis: 1 });
    draft.pool.push({ name: names[1]!, channels: parts[1]! });
    return { name: names[0]!, channels: first };
  },
  slice: (draft, x) => {
    const start = below(x.channels, draft.random);
    const bounds = [[start], [x.channels], [1]].map((values) => ints(draft, values));
    return { name: draft.g.node("Slice", [x.name, ...bounds]), channels: x.channels - start };
  },
  gather: (draft, x) => {
    const order = shuffle(
      Uint32Array.from({ length: x.channels }, (_, k) => k),
      draft.random,
    );
    const picked = [...order].slice(0, 1 + below(x.channels, draft.random));
    return {
      name: draft.g.node("Gather", [x.name, ints(draft, picked)], { axis: 1 }),
      channels: picked.length,
    };
  },
  pad: (draft, x) => {
    const [before, after] = [below(2, draft.random), below(2, draft.random)];
    const pads = ints(draft, [0, before, 0, 0, 0, after, 0, 0]);
    return { name: draft.g.node("Pad", [x.name, pads]), channels: x.channels + before + after };
  },
  tile: (draft, x) =>
    x.channels <= 5
      ? { name: draft.g.node("Tile", [x.name, ints(draft, [1, 2, 1, 1])]), channels: 2 * x.channels }
      : undefined,
  shuffle: (draft, x) => {
    if (x.channels % 2 !== 0) return undefined;
    const { g } = draft;
    const apart = g.node("Reshape", [x.name, ints(draft, [0, 2, x.channels / 2, 4, 4])]);
    const turned = g.node("Transpose", [apart], { perm: [0, 2, 1, 3, 4] });
    return { ...x, name: g.node("Reshape", [turned, ints(draft, [0, -1, 4, 4])]) };
  },
  halfOfBlocks: (draft, x) => {
    if (x.channels % 2 !== 0) return undefined;
    const { g } = draft;
    const apart = g.node("Reshape", [x.name, ints(draft, [0, 2, x.channels / 2, 16])]);
    const second = g.node(
      "Gather",
      [apart, g.initializer(`scalar${g.graph().nodes.length}`, int64([], [1]))],
      { axis: 1 },
    );
    return {
      name: g.node("Reshape", [second, ints(draft, [-1, x.channels / 2, 4, 4])]),
      channels: x.channels / 2,
    };
  },
  lastAxis: (draft, x) => {
    const { g, random } = draft;
    const to = 2 + below(4, random);
    const turned = g.node("Transpose", [x.name], { perm: [0, 2, 3, 1] });
    const mixed = g.node("MatMul", [
      turned,
      g.weight([x.channels, to], undefined, { name: `${fresh(draft)}.weight` }),
    ]);
    return { name: g.node("Transpose", [mixed], { perm: [0, 3, 1, 2] }), channels: to };
  },
  sumOverChannels: (draft, x) => {
    const sums = draft.g.node("ReduceSum", [x.name, ints(draft, [1])], { keepdims: 1 });
    return { ...x, name: draft.g.node("Add", [x.name, draft.g.node("Tanh", [sums])]) };
  },
  meanOverChannels: (draft, x) => {
    const mean = draft.g.node("ReduceMean", [x.name], { axes: [1], keepdims: 1 });
    return { ...x, name: draft.g.node("Sub", [x.name, mean]) };
  },
  shapedLike: (draft, x) => {
    const { g } = draft;
    const flat = g.node("Flatten", [x.name]);
    return { ...x, name: g.node("Reshape", [flat, g.node("Shape", [x.name])]) };
  },
};

/** A network of about `length` steps that ends in two logits. Every value it makes is used or left unread by chance. */
export function randomNetwork(random: RandomStream, length: number): Model {
  const g = graphBuilder();
  const draft: Draft = { g, random, pool: [{ name: g.input("x", ["N", 3, 4, 4]), channels: 3 }], layers: 0 };
  const names = Object.keys(steps);
  draft.pool.push(convolved(draft, draft.pool[0]!, 4, 1), convolved(draft, draft.pool[0]!, 6, 1));
  for (let k = 0; k < length; k++) {
    const recent = uniform(random) < 0.7;
    const x = draft.pool[recent ? draft.pool.length - 1 : below(draft.pool.length, random)]!;
    const made = steps[names[below(names.length, random)]!]!(draft, x);
    if (made !== undefined) draft.pool.push(made);
  }
  const last = draft.pool.at(-1)!;
  head(g, conv(g, last.name, "last", last.channels, 3), 3);
  return g.build();
}
