/** @file One-stage detectors from version 3 on: stages that split and join, pooled pyramids, decoupled heads, decoding. */
import type { GraphBuilder } from "../build.ts";
import { type Architecture, architecture } from "./architecture.ts";
import {
  activate,
  add,
  type ConvOptions,
  concat,
  conv,
  convNorm,
  image,
  ints,
  maxPool,
  reshape,
  slice,
  split,
  transpose,
  upsample,
} from "./layers.ts";

function leaky(
  g: GraphBuilder,
  x: string,
  name: string,
  from: number,
  to: number,
  o: ConvOptions = {},
): string {
  return convNorm(g, x, name, from, to, { ...o, act: "leaky" });
}

/** Convolutions of later versions are exported with the norm folded in. */
function silu(
  g: GraphBuilder,
  x: string,
  name: string,
  from: number,
  to: number,
  o: ConvOptions = {},
): string {
  return activate(g, conv(g, x, name, from, to, o), "silu");
}

const anchors = 3;
const answers = 7; // box, objectness, two classes

/** Darknet blocks; boxes decoded on two scales with anchors and grids as constants. */
function yoloV3(g: GraphBuilder): void {
  const dark = (x: string, name: string, width: number) =>
    add(g, x, leaky(g, leaky(g, x, `${name}.1`, width, 3, { kernel: 1 }), `${name}.2`, 3, width));
  let x = leaky(g, image(g, 16), "backbone.0", 3, 4, { stride: 2 });
  const early = dark(leaky(g, x, "backbone.1", 4, 6, { stride: 2 }), "backbone.2", 6);
  x = dark(leaky(g, early, "backbone.3", 6, 8, { stride: 2 }), "backbone.4", 8);
  const neck = leaky(g, x, "neck.0", 8, 5, { kernel: 1 });
  const up = upsample(g, leaky(g, neck, "neck.1", 5, 4, { kernel: 1 }));
  const fine = leaky(g, concat(g, [up, early]), "neck.2", 10, 6);
  const scales = [
    decodeGrid(g, conv(g, leaky(g, neck, "tower.0", 5, 6), "head", 6, anchors * answers, { kernel: 1 }), 2),
    decodeGrid(g, conv(g, fine, "head.1", 6, anchors * answers, { kernel: 1 }), 4),
  ];
  g.output(concat(g, scales), ["N", anchors * 20, answers]);
}

/** [N, anchors · answers, s, s] to [N, anchors · s · s, answers], centers moved by a grid and extents scaled by anchors. */
function decodeGrid(g: GraphBuilder, x: string, size: number): string {
  const apart = transpose(g, reshape(g, x, [-1, anchors, answers, size, size]), [0, 1, 3, 4, 2]);
  const [center, extent, rest] = split(g, activate(g, apart, "sigmoid"), [2, 2, answers - 4], 4);
  const two = g.weight([], [2]);
  const moved = g.node("Mul", [
    add(
      g,
      g.node("Sub", [g.node("Mul", [center!, two]), g.weight([], [0.5])]),
      g.weight([1, 1, size, size, 2]),
    ),
    g.weight([], [8]),
  ]);
  const scaled = g.node("Mul", [
    g.node("Pow", [g.node("Mul", [extent!, two]), two]),
    g.weight([1, anchors, 1, 1, 2]),
  ]);
  return reshape(g, concat(g, [moved, scaled, rest!], 4), [-1, anchors * size * size, answers]);
}

/** Focus by slices with steps, cross-stage blocks, fast spatial pyramid. */
function yoloV5(g: GraphBuilder): void {
  const x = image(g, 16);
  const stepped = (h: number, w: number) => {
    const bounds = [ints(g, [h, w]), ints(g, [2 ** 31 - 1, 2 ** 31 - 1]), ints(g, [2, 3]), ints(g, [2, 2])];
    return g.node("Slice", [x, ...bounds]);
  };
  const focus = concat(g, [stepped(0, 0), stepped(1, 0), stepped(0, 1), stepped(1, 1)]);
  let y = silu(g, focus, "model.0", 12, 4);
  y = silu(g, y, "model.1", 4, 6, { stride: 2 });
  const early = crossStage(g, y, "model.2", 6, 6, true);
  y = silu(g, early, "model.3", 6, 8, { stride: 2 });
  y = fastPyramid(g, crossStage(g, y, "model.4", 8, 8, true), "model.5", 8);
  const lateral = silu(g, y, "model.6", 8, 5, { kernel: 1 });
  const fine = crossStage(g, concat(g, [upsample(g, lateral), early]), "model.7", 11, 6, false);
  const down = silu(g, fine, "model.8", 6, 5, { stride: 2 });
  const coarse = crossStage(g, concat(g, [down, lateral]), "model.9", 10, 8, false);
  const scales = [
    decodeGrid(g, conv(g, fine, "head", 6, anchors * answers, { kernel: 1 }), 4),
    decodeGrid(g, conv(g, coarse, "head.1", 8, anchors * answers, { kernel: 1 }), 2),
  ];
  g.output(concat(g, scales), ["N", anchors * 20, answers]);
}

/** C3: two ways in, one of them through bottlenecks, joined. */
function crossStage(
  g: GraphBuilder,
  x: string,
  name: string,
  from: number,
  to: number,
  skip: boolean,
): string {
  const one = silu(g, x, `${name}.cv1`, from, 3, { kernel: 1 });
  const inner = silu(g, silu(g, one, `${name}.m.cv1`, 3, 3, { kernel: 1 }), `${name}.m.cv2`, 3, 3);
  const worked = skip ? add(g, one, inner) : inner;
  const both = concat(g, [worked, silu(g, x, `${name}.cv2`, from, 3, { kernel: 1 })]);
  return silu(g, both, `${name}.cv3`, 6, to, { kernel: 1 });
}

/** SPPF: one pooling applied three times, all four joined. */
function fastPyramid(g: GraphBuilder, x: string, name: string, width: number): string {
  const parts = [silu(g, x, `${name}.cv1`, width, 4, { kernel: 1 })];
  for (let k = 0; k < 3; k++) parts.push(maxPool(g, parts[k]!, 5, 1, 2));
  return silu(g, concat(g, parts), `${name}.cv2`, 16, width, { kernel: 1 });
}

/** C2f: halves of one layer, one of them worked on step by step, every step joined. */
function splitStage(
  g: GraphBuilder,
  x: string,
  name: string,
  own: { readonly from: number; readonly to: number; readonly skip: boolean; readonly steps?: number },
): string {
  const { from, to, skip, steps = 2 } = own;
  const parts = split(g, silu(g, x, `${name}.cv1`, from, 6, { kernel: 1 }), [3, 3]);
  for (let k = 0; k < steps; k++) {
    const last = parts.at(-1)!;
    const inner = silu(g, silu(g, last, `${name}.m.${k}.cv1`, 3, 4), `${name}.m.${k}.cv2`, 4, 3);
    parts.push(skip ? add(g, last, inner) : inner);
  }
  return silu(g, concat(g, parts), `${name}.cv2`, 3 * (2 + steps), to, { kernel: 1 });
}

interface LaterOptions {
  /** Distributed boxes: bins of each side, read by a softmax and a convolution with constant weights. */
  readonly bins: number;
  /** Two candidates per place are thinned inside the model by TopK (version 10). */
  readonly best?: number;
}

/** Anchor-free decoupled heads with distributed boxes (version 8), and choosing of the best inside the model (10). */
function laterYolo({ bins, best }: LaterOptions) {
  return (g: GraphBuilder): void => {
    let x = silu(g, image(g, 16), "model.0", 3, 4, { stride: 2 });
    x = silu(g, x, "model.1", 4, 6, { stride: 2 });
    const early = splitStage(g, x, "model.2", { from: 6, to: 6, skip: true });
    x = silu(g, early, "model.3", 6, 8, { stride: 2 });
    if (best !== undefined) x = selfAttention(g, downByDepth(g, x, "model.scdown", 8), "model.psa");
    x = fastPyramid(g, splitStage(g, x, "model.4", { from: 8, to: 8, skip: true, steps: 1 }), "model.5", 8);
    const up = splitStage(g, concat(g, [upsample(g, x), early]), "model.6", { from: 14, to: 6, skip: false });
    const down = silu(g, up, "model.7", 6, 6, { stride: 2 });
    const deep = splitStage(g, concat(g, [down, x]), "model.8", { from: 14, to: 8, skip: false });
    const scales = [
      { x: up, from: 6, size: 4, name: "head" },
      { x: deep, from: 8, size: 2, name: "head.1" },
    ].map(({ x: level, from, size, name }) => {
      const boxes = conv(
        g,
        silu(g, silu(g, level, `${name}.cv2.0`, from, 5), `${name}.cv2.1`, 5, 5),
        `${name}.boxes`,
        5,
        4 * bins,
        { kernel: 1 },
      );
      let scores = silu(g, level, `${name}.cv3.0.0`, from, from, { group: from });
      scores = silu(g, scores, `${name}.cv3.0.1`, from, 4, { kernel: 1 });
      scores = conv(g, scores, `${name}.scores`, 4, 2, { kernel: 1 });
      return reshape(g, concat(g, [boxes, scores]), [-1, 4 * bins + 2, size * size]);
    });
    const [boxes, scores] = split(g, concat(g, scales, 2), [4 * bins, 2]);
    const answer = concat(g, [distances(g, boxes!, bins), activate(g, scores!, "sigmoid")]);
    if (best === undefined) g.output(answer, ["N", 6, 20]);
    else g.output(chooseBest(g, answer, best), ["N", best, 6]);
  };
}

/** Softmax over the bins of each side, their mean by a fixed convolution, then boxes from distances and grid. */
function distances(g: GraphBuilder, boxes: string, bins: number): string {
  const turned = transpose(g, reshape(g, boxes, [-1, 4, bins, 20]), [0, 2, 1, 3]);
  const likely = g.node("Softmax", [turned], { axis: 1 });
  const mean = g.node("Conv", [
    likely,
    g.weight(
      [1, bins, 1, 1],
      Array.from({ length: bins }, (_, k) => k),
      { name: "dfl.weight" },
    ),
  ]);
  const flat = reshape(g, mean, [-1, 4, 20]);
  const grid = g.weight([1, 2, 20]);
  const near = g.node("Sub", [grid, slice(g, flat, 0, 2)]);
  const far = add(g, grid, slice(g, flat, 2, 4));
  const center = g.node("Div", [add(g, near, far), g.weight([], [2])]);
  return g.node("Mul", [
    concat(g, [center, g.node("Sub", [far, near])]),
    g.weight([1, 20], new Array(20).fill(8)),
  ]);
}

/** SCDown: pointwise, then depthwise without activation; here without changing the size. */
function downByDepth(g: GraphBuilder, x: string, name: string, width: number): string {
  return conv(g, silu(g, x, `${name}.cv1`, width, width, { kernel: 1 }), `${name}.cv2`, width, width, {
    group: width,
  });
}

/** PSA: half of the channels through attention over places, two heads in one convolution for query, key and value. */
function selfAttention(g: GraphBuilder, x: string, name: string): string {
  const [same, own] = split(g, silu(g, x, `${name}.cv1`, 8, 8, { kernel: 1 }), [4, 4]);
  const packed = reshape(g, conv(g, own!, `${name}.qkv`, 4, 8, { kernel: 1 }), [-1, 2, 4, 4]);
  const [query, key, value] = split(g, packed, [1, 1, 2], 2);
  const scores = g.node("Mul", [
    g.node("MatMul", [transpose(g, query!, [0, 1, 3, 2]), key!]),
    g.weight([], [0.7]),
  ]);
  const weights = transpose(g, g.node("Softmax", [scores], { axis: -1 }), [0, 1, 3, 2]);
  const seen = reshape(g, g.node("MatMul", [value!, weights]), [-1, 4, 2, 2]);
  const position = conv(g, reshape(g, value!, [-1, 4, 2, 2]), `${name}.pe`, 4, 4, { group: 4 });
  const first = add(g, own!, conv(g, add(g, seen, position), `${name}.proj`, 4, 4, { kernel: 1 }));
  const wide = silu(g, first, `${name}.ffn.0`, 4, 6, { kernel: 1 });
  const second = add(g, first, conv(g, wide, `${name}.ffn.1`, 6, 4, { kernel: 1 }));
  return silu(g, concat(g, [same!, second]), `${name}.cv2`, 8, 8, { kernel: 1 });
}

/** The best places by their best class. */
function chooseBest(g: GraphBuilder, answer: string, best: number): string {
  const places = transpose(g, answer, [0, 2, 1]);
  const top = g.node("ReduceMax", [slice(g, places, 4, 6, 2)], { axes: [2], keepdims: 0 });
  // A narrow network scores all places nearly alike; a constant keeps rounding from deciding which come first.
  const apart = add(g, top, g.weight([20]));
  const [, at] = g.nodes("TopK", [apart, ints(g, [best])], 2, { axis: -1, largest: 1, sorted: 1 });
  const index = g.node("Tile", [g.node("Unsqueeze", [at!, ints(g, [-1])]), ints(g, [1, 1, 6])]);
  return g.node("GatherElements", [places, index], { axis: 1 });
}

const decoded = (ids: Readonly<Record<string, string>>, share = 0.7) => ({ locked: ids, share });

export const yolo: readonly Architecture[] = [
  architecture("YOLO v3", yoloV3, decoded({ head: "graph output", "head.1": "graph output" }, 0.5)),
  architecture("YOLO v5", yoloV5, decoded({ head: "graph output", "head.1": "graph output" })),
  architecture(
    "YOLO v8",
    laterYolo({ bins: 4 }),
    decoded({ "head.boxes": "graph output", "head.scores": "graph output" }),
  ),
  architecture(
    "YOLO v10",
    laterYolo({ bins: 4, best: 5 }),
    decoded({ "head.boxes": "it is the graph output", "head.scores": "it is the graph output" }),
  ),
];
