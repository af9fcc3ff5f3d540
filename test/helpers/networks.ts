/**
 * @file Small networks with random weights, one for each way channels travel, and the groups each must have.
 *
 * A group is written "id 4" (four channels that may go), "id 3+1" (one more is fixed), "id 4 in 2" (two blocks that keep
 * equally many each). Layers are named by their weights: "c1.weight" makes group "c1".
 */
import type { Model } from "../../src/graph/model.ts";
import type { DType } from "../../src/tensor/dtype.ts";
import { int64 } from "../../src/tensor/tensor.ts";
import { type AttributeShorthand, type BuildOptions, type GraphBuilder, graphBuilder } from "./build.ts";

export interface Network {
  readonly name: string;
  readonly build: () => Model;
  readonly groups: readonly string[];
  /** Allowed difference relative to the largest output, where 1e-5 cannot be had. */
  readonly tolerance?: number;
}

type Attributes = Readonly<Record<string, AttributeShorthand>>;

interface ConvOptions {
  readonly kernel?: readonly number[];
  readonly group?: number;
  readonly stride?: number;
  readonly dtype?: DType;
}

/** A "same" convolution with bias over as many spatial axes as the kernel has. */
export function conv(
  g: GraphBuilder,
  x: string,
  name: string,
  from: number,
  to: number,
  options: ConvOptions = {},
): string {
  const { kernel = [3, 3], group = 1, stride = 1, dtype = "float32" } = options;
  const weight = g.weight([to, from / group, ...kernel], undefined, { name: `${name}.weight`, dtype });
  const bias = g.weight([to], undefined, { name: `${name}.bias`, dtype });
  const half = kernel.map((size) => (size - 1) / 2);
  const attributes = { pads: [...half, ...half], strides: kernel.map(() => stride), group };
  return g.node("Conv", [x, weight, bias], attributes, { name });
}

export function batchNorm(g: GraphBuilder, x: string, name: string, channels: number): string {
  const own = (part: string, values?: readonly number[]) =>
    g.weight([channels], values, { name: `${name}.${part}` });
  const variance = Array.from({ length: channels }, (_, k) => 0.5 + k / channels);
  const inputs = [own("scale"), own("shift"), own("mean"), own("variance", variance)];
  return g.node("BatchNormalization", [x, ...inputs], {}, { name });
}

export function relu(g: GraphBuilder, x: string): string {
  return g.node("Relu", [x]);
}

export function dense(
  g: GraphBuilder,
  x: string,
  name: string,
  from: number,
  to: number,
  transB = 1,
): string {
  const weight = g.weight(transB === 1 ? [to, from] : [from, to], undefined, { name: `${name}.weight` });
  return g.node(
    "Gemm",
    [x, weight, g.weight([to], undefined, { name: `${name}.bias` })],
    { transB },
    { name },
  );
}

/** Global average, flatten, two logits. */
export function head(g: GraphBuilder, x: string, channels: number): void {
  const pooled = g.node("Flatten", [g.node("GlobalAveragePool", [x])]);
  g.output(dense(g, pooled, "out", channels, 2), ["N", 2]);
}

/** A named list of whole numbers as an initializer. */
export const ints = (g: GraphBuilder, name: string, values: readonly number[]): string =>
  g.initializer(name, int64([values.length], values));

const image = (g: GraphBuilder, channels = 3): string => g.input("x", ["N", channels, 6, 6]);

function network(
  name: string,
  groups: readonly string[],
  draw: (g: GraphBuilder) => void,
  { tolerance, ...options }: BuildOptions & { readonly tolerance?: number } = {},
): Network {
  const build = () => {
    const g = graphBuilder();
    draw(g);
    return g.build(options);
  };
  return { name, build, groups, ...(tolerance !== undefined && { tolerance }) };
}

const plain: readonly Network[] = [
  network("a chain of convolutions", ["c1 4", "c2 5", "out 0+2"], (g) => {
    head(g, relu(g, conv(g, relu(g, conv(g, image(g), "c1", 3, 4)), "c2", 4, 5)), 5);
  }),
  network("batch normalisation", ["c1 4", "out 0+2"], (g) => {
    head(g, relu(g, batchNorm(g, conv(g, image(g), "c1", 3, 4), "bn", 4)), 4);
  }),
  network("instance normalisation", ["c1 4", "out 0+2"], (g) => {
    const inputs = [conv(g, image(g), "c1", 3, 4), g.weight([4]), g.weight([4])];
    head(g, relu(g, g.node("InstanceNormalization", inputs)), 4);
  }),
  network("one-dimensional convolutions", ["c1 4", "c2 3", "out 0+2"], (g) => {
    const x = g.input("x", ["N", 2, 9]);
    const first = relu(g, conv(g, x, "c1", 2, 4, { kernel: [3] }));
    head(
      g,
      conv(g, g.node("MaxPool", [first], { kernel_shape: [2], strides: [2] }), "c2", 4, 3, { kernel: [3] }),
      3,
    );
  }),
  network("three-dimensional convolutions", ["c1 4", "c2 3", "out 0+2"], (g) => {
    const x = g.input("x", ["N", 2, 4, 4, 4]);
    const first = relu(g, conv(g, x, "c1", 2, 4, { kernel: [3, 3, 3] }));
    head(g, conv(g, first, "c2", 4, 3, { kernel: [1, 1, 1] }), 3);
  }),
  network("a transposed convolution", ["c1 4", "up 3", "c2 3", "out 0+2"], (g) => {
    const low = relu(g, conv(g, image(g), "c1", 3, 4, { stride: 2 }));
    const weights = [g.weight([4, 3, 2, 2], undefined, { name: "up.weight" }), g.weight([3])];
    const up = g.node("ConvTranspose", [low, ...weights], { strides: [2, 2] }, { name: "up" });
    head(g, relu(g, conv(g, relu(g, up), "c2", 3, 3)), 3);
  }),
  network("a depthwise transposed convolution", ["c1 4", "out 0+2"], (g) => {
    const low = relu(g, conv(g, image(g), "c1", 3, 4, { stride: 2 }));
    const weights = [g.weight([4, 1, 2, 2], undefined, { name: "up.weight" }), g.weight([4])];
    head(g, relu(g, g.node("ConvTranspose", [low, ...weights], { strides: [2, 2], group: 4 })), 4);
  }),
  network(
    "float16 weights",
    ["c1 4", "c2 3", "out 0+2"],
    (g) => {
      const x = g.node("Cast", [image(g)], { to: 10 });
      const inner = conv(g, relu(g, conv(g, x, "c1", 3, 4, { dtype: "float16" })), "c2", 4, 3, {
        dtype: "float16",
      });
      head(g, g.node("Cast", [inner], { to: 1 }), 3);
    },
    { tolerance: 5e-3 },
  ),
  network("two inputs and two outputs", ["a 4", "out 0+2", "second 0+3"], (g) => {
    const left = relu(g, conv(g, image(g), "a", 3, 4));
    const right = conv(g, g.input("y", ["N", 2, 6, 6]), "b", 2, 4);
    const sum = g.node("Add", [left, right]);
    head(g, sum, 4);
    g.output(conv(g, sum, "second", 4, 3));
  }),
];

const joined: readonly Network[] = [
  network("a residual add", ["c1 4", "c2 3", "out 0+2"], (g) => {
    const stem = relu(g, conv(g, image(g), "c1", 3, 4));
    const branch = conv(g, relu(g, conv(g, stem, "c2", 4, 3)), "c3", 3, 4);
    head(g, relu(g, g.node("Add", [stem, branch])), 4);
  }),
  network("a shortcut padded with zero channels", ["c1 8", "c2 3", "out 0+2"], (g) => {
    const stem = relu(g, conv(g, image(g), "c1", 3, 4));
    const branch = conv(g, relu(g, conv(g, stem, "c2", 4, 3, { stride: 2 })), "c3", 3, 8);
    const ends = [2 ** 31, 2 ** 31];
    const bounds = [
      ints(g, "starts", [0, 0]),
      ints(g, "ends", ends),
      ints(g, "axes", [2, 3]),
      ints(g, "steps", [2, 2]),
    ];
    const thin = g.node("Slice", [stem, ...bounds]);
    const wide = g.node("Pad", [thin, ints(g, "pads", [0, 2, 0, 0, 0, 2, 0, 0])]);
    head(g, relu(g, g.node("Add", [wide, branch])), 8);
  }),
  network("nested concatenations", ["c1 4", "c2 2", "c3 2", "out 0+2"], (g) => {
    const one = relu(g, conv(g, image(g), "c1", 3, 4));
    const two = g.node("Concat", [one, relu(g, conv(g, one, "c2", 4, 2))], { axis: 1 });
    const three = g.node("Concat", [two, relu(g, conv(g, two, "c3", 6, 2))], { axis: 1 });
    head(g, relu(g, batchNorm(g, three, "bn", 8)), 8);
  }),
  network("a value joined with itself and with the input", ["c1 4", "out 0+2"], (g) => {
    const x = image(g);
    const one = relu(g, conv(g, x, "c1", 3, 4));
    head(g, g.node("Concat", [one, x, one], { axis: -3 }), 11);
  }),
  network("a value added to itself", ["c1 4", "out 0+2"], (g) => {
    const one = relu(g, conv(g, image(g), "c1", 3, 4));
    head(g, g.node("Mul", [g.node("Add", [one, one]), one]), 4);
  }),
  network("squeeze and excitation", ["c1 4", "f1 2", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 4));
    const squeezed = relu(g, conv(g, g.node("GlobalAveragePool", [x]), "f1", 4, 2, { kernel: [1, 1] }));
    const gate = g.node("Sigmoid", [conv(g, squeezed, "f2", 2, 4, { kernel: [1, 1] })]);
    head(g, g.node("Mul", [x, gate]), 4);
  }),
  network("a gate of one channel over space", ["c1 4", "gate 1", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 4));
    head(g, g.node("Mul", [x, g.node("Sigmoid", [conv(g, x, "gate", 4, 1)])]), 4);
  }),
  network(
    "constants of shapes [C, 1, 1] and [1, C, 1, 1] and a slope per channel",
    ["c1 4", "out 0+2"],
    (g) => {
      const x = conv(g, image(g), "c1", 3, 4);
      const scaled = g.node("Mul", [g.weight([4, 1, 1]), x]);
      const moved = g.node("Add", [scaled, g.weight([1, 4, 1, 1])]);
      const bent = g.node("PRelu", [moved, g.weight([4, 1, 1])]);
      head(g, g.node("Max", [bent, g.weight([1], [-0.2]), g.weight([], [-0.3])]), 4);
    },
  ),
  network("a constant over space and channels", ["c1 4", "out 0+2"], (g) => {
    head(g, relu(g, g.node("Add", [conv(g, image(g), "c1", 3, 4), g.weight([1, 4, 6, 6])])), 4);
  }),
  network("channels that meet the input are fixed", ["c1 0+3", "c2 4", "out 0+2"], (g) => {
    const x = image(g);
    const sum = g.node("Add", [x, conv(g, x, "c1", 3, 3)]);
    head(g, relu(g, conv(g, relu(g, sum), "c2", 3, 4)), 4);
  }),
  network(
    "parts of a concatenation, one of them fixed by an addition",
    ["b 0+3", "a 2", "c 3", "out 0+2"],
    (g) => {
      const x = image(g);
      const fixed = g.node("Add", [x, conv(g, x, "b", 3, 3)]);
      const both = g.node("Concat", [relu(g, conv(g, x, "a", 3, 2)), fixed], { axis: 1 });
      head(g, relu(g, conv(g, both, "c", 5, 3)), 3);
    },
  ),
  network("an addition that pairs channels across a concatenation", ["a 4", "out 0+2"], (g) => {
    const x = image(g);
    const both = g.node("Concat", [relu(g, conv(g, x, "a", 3, 2)), relu(g, conv(g, x, "b", 3, 2))], {
      axis: 1,
    });
    head(g, relu(g, g.node("Add", [both, conv(g, x, "c", 3, 4)])), 4);
  }),
];

const grouped: readonly Network[] = [
  network("a depthwise convolution", ["c1 4", "c3 3", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 4));
    const deep = relu(g, conv(g, x, "dw", 4, 4, { group: 4 }));
    head(g, relu(g, conv(g, deep, "c3", 4, 3, { kernel: [1, 1] })), 3);
  }),
  network("a depthwise convolution with two outputs per input", ["c1 4", "c3 3", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 4));
    const deep = relu(g, batchNorm(g, conv(g, x, "dw", 4, 8, { group: 4 }), "bn", 8));
    head(g, relu(g, conv(g, deep, "c3", 8, 3, { kernel: [1, 1] })), 3);
  }),
  network("a depthwise convolution of the input is fixed", ["c1 4", "out 0+2"], (g) => {
    head(g, relu(g, conv(g, conv(g, image(g), "dw", 3, 6, { group: 3 }), "c1", 6, 4)), 4);
  }),
  network("a grouped convolution", ["c1 6 in 2", "gc 4 in 2", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 6));
    head(g, relu(g, conv(g, x, "gc", 6, 4, { group: 2 })), 4);
  }),
  network(
    "two grouped convolutions that cut alike",
    ["c1 8 in 2", "g1 8 in 2", "g2 4 in 2", "out 0+2"],
    (g) => {
      const x = relu(g, conv(g, image(g), "c1", 3, 8));
      const one = relu(g, conv(g, x, "g1", 8, 8, { group: 2 }));
      head(g, relu(g, conv(g, one, "g2", 8, 4, { group: 2 })), 4);
    },
  ),
  network(
    "two grouped convolutions that cut differently",
    ["c1 8 in 4", "g1 2", "g2 4 in 2", "out 0+2"],
    (g) => {
      const x = relu(g, conv(g, image(g), "c1", 3, 8));
      const one = relu(g, conv(g, x, "g1", 8, 8, { group: 4 }));
      head(g, relu(g, conv(g, one, "g2", 8, 4, { group: 2 })), 4);
    },
  ),
  network("a grouped convolution over a concatenation", ["a 2", "gc 4 in 2", "out 0+2"], (g) => {
    const x = image(g);
    const both = g.node("Concat", [relu(g, conv(g, x, "a", 3, 2)), relu(g, conv(g, x, "b", 3, 2))], {
      axis: 1,
    });
    head(g, relu(g, conv(g, both, "gc", 4, 4, { group: 2 })), 4);
  }),
  network("a grouped convolution over uneven parts", ["a 2", "gc 4 in 2", "out 0+2"], (g) => {
    const x = image(g);
    const both = g.node("Concat", [relu(g, conv(g, x, "a", 3, 1)), relu(g, conv(g, x, "b", 3, 3))], {
      axis: 1,
    });
    head(g, relu(g, conv(g, both, "gc", 4, 4, { group: 2 })), 4);
  }),
  network("a grouped convolution of the input", ["gc 4 in 2", "out 0+2"], (g) => {
    head(g, relu(g, conv(g, image(g, 4), "gc", 4, 4, { group: 2 })), 4);
  }),
  network(
    "a grouped convolution whose blocks hold fixed channels in the same places",
    ["a 1", "gc 4 in 2", "out 0+2"],
    (g) => {
      const x = image(g, 1);
      const one = relu(g, conv(g, x, "a", 1, 1));
      const both = g.node("Concat", [x, one, x, one], { axis: 1 });
      head(g, relu(g, conv(g, both, "gc", 4, 4, { group: 2 })), 4);
    },
  ),
  network("a shuffle of channels", ["c1 3", "c2 3", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 6));
    const apart = g.node("Reshape", [x, ints(g, "apart", [-1, 2, 3, 6, 6])]);
    const turned = g.node("Transpose", [apart], { perm: [0, 2, 1, 3, 4] });
    const shuffled = g.node("Reshape", [turned, ints(g, "together", [0, 6, 6, 6])]);
    head(g, relu(g, conv(g, shuffled, "c2", 6, 3)), 3);
  }),
  network(
    "a shuffle between grouped convolutions",
    ["c1 8 in 2", "g1 4 in 2", "g2 4 in 2", "out 0+2"],
    (g) => {
      const x = relu(g, conv(g, image(g), "c1", 3, 8, { kernel: [1, 1] }));
      const one = relu(g, conv(g, x, "g1", 8, 8, { group: 2 }));
      const apart = g.node("Reshape", [one, ints(g, "apart", [-1, 2, 4, 6, 6])]);
      const turned = g.node("Transpose", [apart], { perm: [0, 2, 1, 3, 4] });
      const shuffled = g.node("Reshape", [turned, ints(g, "together", [0, 8, 6, 6])]);
      head(g, relu(g, conv(g, shuffled, "g2", 8, 4, { group: 2 })), 4);
    },
  ),
];

/** Flatten, Reshape and dense layers. */
const flattened: readonly Network[] = [
  ...[0, 1].map((transB) =>
    network(`Flatten into Gemm, transB ${transB}`, ["c1 3", "f1 5", "out 0+2"], (g) => {
      const flat = g.node("Flatten", [relu(g, conv(g, image(g), "c1", 3, 3))]);
      g.output(dense(g, relu(g, dense(g, flat, "f1", 108, 5, transB)), "out", 5, 2, transB));
    }),
  ),
  ...[
    [-1, 108],
    [0, 108],
    [0, -1],
  ].map((target) =>
    network(`Reshape to [${target}] into MatMul and Add`, ["c1 3", "f1 5", "out 0+2"], (g) => {
      const x = relu(g, conv(g, image(g), "c1", 3, 3));
      const flat = g.node("Reshape", [x, ints(g, "target", target)]);
      const product = g.node("MatMul", [flat, g.weight([108, 5], undefined, { name: "f1.weight" })]);
      g.output(dense(g, relu(g, g.node("Add", [product, g.weight([5])])), "out", 5, 2));
    }),
  ),
  network("Reshape to a shape computed at run time", ["c1 3", "f1 5", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 3));
    const rows = g.node("Gather", [g.node("Shape", [x]), ints(g, "first", [0])]);
    const flat = g.node("Reshape", [x, g.node("Concat", [rows, ints(g, "open", [-1])], { axis: 0 })]);
    g.output(dense(g, relu(g, dense(g, flat, "f1", 108, 5)), "out", 5, 2));
  }),
  network("Reshape to a shape computed from channel counts", ["c1 3", "f1 5", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 3));
    const shape = g.node("Shape", [x]);
    const size = (axis: number) => g.node("Gather", [shape, ints(g, `axis${axis}`, [axis])]);
    const columns = g.node("Mul", [g.node("Mul", [size(1), size(2)]), size(3)]);
    const flat = g.node("Reshape", [x, g.node("Concat", [size(0), columns], { axis: 0 })]);
    g.output(dense(g, relu(g, dense(g, flat, "f1", 108, 5)), "out", 5, 2));
  }),
  network("a scale computed from the channel count stays as it was", ["c1 4", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 4));
    const count = g.node("Gather", [g.node("Shape", [x]), g.initializer("one", int64([], [1]))]);
    head(g, g.node("Div", [x, g.node("Cast", [count], { to: 1 })]), 4);
  }),
  network(
    "a number computed from a size with an open batch locks what it measures",
    ["c1 0+4", "c2 3", "out 0+2"],
    (g) => {
      const x = relu(g, conv(g, image(g), "c1", 3, 4));
      const count = g.node("Cast", [g.node("Size", [x])], { to: 1 });
      head(g, relu(g, conv(g, g.node("Div", [x, count]), "c2", 4, 3)), 3);
    },
  ),
  network("another value reshaped to the sizes of one that shrinks", ["c1 4", "out 0+2"], (g) => {
    const x = image(g, 4);
    const one = relu(g, conv(g, x, "c1", 4, 4));
    const same = g.node("Reshape", [
      g.node("Transpose", [x], { perm: [0, 1, 3, 2] }),
      g.node("Shape", [one]),
    ]);
    const sums = g.node("ReduceMean", [same], { axes: [1, 2, 3], keepdims: 1 });
    head(g, g.node("Mul", [one, sums]), 4);
  }),
  network("convolutions between transposes", ["c1 4", "m 5", "out 0+2"], (g) => {
    const last = g.node("Transpose", [relu(g, conv(g, image(g), "c1", 3, 4))], { perm: [0, 2, 3, 1] });
    const mixed = g.node("MatMul", [last, g.weight([4, 5], undefined, { name: "m.weight" })]);
    head(g, g.node("Transpose", [relu(g, g.node("Add", [mixed, g.weight([5])]))], { perm: [0, 3, 1, 2] }), 5);
  }),
  network("a product with the weights on the left", ["c1 4", "m 5", "out 0+2"], (g) => {
    const x = relu(g, conv(g, g.input("x", ["N", 3, 7]), "c1", 3, 4, { kernel: [3] }));
    const mixed = g.node("MatMul", [g.weight([5, 4], undefined, { name: "m.weight" }), x]);
    head(g, relu(g, mixed), 5);
  }),
  network("a value multiplied with its own transpose", ["c1 4", "out 0+2"], (g) => {
    const x = relu(g, conv(g, g.input("x", ["N", 3, 7]), "c1", 3, 4, { kernel: [3] }));
    const gram = g.node("MatMul", [x, g.node("Transpose", [x], { perm: [0, 2, 1] })]);
    const sums = g.node("ReduceSum", [gram, ints(g, "axes", [2])], { keepdims: 0 });
    g.output(dense(g, sums, "out", 4, 2));
  }),
];

const split = (g: GraphBuilder, x: string, inputs: readonly string[], attributes: Attributes): string => {
  const [left, right] = g.nodes("Split", [x, ...inputs], ["left", "right"], { axis: 1, ...attributes });
  return g.node("Mul", [left!, g.node("Sigmoid", [right!])]);
};

const picked: readonly Network[] = [
  network(
    "Split by attribute, operator set 11",
    ["c1 3", "c2 3", "out 0+2"],
    (g) => {
      const x = split(g, conv(g, image(g), "c1", 3, 6), [], { split: [3, 3] });
      head(g, relu(g, conv(g, x, "c2", 3, 3)), 3);
    },
    { opset: 11 },
  ),
  network(
    "Split by input, operator set 13",
    ["c1 3", "c2 3", "out 0+2"],
    (g) => {
      const x = split(g, conv(g, image(g), "c1", 3, 6), [ints(g, "sizes", [3, 3])], {});
      head(g, relu(g, conv(g, x, "c2", 3, 3)), 3);
    },
    { opset: 13 },
  ),
  network(
    "Split into equal parts, operator set 18",
    ["c1 3", "c2 3", "out 0+2"],
    (g) => {
      const x = split(g, conv(g, image(g), "c1", 3, 6), [], { num_outputs: 2 });
      head(g, relu(g, conv(g, x, "c2", 3, 3)), 3);
    },
    { opset: 18 },
  ),
  network("parts of a Split that go separate ways", ["c1 5", "c2 3", "out 0+2"], (g) => {
    const [left, right] = g.nodes("Split", [conv(g, image(g), "c1", 3, 5), ints(g, "sizes", [2, 3])], 2, {
      axis: 1,
    });
    head(
      g,
      g.node("Concat", [relu(g, right!), relu(g, conv(g, relu(g, left!), "c2", 2, 3))], { axis: 1 }),
      6,
    );
  }),
  network(
    "Slice by attributes, operator set 9",
    ["c1 6", "out 0+2"],
    (g) => {
      const x = relu(g, conv(g, image(g), "c1", 3, 6));
      const part = (start: number, end: number) =>
        g.node("Slice", [x], { starts: [start], ends: [end], axes: [1] });
      head(g, g.node("Concat", [part(4, 6), part(0, 4)], { axis: 1 }), 6);
    },
    { opset: 9 },
  ),
  network("Slice by inputs, from the end, over several axes", ["c1 6", "c2 3", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 6));
    const bounds = [ints(g, "starts", [-4, 1]), ints(g, "ends", [2 ** 31, -1]), ints(g, "axes", [-3, -1])];
    head(g, relu(g, conv(g, g.node("Slice", [x, ...bounds]), "c2", 4, 3)), 3);
  }),
  network("halves whose bound is computed at run time", ["c1 3", "c2 3", "out 0+2"], (g) => {
    const x = conv(g, image(g), "c1", 3, 6);
    const count = g.node("Gather", [g.node("Shape", [x]), ints(g, "channel", [1])]);
    const half = g.node("Div", [count, ints(g, "two", [2])]);
    const axes = ints(g, "axes", [1]);
    const low = g.node("Slice", [x, ints(g, "zero", [0]), half, axes]);
    const high = g.node("Slice", [x, half, count, axes]);
    head(g, relu(g, conv(g, g.node("Mul", [low, g.node("Sigmoid", [high])]), "c2", 3, 3)), 3);
  }),
  network("channels taken with a step", ["c1 6", "c2 3", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 6));
    const bounds = ["starts", "ends", "axes", "steps"].map((name, k) => ints(g, name, [[0, 6, 1, 2][k]!]));
    head(g, relu(g, conv(g, g.node("Slice", [x, ...bounds]), "c2", 3, 3)), 3);
  }),
  network("channels gathered in another order, one of them twice", ["c1 4", "c2 3", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 4));
    head(
      g,
      relu(g, conv(g, g.node("Gather", [x, ints(g, "order", [3, -4, 1, 3, 2])], { axis: 1 }), "c2", 5, 3)),
      3,
    );
  }),
  network("one of several blocks taken out", ["c1 3", "c2 3", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 6));
    const blocks = g.node("Reshape", [x, ints(g, "blocks", [0, 2, 3, 6, 6])]);
    const second = g.node("Gather", [blocks, g.initializer("one", int64([], [1]))], { axis: 1 });
    head(g, relu(g, conv(g, second, "c2", 3, 3)), 3);
  }),
  network("inner positions of blocks taken out", ["c1 2", "c2 3", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 6));
    const blocks = g.node("Reshape", [x, ints(g, "blocks", [0, 2, 3, 6, 6])]);
    const bounds = [ints(g, "starts", [1]), ints(g, "ends", [3]), ints(g, "axes", [2])];
    const inner = g.node("Reshape", [
      g.node("Slice", [blocks, ...bounds]),
      ints(g, "together", [0, -1, 6, 6]),
    ]);
    head(g, relu(g, conv(g, inner, "c2", 4, 3)), 3);
  }),
  network("tiled channels", ["c1 3", "c2 3", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 3));
    head(g, relu(g, conv(g, g.node("Tile", [x, ints(g, "times", [1, 2, 1, 1])]), "c2", 6, 3)), 3);
  }),
  network("channels expanded over space", ["c1 4", "c2 3", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 4));
    const wide = g.node("Expand", [g.node("GlobalAveragePool", [x]), ints(g, "to", [1, 4, 6, 6])]);
    head(g, relu(g, conv(g, g.node("Sub", [x, wide]), "c2", 4, 3)), 3);
  }),
  network("a token expanded over an open batch", ["c1 4", "out 0+2"], (g) => {
    const x = relu(g, conv(g, g.input("x", ["N", 3, 7]), "c1", 3, 4, { kernel: [3] }));
    const rows = g.node("Gather", [g.node("Shape", [x]), ints(g, "first", [0])]);
    const target = g.node("Concat", [rows, ints(g, "ones", [1, 1])], { axis: 0 });
    const token = g.node("Expand", [g.weight([1, 4, 1]), target]);
    head(g, g.node("Concat", [token, x], { axis: 2 }), 4);
  }),
];

const weights: readonly Network[] = [
  network("two convolutions with one weight", ["c1 4", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 4));
    const shared = g.weight([4, 4, 3, 3], undefined, { name: "shared.weight" });
    const again = (from: string) => relu(g, g.node("Conv", [from, shared], { pads: [1, 1, 1, 1] }));
    head(g, again(again(x)), 4);
  }),
  network("twins that share their weights", ["c1 4", "c2 3", "out 0+2"], (g) => {
    const one = [g.weight([4, 3, 3, 3], undefined, { name: "c1.weight" }), g.weight([4])];
    const two = [g.weight([3, 4, 3, 3], undefined, { name: "c2.weight" })];
    const tower = (x: string) => relu(g, g.node("Conv", [relu(g, g.node("Conv", [x, ...one])), ...two]));
    head(g, g.node("Abs", [g.node("Sub", [tower(image(g)), tower(g.input("y", ["N", 3, 6, 6]))])]), 3);
  }),
  network("grouped convolutions with one weight", ["c1 4 in 2", "shared 4 in 2", "out 0+2"], (g) => {
    const shared = g.weight([4, 2, 3, 3], undefined, { name: "shared.weight" });
    const first = [g.weight([4, 3, 3, 3], undefined, { name: "c1.weight" })];
    const tower = (x: string) =>
      relu(g, g.node("Conv", [relu(g, g.node("Conv", [x, ...first])), shared], { group: 2 }));
    head(g, g.node("Mul", [tower(image(g)), tower(g.input("y", ["N", 3, 6, 6]))]), 4);
  }),
  network("weights in Constant nodes, one a list of numbers", ["c1 4", "c2 3", "out 0+2"], (g) => {
    const constant = (attributes: Attributes) => g.node("Constant", [], attributes);
    const kernel = Float32Array.from({ length: 108 }, (_, k) => Math.sin(k) / 5);
    const weight = constant({ value: { dtype: "float32", shape: [4, 3, 3, 3], data: kernel } });
    const bias = constant({ value_floats: { kind: "floats", value: [0.1, -0.2, 0.3, 0.4] } });
    head(
      g,
      relu(g, conv(g, relu(g, g.node("Conv", [image(g), weight, bias], {}, { name: "c1" })), "c2", 4, 3)),
      3,
    );
  }),
  network("weights behind Identity and Cast", ["c1 4", "c2 3", "out 0+2"], (g) => {
    const first = g.node("Identity", [g.weight([4, 3, 3, 3], undefined, { name: "c1.weight" })]);
    const double = g.weight([3, 4, 3, 3], undefined, { name: "c2.weight", dtype: "float64" });
    const x = relu(g, g.node("Conv", [image(g), first]));
    head(g, relu(g, g.node("Conv", [x, g.node("Cast", [double], { to: 1 })])), 3);
  }),
  network("weights behind Transpose", ["c1 4", "m 5", "out 0+2"], (g) => {
    const flat = g.node("Flatten", [g.node("GlobalMaxPool", [relu(g, conv(g, image(g), "c1", 3, 4))])]);
    const turned = g.node("Transpose", [g.weight([5, 4], undefined, { name: "m.weight" })], { perm: [1, 0] });
    g.output(dense(g, relu(g, g.node("MatMul", [flat, turned])), "out", 5, 2));
  }),
  network("weights scaled per channel before use", ["c1 4", "c2 3", "out 0+2"], (g) => {
    const scaled = g.node("Mul", [
      g.weight([4, 3, 3, 3], undefined, { name: "c1.weight" }),
      g.weight([4, 1, 1, 1]),
    ]);
    head(g, relu(g, conv(g, relu(g, g.node("Conv", [image(g), scaled])), "c2", 4, 3)), 3);
  }),
];

const mixing: readonly Network[] = [
  network("a sum over channels, axes as input", ["c1 4", "c2 3", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 4));
    const sums = g.node("ReduceSum", [x, ints(g, "axes", [1])], { keepdims: 1 });
    head(g, relu(g, conv(g, g.node("Mul", [x, g.node("Sigmoid", [sums])]), "c2", 4, 3)), 3);
  }),
  ...[9, 11].map((opset) =>
    network(
      `axes as attributes, operator set ${opset}`,
      ["c1 4", "f1 3", "out 0+2"],
      (g) => {
        const x = relu(g, conv(g, image(g), "c1", 3, 4));
        const norm = g.node("ReduceL2", [x], { axes: [1], keepdims: 1 });
        const pooled = g.node("ReduceMean", [g.node("Mul", [x, norm])], { axes: [2, 3], keepdims: 1 });
        const flat = g.node("Squeeze", [pooled], { axes: [2, 3] });
        const wide = g.node("Unsqueeze", [relu(g, dense(g, flat, "f1", 4, 3))], { axes: [2, 3] });
        g.output(g.node("Softmax", [dense(g, g.node("Flatten", [wide]), "out", 3, 2)], { axis: 1 }));
      },
      { opset },
    ),
  ),
  ...[18, 21].map((opset) =>
    network(
      `axes as inputs, operator set ${opset}`,
      ["c1 4", "f1 3", "out 0+2"],
      (g) => {
        const x = relu(g, conv(g, image(g), "c1", 3, 4));
        const norm = g.node("ReduceL2", [x, ints(g, "channels", [1])]);
        const pooled = g.node("ReduceMean", [g.node("Mul", [x, norm]), ints(g, "space", [-1, -2])]);
        const flat = g.node("Squeeze", [pooled, ints(g, "last", [2, 3])]);
        const wide = g.node("Unsqueeze", [relu(g, dense(g, flat, "f1", 4, 3)), ints(g, "added", [2, 3])]);
        g.output(g.node("Softmax", [dense(g, g.node("Flatten", [wide]), "out", 3, 2)]));
      },
      { opset },
    ),
  ),
  network("a mean over channels is one over those that are there", ["c1 4", "c2 3", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 4));
    const mean = g.node("ReduceMean", [x], { axes: [1] });
    head(g, relu(g, conv(g, g.node("Sub", [x, mean]), "c2", 4, 3)), 3);
  }),
  network("a mean over channels and space, its axes dropped", ["c1 4", "c2 3", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 4));
    const mean = g.node("ReduceMean", [x], { axes: [1, 3], keepdims: 0 });
    const gate = g.node("Unsqueeze", [g.node("Sigmoid", [mean]), ints(g, "added", [1, 3])]);
    head(g, relu(g, conv(g, g.node("Mul", [x, gate]), "c2", 4, 3)), 3);
  }),
  network("channels scaled to length one", ["c1 4", "c2 3", "out 0+2"], (g) => {
    const x = g.node("LpNormalization", [relu(g, conv(g, image(g), "c1", 3, 4))], { axis: 1 });
    head(g, relu(g, conv(g, x, "c2", 4, 3)), 3);
  }),
  network("Einsum with an ellipsis, and one without an arrow", ["c1 4", "m 5", "f1 3", "out 0+2"], (g) => {
    const last = g.node("Transpose", [relu(g, conv(g, image(g), "c1", 3, 4))], { perm: [0, 2, 3, 1] });
    const weights = [
      g.weight([4, 5], undefined, { name: "m.weight" }),
      g.weight([5, 3], undefined, { name: "f1.weight" }),
    ];
    const mixed = relu(g, g.node("Einsum", [last, weights[0]!], { equation: "...c,cd->...d" }));
    const pooled = g.node("ReduceMean", [mixed], { axes: [1, 2], keepdims: 0 });
    const hidden = g.node("Einsum", [pooled, weights[1]!], { equation: "nc, cz" });
    g.output(dense(g, relu(g, hidden), "out", 3, 2), ["N", 2]);
  }),
  network("a sum of products of three operands", ["c1 4", "out 0+2"], (g) => {
    const flat = g.node("Reshape", [relu(g, conv(g, image(g), "c1", 3, 4)), ints(g, "flat", [0, 4, 36])]);
    const scales = [g.weight([4]), g.weight([36])];
    const pooled = g.node("Einsum", [flat, ...scales], { equation: "ncp,c,p->nc" });
    g.output(dense(g, pooled, "out", 4, 2), ["N", 2]);
  }),
  network("a softmax over channels", ["c1 4", "c2 3", "out 0+2"], (g) => {
    const x = g.node("Softmax", [conv(g, image(g), "c1", 3, 4)], { axis: 1 });
    head(g, relu(g, conv(g, x, "c2", 4, 3)), 3);
  }),
  network(
    "an old softmax locks all axes it flattens",
    ["c1 0+4", "c2 3", "out 0+2"],
    (g) => {
      const x = g.node("Softmax", [conv(g, image(g), "c1", 3, 4)]);
      head(g, relu(g, conv(g, x, "c2", 4, 3)), 3);
    },
    { opset: 11 },
  ),
  network("a layer normalisation", ["c1 4", "m 5", "out 0+2"], (g) => {
    const x = g.node("Transpose", [conv(g, g.input("x", ["N", 3, 7]), "c1", 3, 4, { kernel: [3] })], {
      perm: [0, 2, 1],
    });
    const normal = g.node("LayerNormalization", [x, g.weight([4]), g.weight([4])], { axis: -1 });
    const mixed = relu(g, g.node("MatMul", [normal, g.weight([4, 5], undefined, { name: "m.weight" })]));
    head(g, g.node("Transpose", [mixed], { perm: [0, 2, 1] }), 5);
  }),
  network("a graph output in the middle locks it", ["c1 0+4", "c2 3", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 4));
    g.output(x, ["N", 4, 6, 6]);
    head(g, relu(g, conv(g, x, "c2", 4, 3)), 3);
  }),
  network("a value captured by a branch is locked", ["c1 0+4", "c2 3", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 4));
    const branch = (prefix: string, opType: string) => {
      const inner = graphBuilder(prefix);
      inner.output(inner.node(opType, [x]));
      return inner.graph();
    };
    const flag = g.input("flag", [], "bool");
    const chosen = g.node("If", [flag], {
      then_branch: branch("t_", "Neg"),
      else_branch: branch("e_", "Abs"),
    });
    g.info(chosen, ["N", 4, 6, 6]);
    head(g, g.node("Add", [relu(g, conv(g, x, "c2", 4, 3)), conv(g, chosen, "c3", 4, 3)]), 3);
  }),
];

const narrow: readonly Network[] = [
  network("single channels flattened and joined", ["a 1", "b 1", "f1 3", "out 0+2"], (g) => {
    const x = image(g);
    const flat = (name: string) => g.node("Flatten", [relu(g, conv(g, x, name, 3, 1))]);
    const both = g.node("Concat", [flat("a"), flat("b")], { axis: 1 });
    g.output(dense(g, relu(g, dense(g, both, "f1", 72, 3)), "out", 3, 2));
  }),
  network("one channel merged with others", ["c1 4", "gate 1", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 4));
    const gate = g.node("Reshape", [conv(g, x, "gate", 4, 1), ints(g, "five", [0, 1, 1, 6, 6])]);
    const wide = g.node("Reshape", [x, ints(g, "split", [0, 1, 4, 6, 6])]);
    head(g, g.node("Reshape", [g.node("Mul", [wide, gate]), ints(g, "joined", [0, 4, 6, 6])]), 4);
  }),
  network("blocks kept by a reshape of other axes", ["c1 2", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 4));
    const apart = g.node("Reshape", [x, ints(g, "apart", [0, 2, 2, 6, 6])]);
    const turned = g.node("Transpose", [apart], { perm: [0, 2, 1, 3, 4] });
    const flat = g.node("Reshape", [turned, ints(g, "flat", [0, 2, 2, 36])]);
    head(g, g.node("Reshape", [flat, ints(g, "joined", [0, 4, 6, 6])]), 4);
  }),
];

const resampled: readonly Network[] = [
  network("Resize by scales", ["c1 4", "c2 3", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 4));
    const wide = g.node("Resize", [x, "", g.weight([4], [1, 1, 2, 2])], { mode: "linear" });
    head(g, relu(g, conv(g, wide, "c2", 4, 3)), 3);
  }),
  network("Resize to sizes that name the channels of an open batch", ["c1 4", "c2 3", "out 0+2"], (g) => {
    const x = relu(g, conv(g, image(g), "c1", 3, 4));
    const front = g.node("Slice", [g.node("Shape", [x]), ints(g, "from", [0]), ints(g, "to", [2])]);
    const sizes = g.node("Concat", [front, ints(g, "space", [12, 9])], { axis: 0 });
    head(g, relu(g, conv(g, g.node("Resize", [x, "", "", sizes]), "c2", 4, 3)), 3);
  }),
  network(
    "Upsample of operator set 9",
    ["c1 4", "c2 3", "out 0+2"],
    (g) => {
      const x = relu(g, conv(g, image(g), "c1", 3, 4));
      head(g, relu(g, conv(g, g.node("Upsample", [x, g.weight([4], [1, 1, 2, 2])]), "c2", 4, 3)), 3);
    },
    { opset: 9 },
  ),
  ...["DCR", "CRD"].map((mode) =>
    network(`depth to space (${mode}) and back`, ["c1 3", "c2 3", "out 0+2"], (g) => {
      const x = relu(g, conv(g, image(g), "c1", 3, 12));
      const wide = relu(g, g.node("DepthToSpace", [x], { blocksize: 2, mode }));
      const deep = g.node("SpaceToDepth", [wide], { blocksize: 3 });
      head(g, relu(g, conv(g, deep, "c2", 27, 3)), 3);
    }),
  ),
];

/** One block of attention over 7 tokens of 6 features, two heads of 3, with a perceptron behind it. */
const attention = network(
  "attention, with heads as channels",
  ["q 2", "o 0+6", "f1 5", "f2 6", "out 0+2"],
  (g) => {
    const x = g.input("x", ["N", 7, 6]);
    const product = (from: string, name: string, rows: number, columns: number) =>
      g.node("Add", [
        g.node("MatMul", [from, g.weight([rows, columns], undefined, { name: `${name}.weight` })]),
        g.weight([columns]),
      ]);
    const heads = (name: string, perm: readonly number[]) =>
      g.node(
        "Transpose",
        [g.node("Reshape", [product(x, name, 6, 6), ints(g, `${name}.heads`, [0, 7, 2, 3])])],
        { perm },
      );
    const scores = g.node("MatMul", [heads("q", [0, 2, 1, 3]), heads("k", [0, 2, 3, 1])]);
    const weighed = g.node("MatMul", [
      g.node("Softmax", [g.node("Div", [scores, g.weight([], [3 ** 0.5])])]),
      heads("v", [0, 2, 1, 3]),
    ]);
    const together = g.node("Reshape", [
      g.node("Transpose", [weighed], { perm: [0, 2, 1, 3] }),
      ints(g, "together", [0, 7, 6]),
    ]);
    const residual = g.node("Add", [x, product(together, "o", 6, 6)]);
    const hidden = g.node("Gelu", [product(residual, "f1", 6, 5)], {});
    const mean = g.node("ReduceMean", [product(hidden, "f2", 5, 6), ints(g, "axes", [1])], { keepdims: 0 });
    g.output(dense(g, mean, "out", 6, 2));
  },
  { opset: 20 },
);

export const networks: readonly Network[] = [
  ...plain,
  ...joined,
  ...grouped,
  ...flattened,
  ...picked,
  ...weights,
  ...mixing,
  ...resampled,
  ...narrow,
  attention,
];
