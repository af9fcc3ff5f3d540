/** @file ConvNeXt: depthwise 7 × 7, normalisation over channels, two pointwise layers as matrix products, layer scale. */
import type { GraphBuilder } from "../build.ts";
import { float } from "../build.ts";
import { type Architecture, architecture } from "./architecture.ts";
import { add, conv, dense, image, linear, scalar, transpose } from "./layers.ts";

/** Normalises the last axis; `whole` as one operator, otherwise in the pieces older exporters write. */
function layerNorm(g: GraphBuilder, x: string, name: string, channels: number, whole: boolean): string {
  const weight = g.weight([channels], undefined, { name: `${name}.weight` });
  const bias = g.weight([channels], undefined, { name: `${name}.bias` });
  if (whole) return g.node("LayerNormalization", [x, weight, bias], { axis: -1, epsilon: float(1e-6) });
  const centered = g.node("Sub", [x, g.node("ReduceMean", [x], { axes: [-1] })]);
  const variance = g.node("ReduceMean", [g.node("Pow", [centered, scalar(g, 2)])], { axes: [-1] });
  const deviation = g.node("Sqrt", [add(g, variance, scalar(g, 1e-6))]);
  return add(g, g.node("Mul", [g.node("Div", [centered, deviation]), weight]), bias);
}

/** GELU by erf in pieces. */
export function gelu(g: GraphBuilder, x: string): string {
  const erf = g.node("Erf", [g.node("Div", [x, scalar(g, Math.SQRT2)])]);
  return g.node("Mul", [g.node("Mul", [x, add(g, erf, scalar(g, 1))]), scalar(g, 0.5)]);
}

function convNext(whole: boolean) {
  return (g: GraphBuilder): void => {
    const toLast = (x: string) => transpose(g, x, [0, 2, 3, 1]);
    const toFirst = (x: string) => transpose(g, x, [0, 3, 1, 2]);
    const block = (x: string, name: string, width: number) => {
      const deep = toLast(conv(g, x, `${name}.0`, width, width, { group: width, kernel: 7 }));
      const normal = layerNorm(g, deep, `${name}.2`, width, whole);
      const inner = gelu(g, linear(g, normal, `${name}.3`, width, 4 * width));
      const out = toFirst(linear(g, inner, `${name}.5`, 4 * width, width));
      const scale = g.weight([width, 1, 1], undefined, { name: `${name}.layer_scale` });
      return add(g, g.node("Mul", [scale, out]), x);
    };
    const normFirst = (x: string, name: string, width: number) =>
      toFirst(layerNorm(g, toLast(x), name, width, whole));
    let x = normFirst(conv(g, image(g), "stem", 3, 4, { kernel: 2, stride: 2, pad: 0 }), "stem.1", 4);
    x = block(block(x, "stage1.0", 4), "stage1.1", 4);
    x = conv(g, normFirst(x, "down.0", 4), "down.1", 4, 6, { kernel: 2, stride: 2, pad: 0 });
    x = block(x, "stage2.0", 6);
    const pooled = g.node("GlobalAveragePool", [x]);
    const flat = g.node("Flatten", [normFirst(pooled, "classifier.0", 6)]);
    g.output(dense(g, flat, "head", 6, 3), ["N", 3]);
  };
}

export const convNexts: readonly Architecture[] = [
  architecture("ConvNeXt", convNext(true)),
  architecture("ConvNeXt with its norms in pieces", convNext(false)),
];
