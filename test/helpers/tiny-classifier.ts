/** @file A network of two convolutions and 9 channels that may go, with images and labels for it. */
import type { Model } from "../../src/graph/model.ts";
import { normal, stream } from "../../src/math/random.ts";
import { float32, fromNumbers, type Tensor } from "../../src/tensor/tensor.ts";
import { type GraphBuilder, graphBuilder } from "./build.ts";
import { conv, dense, relu } from "./networks.ts";

/** What the network computes up to its two logits; groups "c1" (4 channels) and "c2" (5). */
export function drawTiny(g: GraphBuilder, batch: number | string = "N"): string {
  const x = g.input("x", [batch, 1, 6, 6]);
  const last = relu(g, conv(g, relu(g, conv(g, x, "c1", 1, 4)), "c2", 4, 5));
  return dense(g, g.node("Flatten", [g.node("GlobalAveragePool", [last])]), "out", 5, 2);
}

export function tinyClassifier(batch: number | string = "N"): Model {
  const g = graphBuilder();
  g.output(drawTiny(g, batch), [batch, 2]);
  return g.build();
}

/** Standard normal numbers, the same for the same seed. */
export function noise(shape: readonly number[], seed = 1): Tensor {
  const draw = stream(seed, 0);
  const size = shape.reduce((product, dim) => product * dim, 1);
  return float32(
    shape,
    Float32Array.from({ length: size }, () => normal(draw)),
  );
}

/** Classes 0 and 1 in turns. */
export function turns(examples: number): Tensor {
  return fromNumbers(
    "uint8",
    [examples],
    Array.from({ length: examples }, (_, k) => k % 2),
  );
}
