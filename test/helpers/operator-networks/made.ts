/** @file Operators that make values: constants, random numbers, spectra, grids of their own. */
import { int64 } from "../../../src/tensor/tensor.ts";
import { graphBuilder } from "../build.ts";
import { conv, head, ints } from "../networks.ts";
import { halved, type OperatorNetwork, operator, scalar, scalar1 } from "./base.ts";

export const drawn: readonly OperatorNetwork[] = [
  operator(
    "DeformConv",
    (g, x) => {
      const offsets = conv(
        g,
        g.node("Slice", ["x", ints(g, "from", [0]), ints(g, "to", [3]), ints(g, "axis", [1])]),
        "offsets",
        3,
        18,
      );
      const weights = [
        g.weight([5, 6, 3, 3], undefined, { name: "deformable.weight" }),
        offsets,
        g.weight([5]),
      ];
      return g.node("DeformConv", [x, ...weights], { pads: [1, 1, 1, 1] });
    },
    { opset: 19 },
    5,
  ),
];

/** A wave, its spectrum in the graph, and logarithms of its bands as a map in front of the layers. */
export const spectra: readonly OperatorNetwork[] = ["HannWindow", "HammingWindow", "BlackmanWindow"].map(
  (windowed) => ({
    opType: `${windowed}, STFT and MelWeightMatrix`,
    build: () => {
      const g = graphBuilder();
      const number = (value: number) => g.initializer(`number_${value}`, int64([], [value]));
      const wave = g.node("Unsqueeze", [g.input("x", ["N", 64]), ints(g, "last", [2])]);
      const waves = g.node("STFT", [wave, number(8), g.node(windowed, [number(16)]), number(16)]); // [N, 7, 9, 2]
      const power = g.node("ReduceSumSquare", [waves, ints(g, "parts", [3])], { keepdims: 0 });
      const limits = [20, 4000].map((value) => scalar(g, value));
      const bands = g.node("MelWeightMatrix", [number(6), number(16), number(8000), ...limits]); // [9, 6]
      const energy = g.node("Add", [g.node("MatMul", [power, bands]), scalar1(g, 1)]);
      const map = g.node("Unsqueeze", [g.node("Log", [energy]), ints(g, "first", [1])]); // [N, 1, 7, 6]
      head(g, conv(g, conv(g, map, "front", 1, 6), "back", 6, 4), 4);
      return g.build({ opset: 20 });
    },
  }),
);

export const constants: readonly OperatorNetwork[] = [
  operator(
    "ConstantOfShape",
    (g, x) => {
      const size = g.node("Shape", [
        g.node("Slice", ["x", ints(g, "from", [0]), ints(g, "to", [1]), ints(g, "axis", [1])]),
      ]);
      return g.node("Concat", [x, g.node("ConstantOfShape", [size])], { axis: 1 });
    },
    {},
    7,
  ),
  operator("Range", (g, x) => {
    const bounds = [0, 6, 2].map((value, k) => g.initializer(`bound${k}`, int64([], [value])));
    return g.node("Gather", [x, g.node("Range", bounds)], { axis: 2 });
  }),
];

/** Random numbers times zero: what they do to channels is tested, not what they are. */
export const randomly: readonly OperatorNetwork[] = [
  ...["RandomNormal", "RandomUniform"].map((opType) =>
    operator(
      opType,
      (g, x) => {
        const noise = g.node(opType, [], { shape: [1, 6, 1, 1] });
        return g.node("Add", [x, g.node("Mul", [noise, scalar(g, 0)])]);
      },
      { locked: "it meets an axis that is fixed" },
    ),
  ),
  ...["RandomNormalLike", "RandomUniformLike"].map((opType) =>
    operator(opType, (g, x) => g.node("Add", [x, g.node("Mul", [g.node(opType, [x]), scalar(g, 0)])]), {
      locked: `${opType} draws as many numbers as it has`,
    }),
  ),
  operator(
    "Bernoulli",
    (g, x) => {
      const flips = g.node("Bernoulli", [halved(g, x)]);
      return g.node("Add", [x, g.node("Mul", [flips, scalar(g, 0)])]);
    },
    { locked: "Bernoulli draws as many numbers as it has" },
  ),
];
