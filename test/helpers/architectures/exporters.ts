/** @file What other tools than torch write: channels last with transposes, biases as additions, dense layers as products. */
import { int64 } from "../../../src/tensor/tensor.ts";
import type { GraphBuilder } from "../build.ts";
import { type Architecture, architecture } from "./architecture.ts";
import {
  activate,
  add,
  batchNorm,
  classify,
  concat,
  conv,
  convNorm,
  dense,
  image,
  int,
  ints,
  linear,
  maxPool,
  reshape,
  scalar,
  transpose,
  upsample,
} from "./layers.ts";

const relu = (g: GraphBuilder, x: string) => activate(g, x, "relu");
const toFirst = (g: GraphBuilder, x: string) => transpose(g, x, [0, 3, 1, 2]);
const toLast = (g: GraphBuilder, x: string) => transpose(g, x, [0, 2, 3, 1]);

/** Convolutions between transposes, norms in between as Mul and Add on the last axis, a flattened map in front of MatMul. */
function kerasChannelsLast(g: GraphBuilder): void {
  const layer = (x: string, name: string, from: number, to: number, stride = 1) => {
    const out = toLast(g, conv(g, toFirst(g, x), name, from, to, { stride, bias: false }));
    const scaled = g.node("Mul", [out, g.weight([to], undefined, { name: `${name}/scale` })]);
    return relu(g, add(g, scaled, g.weight([to], undefined, { name: `${name}/shift` })));
  };
  let x = layer(g.input("input", ["N", 8, 8, 3]), "conv2d", 3, 5);
  x = toLast(g, maxPool(g, toFirst(g, x)));
  x = layer(x, "conv2d_1", 5, 6, 2);
  const batch = g.node(
    "Cast",
    [g.node("Slice", [g.node("Shape", [x]), ints(g, [0]), ints(g, [1]), ints(g, [0])])],
    { to: 6 },
  );
  const target = concat(
    g,
    [batch, g.initializer("flat", { dtype: "int32", shape: [1], data: Int32Array.of(24) })],
    0,
  );
  const flat = g.node("Reshape", [x, g.node("Cast", [target], { to: 7 })]);
  const hidden = relu(g, linear(g, flat, "dense", 24, 7));
  g.output(g.node("Softmax", [linear(g, hidden, "head", 7, 3)], { axis: -1 }), ["N", 3]);
}

/** tf2onnx after its own optimizer: transposes only at the ends, SAME padding by auto_pad, Squeeze behind a mean. */
function tensorFlow(g: GraphBuilder): void {
  let x = toFirst(g, g.input("input", ["N", 8, 8, 3]));
  const same = (y: string, name: string, from: number, to: number, group = 1) => {
    const weights = g.weight([to, from / group, 3, 3], undefined, { name: `${name}/weights` });
    return g.node("Conv", [y, weights, g.weight([to])], {
      auto_pad: "SAME_UPPER",
      strides: [2, 2],
      group,
    });
  };
  x = g.node("Clip", [same(x, "Conv", 3, 4), scalar(g, 0), scalar(g, 6)]);
  x = g.node("Clip", [same(x, "dw", 4, 4, 4), scalar(g, 0), scalar(g, 6)]);
  x = relu(g, conv(g, x, "pw", 4, 6, { kernel: 1 }));
  const pooled = g.node("ReduceMean", [x], { axes: [2, 3], keepdims: 1 });
  const logits = toLast(g, conv(g, pooled, "head", 6, 3, { kernel: 1 }));
  g.output(g.node("Squeeze", [logits, ints(g, [1, 2])]), ["N", 3]);
}

/** A multilayer perceptron as skl2onnx writes it: labels by ArgMax and a feature extractor of another domain. */
function scikit(g: GraphBuilder): void {
  let x = g.node("Cast", [g.input("X", ["N", 5], "float64")], { to: 1 });
  const widths = [5, 8, 6];
  widths.slice(1).forEach((to, k) => {
    const weight = g.weight([widths[k]!, to], undefined, { name: `coefficient${k}` });
    const bias = g.weight([1, to], undefined, { name: `intercepts${k}` });
    x = relu(g, g.node("Add", [g.node("MatMul", [x, weight]), bias]));
  });
  const logits = g.node("Add", [
    g.node("MatMul", [x, g.weight([6, 3], undefined, { name: "head" })]),
    g.weight([1, 3], undefined, { name: "intercepts2" }),
  ]);
  const likely = g.node("Softmax", [logits]);
  const place = g.node("ArgMax", [likely], { axis: 1 });
  const classes = g.initializer("classes", int64([3], [4, 7, 9]));
  const extractor = { domain: "ai.onnx.ml" };
  const label = g.node("ArrayFeatureExtractor", [classes, place], {}, extractor);
  g.output(g.node("Reshape", [label, ints(g, [-1])]), ["N"], "int64");
  g.output(likely, ["N", 3]);
}

/** Norms folded into convolutions without bias, whose shifts stand behind as additions. */
function separateBiases(g: GraphBuilder): void {
  const layer = (x: string, name: string, from: number, to: number) =>
    add(
      g,
      conv(g, x, name, from, to, { bias: false }),
      g.weight([1, to, 1, 1], undefined, { name: `${name}.shift` }),
    );
  const first = relu(g, layer(image(g), "conv1", 3, 5));
  const second = layer(relu(g, layer(first, "conv2", 5, 4)), "conv3", 4, 5);
  const joined = relu(g, g.node("Sum", [first, second, layer(first, "conv4", 5, 5)]));
  const pooled = reshape(g, g.node("GlobalAveragePool", [joined]), [-1, 5]);
  const product = g.node("MatMul", [pooled, g.weight([5, 3], undefined, { name: "head.weight" })]);
  g.output(add(g, product, g.weight([3])), ["N", 3]);
}

/** Weights in Constant nodes and behind a Transpose, as exports without folding have them. */
function unfolded(g: GraphBuilder): void {
  const held = (name: string, shape: readonly number[]) => {
    const like = g.graph().initializers.get(g.weight(shape, undefined, { name: `${name}.like` }))!;
    return g.node(
      "Constant",
      [],
      { value: { kind: "tensor", value: like } },
      { name, outputs: [`${name}.weight`] },
    );
  };
  const turned = transpose(g, held("conv1", [3, 3, 3, 5]), [3, 2, 0, 1]);
  let x = relu(g, g.node("Conv", [image(g), turned, held("bias1", [5])], { pads: [1, 1, 1, 1] }));
  x = relu(g, g.node("Conv", [x, held("conv2", [4, 5, 3, 3])], { pads: [1, 1, 1, 1] }));
  const flat = g.node("Flatten", [g.node("GlobalMaxPool", [x])]);
  const product = g.node("MatMul", [flat, transpose(g, held("head", [3, 4]), [1, 0])]);
  g.output(add(g, product, held("bias2", [3])), ["N", 3]);
}

/** Encoder to a short code, decoder back to the image. */
function autoencoder(g: GraphBuilder): void {
  let x = relu(g, conv(g, image(g), "encoder.0", 3, 5, { stride: 2 }));
  x = relu(g, conv(g, x, "encoder.1", 5, 6, { stride: 2 }));
  x = relu(g, dense(g, g.node("Flatten", [x]), "encoder.fc", 24, 8));
  const code = dense(g, x, "code", 8, 4);
  x = relu(g, dense(g, relu(g, dense(g, code, "decoder.fc1", 4, 8)), "decoder.fc2", 8, 24));
  x = reshape(g, x, [-1, 6, 2, 2]);
  const wider = (y: string, name: string, from: number, to: number) => {
    const inputs = [
      y,
      g.weight([from, to, 3, 3], undefined, { name: `${name}.weight` }),
      g.weight([to], undefined, { name: `${name}.bias` }),
    ];
    const attributes = { pads: [1, 1, 1, 1], strides: [2, 2], output_padding: [1, 1] };
    return g.node("ConvTranspose", inputs, attributes);
  };
  x = relu(g, wider(x, "decoder.0", 6, 5));
  g.output(activate(g, wider(x, "head", 5, 3), "sigmoid"), ["N", 3, 8, 8]);
}

/** From noise and a class to an image: embedding, dense layer to a map, transposed and resized convolutions. */
function generator(g: GraphBuilder): void {
  const noise = g.input("noise", ["N", 5]);
  const kind = g.input("kind", ["N"], "int64");
  const table = g.weight([4, 3], undefined, { name: "embedding.weight" });
  const both = concat(g, [noise, g.node("Gather", [table, kind], { axis: 0 })]);
  let x = reshape(g, dense(g, both, "project", 8, 24), [-1, 6, 2, 2]);
  x = relu(g, batchNorm(g, x, "bn0", 6));
  const weight = g.weight([6, 5, 4, 4], undefined, { name: "up.weight" });
  x = g.node("ConvTranspose", [x, weight], { kernel_shape: [4, 4], pads: [1, 1, 1, 1], strides: [2, 2] });
  x = relu(g, batchNorm(g, x, "bn1", 5));
  x = convNorm(g, upsample(g, x), "refine", 5, 4, { act: "leaky" });
  const shuffled = g.node("DepthToSpace", [conv(g, x, "deep", 4, 12)], { blocksize: 2, mode: "CRD" });
  g.output(g.node("Tanh", [conv(g, shuffled, "head", 3, 3)]), ["N", 3, 16, 16]);
}

/** StyleGAN-like: weights scaled by a style computed from the data and normalised anew. */
function modulated(g: GraphBuilder): void {
  const style = dense(g, relu(g, dense(g, g.input("style", ["N", 4]), "mapping", 4, 6)), "affine", 6, 5);
  let x = relu(g, conv(g, image(g), "stem", 3, 5));
  x = g.node("Mul", [x, g.node("Unsqueeze", [style, ints(g, [2, 3])])]);
  const normal = g.node("InstanceNormalization", [conv(g, x, "conv", 5, 4), g.weight([4]), g.weight([4])]);
  classify(g, relu(g, normal), 4);
}

/** Two inputs through the same weights; distance of the two embeddings and their cosine. */
function siamese(g: GraphBuilder): void {
  const shared = (name: string, shape: readonly number[]) => [
    g.weight(shape, undefined, { name: `${name}.weight` }),
    g.weight([shape[0]!], undefined, { name: `${name}.bias` }),
  ];
  const one = shared("conv1", [5, 3, 3, 3]);
  const two = shared("conv2", [6, 5, 3, 3]);
  const three = shared("embed", [7, 6]);
  const branch = (x: string) => {
    const first = relu(g, g.node("Conv", [x, ...one], { pads: [1, 1, 1, 1] }));
    const second = relu(g, g.node("Conv", [first, ...two], { pads: [1, 1, 1, 1] }));
    const flat = g.node("Flatten", [g.node("GlobalAveragePool", [second])]);
    return g.node("Gemm", [flat, ...three], { transB: 1 });
  };
  const [left, right] = [image(g), g.input("second", ["N", 3, 8, 8])].map(branch) as [string, string];
  const apart = g.node("Abs", [g.node("Sub", [left, right])]);
  const length = (x: string) => g.node("ReduceL2", [x], { axes: [1], keepdims: 1 });
  const product = g.node("ReduceSum", [g.node("Mul", [left, right]), ints(g, [1])], { keepdims: 1 });
  g.output(g.node("Div", [product, g.node("Mul", [length(left), length(right)])]), ["N", 1]);
  g.output(dense(g, apart, "head", 7, 1), ["N", 1]);
}

/** An image and a table of numbers in, a class and a value out. */
function manyEnds(g: GraphBuilder): void {
  const seen = g.node("Flatten", [g.node("GlobalAveragePool", [convNorm(g, image(g), "image", 3, 6)])]);
  const told = relu(g, dense(g, g.input("table", ["N", 4]), "table.fc", 4, 5));
  const both = relu(g, dense(g, concat(g, [seen, told]), "mix", 11, 8));
  g.output(dense(g, both, "head", 8, 3), ["N", 3]);
  const sum = add(g, both, relu(g, dense(g, told, "skip", 5, 8)));
  g.output(dense(g, sum, "value", 8, 1), ["N", 1]);
}

/** Height and width open: pooled context, measured sizes, a skip that is resized to what it meets. */
function openSizes(g: GraphBuilder): void {
  const x = g.input("input", ["N", 3, "height", "width"]);
  const fine = convNorm(g, x, "fine", 3, 5);
  const coarse = convNorm(g, fine, "coarse", 5, 6, { stride: 2 });
  const shape = g.node("Shape", [fine]);
  const space = g.node("Slice", [shape, ints(g, [2]), ints(g, [4]), ints(g, [0])]);
  const front = g.node("Slice", [g.node("Shape", [coarse]), ints(g, [0]), ints(g, [2]), ints(g, [0])]);
  const up = g.node("Resize", [coarse, "", "", concat(g, [front, space], 0)], { mode: "nearest" });
  const context = g.node("GlobalAveragePool", [coarse]);
  const wide = g.node("Expand", [
    conv(g, context, "context", 6, 4, { kernel: 1 }),
    concat(g, [ints(g, [1, 1]), space], 0),
  ]);
  const mixed = convNorm(g, concat(g, [up, fine, wide]), "mix", 15, 5);
  const rows = g.node("Gather", [g.node("Shape", [mixed]), int(g, 0)], { axis: 0 });
  const flat = g.node("Reshape", [
    g.node("ReduceMax", [mixed], { axes: [2, 3], keepdims: 1 }),
    concat(g, [g.node("Unsqueeze", [rows, ints(g, [0])]), ints(g, [-1])], 0),
  ]);
  g.output(dense(g, flat, "head", 5, 3), ["N", 3]);
}

/** Attention over channels in its cheapest form: a 1D convolution along the channels themselves. */
function channelConvolution(g: GraphBuilder): void {
  const x = convNorm(g, image(g), "stem", 3, 5);
  const row = transpose(g, g.node("Squeeze", [g.node("GlobalAveragePool", [x]), ints(g, [-1])]), [0, 2, 1]);
  const mixed = conv(g, row, "eca", 1, 1, { kernel: [3], bias: false });
  const gate = g.node("Unsqueeze", [transpose(g, activate(g, mixed, "sigmoid"), [0, 2, 1]), ints(g, [-1])]);
  const gated = g.node("Mul", [x, gate]);
  classify(g, convNorm(g, gated, "last", 5, 6), 6);
}

export const exporters: readonly Architecture[] = [
  architecture("Keras, channels last", kerasChannelsLast, { locked: { head: "graph output" } }),
  architecture("TensorFlow after optimization", tensorFlow, { share: 0.8 }),
  architecture("multilayer perceptron of scikit-learn", scikit, {
    opsets: { "ai.onnx.ml": 1 },
    locked: { matmul_7: "ArgMax compares along it" },
  }),
  architecture("biases as additions", separateBiases),
  architecture("weights in constants and behind transposes", unfolded, {
    locked: { head: "graph output" },
  }),
  architecture("autoencoder", autoencoder),
  architecture("generator of a GAN", generator),
  architecture("style modulation", modulated),
  architecture("Siamese branches with shared weights", siamese),
  architecture("two inputs and two outputs", manyEnds, {
    locked: { head: "graph output", value: "graph output" },
  }),
  architecture("open height and width", openSizes),
  architecture("a convolution along the channels", channelConvolution),
];
