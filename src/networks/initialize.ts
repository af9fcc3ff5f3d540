/**
 * @file How fresh parameters are drawn: every parameter has a random stream of its own, so that adding a layer or
 * reading the parameters in another order changes no other one.
 */

import type { StoredTensor } from "../graph/model.ts";
import { normal, type RandomStream, stream, uniform } from "../math/random.ts";
import { float32, sizeOf, type Tensor } from "../tensor/tensor.ts";

/** What the elements of one parameter are drawn from. */
export type Filler =
  | { readonly kind: "constant"; readonly value: number }
  /** Mean 0. */
  | { readonly kind: "normal"; readonly std: number }
  /** Between -bound and bound. */
  | { readonly kind: "uniform"; readonly bound: number };

/** Weights that one output sums over, and weights that one input feeds. */
export interface Fans {
  readonly in: number;
  readonly out: number;
}

/** Chooses what to draw from by the fans of the layer's weight. */
export type FillRule = (fans: Fans) => Filler;

/** How the parameters of one kind of layer start. */
export interface LayerInitialization {
  readonly weight: FillRule;
  readonly bias: FillRule;
}

/** Factor on the standard deviation that makes up for what a ReLU silences. */
const reluGain = Math.SQRT2;

/**
 * Normal with standard deviation gain / sqrt(fan). Fan "in" keeps the size of activations on their way forward, "out"
 * that of gradients on their way back.
 * @see He, Zhang, Ren & Sun, "Delving Deep into Rectifiers", ICCV 2015, equations 10 and 14.
 */
export function kaimingNormal(fan: keyof Fans, gain = reluGain): FillRule {
  return (fans) => ({ kind: "normal", std: gain / Math.sqrt(fans[fan]) });
}

/** As {@link kaimingNormal} with a uniform distribution of the same variance: bound gain · sqrt(3 / fan). */
export function kaimingUniform(fan: keyof Fans, gain = reluGain): FillRule {
  return (fans) => ({ kind: "uniform", bound: gain * Math.sqrt(3 / fans[fan]) });
}

/** The same value everywhere. */
export function constantly(value: number): FillRule {
  return () => ({ kind: "constant", value });
}

/**
 * What PyTorch gives Conv2d and Linear unless told otherwise: weights and biases uniform between ±1 / sqrt(fan in),
 * which is {@link kaimingUniform} with the gain of a leaky ReLU of slope sqrt(5).
 */
export const torchDefault: LayerInitialization = {
  weight: kaimingUniform("in", Math.sqrt(1 / 3)),
  bias: ({ in: fanIn }) => ({ kind: "uniform", bound: 1 / Math.sqrt(fanIn) }),
};

/** @param shape Of a weight: [outputs, inputs, ...kernel]. */
export function fansOf(shape: readonly number[]): Fans {
  const [outputs = 1, inputs = 1, ...kernel] = shape;
  return { in: inputs * sizeOf(kernel), out: outputs * sizeOf(kernel) };
}

/** Draws all elements of a tensor, in row-major order, as float32. */
export function filled(shape: readonly number[], filler: Filler, random: RandomStream): Tensor {
  const draw = drawing(filler, random);
  const data = new Float32Array(sizeOf(shape));
  for (let k = 0; k < data.length; k++) data[k] = draw();
  return float32(shape, data);
}

function drawing(filler: Filler, random: RandomStream): () => number {
  switch (filler.kind) {
    case "constant":
      return () => filler.value;
    case "normal":
      return () => filler.std * normal(random);
    case "uniform":
      return () => filler.bound * (2 * uniform(random) - 1);
    default:
      return filler satisfies never;
  }
}

/** Keeps these draws apart from others under the same seed. */
const purpose = 301;

/**
 * A fresh parameter that is drawn when it is first read: counting the parameters of a large network draws nothing.
 * @param index Position of the parameter in its network; with the seed it decides the elements.
 */
export function freshParameter(
  shape: readonly number[],
  filler: Filler,
  seed: number,
  index: number,
): StoredTensor {
  let drawn: Tensor | undefined;
  const load = (): Tensor => {
    drawn ??= filled(shape, filler, stream(seed, index, purpose));
    return drawn;
  };
  return { dtype: "float32", shape, load };
}
