/** @file Sound and video: convolutions over one axis and over three, gates along time, recurrent layers behind. */
import { int64 } from "../../../src/tensor/tensor.ts";
import type { GraphBuilder } from "../build.ts";
import { type Architecture, architecture } from "./architecture.ts";
import { activate, add, batchNorm, classify, conv, dense, ints, transpose } from "./layers.ts";

const lastStep = int64([], [-1]);
const relu = (g: GraphBuilder, x: string) => activate(g, x, "relu");

/** M5: a long first filter on the raw wave, pooling between the layers. */
function waveClassifier(g: GraphBuilder): void {
  let x = g.input("wave", ["N", 1, 64]);
  let from = 1;
  [4, 6, 8].forEach((to, k) => {
    const kernel = k === 0 ? [9] : [3];
    x = conv(g, x, `conv${k}`, from, to, { kernel, stride: k === 0 ? 2 : 1 });
    x = relu(g, batchNorm(g, x, `bn${k}`, to));
    x = g.node("MaxPool", [x], { kernel_shape: [2], strides: [2] });
    from = to;
  });
  classify(g, x, 8);
}

/** WaveNet: causal dilated layers of two halves, tanh times sigmoid, a residual stream and a sum of skips. */
function waveNet(g: GraphBuilder): void {
  let x = conv(g, g.input("wave", ["N", 2, "T"]), "front", 2, 5, { kernel: [1] });
  let skips: string | undefined;
  [1, 2, 4].forEach((dilation, k) => {
    const padded = g.node("Pad", [x, ints(g, [0, 0, dilation, 0, 0, 0])]);
    const both = conv(g, padded, `layers.${k}.dilated`, 5, 8, { kernel: [2], dilation, pad: 0 });
    const [filter, gate] = g.nodes("Split", [both, ints(g, [4, 4])], 2, { axis: 1 });
    const gated = g.node("Mul", [activate(g, gate!, "sigmoid"), g.node("Tanh", [filter!])]);
    const skip = conv(g, gated, `layers.${k}.skip`, 4, 6, { kernel: [1] });
    skips = skips === undefined ? skip : add(g, skips, skip);
    x = add(g, x, conv(g, gated, `layers.${k}.residual`, 4, 5, { kernel: [1] }));
  });
  const inner = relu(g, conv(g, relu(g, skips!), "end", 6, 7, { kernel: [1] }));
  g.output(conv(g, inner, "head", 7, 3, { kernel: [1] }), ["N", 3, "T"]);
}

/** R(2+1)D: space and time filtered one after the other, with residuals. */
function video(g: GraphBuilder): void {
  const factorised = (x: string, name: string, from: number, middle: number, to: number) => {
    const space = conv(g, x, `${name}.space`, from, middle, { kernel: [1, 3, 3], bias: false });
    const active = relu(g, batchNorm(g, space, `${name}.bn`, middle));
    return conv(g, active, `${name}.time`, middle, to, { kernel: [3, 1, 1], bias: false });
  };
  let x = factorised(g.input("clip", ["N", 3, 4, 6, 6]), "stem", 3, 5, 4);
  x = relu(g, batchNorm(g, x, "stem.bn2", 4));
  const inner = relu(g, batchNorm(g, factorised(x, "layer1.1", 4, 6, 5), "layer1.bn1", 5));
  const out = batchNorm(g, factorised(inner, "layer1.2", 5, 6, 4), "layer1.bn2", 4);
  x = relu(g, add(g, x, out));
  x = g.node("AveragePool", [x], { kernel_shape: [2, 2, 2], strides: [2, 2, 2] });
  classify(g, relu(g, conv(g, x, "last", 4, 6, { kernel: [3, 3, 3] })), 6);
}

/** A filter bank, its channels times height as features of a recurrent layer in both directions. */
function recurrent(opType: "LSTM" | "GRU" | "RNN") {
  return (g: GraphBuilder): void => {
    const x = g.input("spectrum", ["N", 1, 4, 6]); // [N, 1, bands, T]
    const features = relu(g, conv(g, relu(g, conv(g, x, "conv1", 1, 4)), "conv2", 4, 3)); // [N, 3, 4, 6]
    const last = transpose(g, features, [3, 0, 1, 2]); // [T, N, 3, 4]
    const sequence = g.node("Reshape", [last, ints(g, [0, 0, -1])]);
    const gates = { LSTM: 4, GRU: 3, RNN: 1 }[opType] * 5;
    const own = (part: string, shape: readonly number[]) =>
      g.weight(shape, undefined, { name: `rnn.${part}` });
    const weights = [own("W", [2, gates, 12]), own("R", [2, gates, 5]), own("B", [2, 2 * gates])];
    const outputs = g.nodes(opType, [sequence, ...weights], opType === "LSTM" ? 3 : 2, {
      hidden_size: 5,
      direction: "bidirectional",
      ...(opType === "GRU" && { linear_before_reset: 1 }),
    }); // [T, 2, N, 5]
    const both = g.node("Reshape", [transpose(g, outputs[0]!, [0, 2, 1, 3]), ints(g, [0, 0, -1])]);
    const final = g.node("Gather", [both, g.initializer("last", lastStep)], { axis: 0 });
    const inner = relu(g, dense(g, final, "fc", 10, 7));
    g.output(dense(g, inner, "head", 7, 3), ["N", 3]);
  };
}

export const signals: readonly Architecture[] = [
  architecture("classifier of sound", waveClassifier),
  architecture("WaveNet", waveNet),
  architecture("R(2+1)D for video", video),
  ...(["LSTM", "GRU", "RNN"] as const).map((opType) =>
    architecture(`convolutions in front of ${opType}`, recurrent(opType), {
      locked: { head: "graph output", ...(opType === "RNN" && { rnn: "hidden size" }) },
      share: opType === "RNN" ? 0.3 : 0.9,
    }),
  ),
];
