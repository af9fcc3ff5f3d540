/** @file What games under a ceiling on memory are tried on: a network that recomputes something, and rows all over the examples. */
import type { Model } from "../../src/graph/model.ts";
import { stream, uniform } from "../../src/math/random.ts";
import { graphBuilder } from "./build.ts";
import { batchNorm, conv, head, relu } from "./networks.ts";

export const ceilingForms = ["chain", "shortcut", "late"] as const;

/** A dense layer and convolutions in front of the group "inner"; its reader is followed by a shortcut or by nothing. */
export function ceilingNetwork(form: (typeof ceilingForms)[number]): Model {
  const g = graphBuilder();
  const x = g.input("x", ["N", 3, 16, 16]);
  const first = relu(g, conv(g, x, "first", 3, 12));
  const inner = relu(g, conv(g, form === "late" ? first : x, "inner", form === "late" ? 12 : 3, 16));
  const outer = conv(g, inner, "outer", 16, 12);
  const out = form === "shortcut" ? g.node("Add", [batchNorm(g, outer, "norm", 12), first]) : outer;
  head(g, relu(g, out), 12);
  return g.build();
}

/** 1,500 rows or a few more on scattered examples, some of them in stretches. @param size Examples there are. */
export function scatteredRows(
  size: number,
  players: number,
  seed: number,
): readonly [Uint8Array, Uint32Array] {
  const random = stream(seed, 0);
  const examples: number[] = [];
  while (examples.length < 1500) {
    const example = Math.floor(uniform(random) * size);
    const count = uniform(random) < 0.3 ? 40 : 1;
    for (let k = 0; k < count; k++) examples.push(example);
  }
  const masks = Uint8Array.from({ length: examples.length * players }, () => (uniform(random) < 0.5 ? 1 : 0));
  return [masks, Uint32Array.from(examples)];
}
