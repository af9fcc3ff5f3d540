/**
 * @file Small networks with random weights, one for each way channels travel, and the groups each must have.
 *
 * A group is written "id 4" (four channels that may go), "id 3+1" (one more is fixed), "id 4 in 2" (two blocks that keep
 * equally many each). Layers are named by their weights: "c1.weight" makes group "c1".
 */
import type { Model } from "../../src/graph/model.ts";
import type { DType } from "../../src/tensor/dtype.ts";
import { int64 } from "../../src/tensor/tensor.ts";
import {
  type AttributeShorthand,
  type BuildOptions,
  float,
  type GraphBuilder,
  graphBuilder,
} from "./build.ts";

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

const ints = (g: GraphBuilder, name: string, values: readonly number[]): string =>
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

export const networks: readonly Network[] = [...plain, ...joined, ...grouped];
export type { Attributes };
export { float, image, ints, network };
