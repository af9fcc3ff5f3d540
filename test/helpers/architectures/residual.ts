/** @file Residual networks: basic and bottleneck blocks, grouped ones, re-parameterised and many-branched ones. */
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
  image,
  maxPool,
  squeezeExcite,
  upsample,
} from "./layers.ts";

interface Block {
  readonly from: number;
  readonly to: number;
  readonly stride?: number;
}

function shortcut(g: GraphBuilder, x: string, name: string, { from, to, stride = 1 }: Block): string {
  if (from === to && stride === 1) return x;
  return convNorm(g, x, `${name}.downsample`, from, to, { kernel: 1, stride, act: "none" });
}

function basic(g: GraphBuilder, x: string, name: string, block: Block): string {
  const { from, to, stride = 1 } = block;
  const inner = convNorm(g, x, `${name}.1`, from, to, { stride });
  const out = convNorm(g, inner, `${name}.2`, to, to, { act: "none" });
  return activate(g, add(g, out, shortcut(g, x, name, block)), "relu");
}

function resNet(widen = 1) {
  return (g: GraphBuilder): void => {
    let x = maxPool(g, convNorm(g, image(g), "stem", 3, 4), 3, 2, 1);
    x = basic(g, x, "layer1.0", { from: 4, to: 4 * widen });
    x = basic(g, x, "layer1.1", { from: 4 * widen, to: 4 * widen });
    x = basic(g, x, "layer2.0", { from: 4 * widen, to: 6 * widen, stride: 2 });
    classify(g, x, 6 * widen);
  };
}

function bottleneck(options: { readonly groups?: number; readonly squeeze?: boolean } = {}) {
  const { groups = 1, squeeze = false } = options;
  return (g: GraphBuilder): void => {
    const block = (x: string, name: string, width: number, own: Block) => {
      const { from, to, stride = 1 } = own;
      let y = convNorm(g, x, `${name}.1`, from, width, { kernel: 1 });
      y = convNorm(g, y, `${name}.2`, width, width, { group: groups, stride });
      if (squeeze) y = squeezeExcite(g, y, `${name}.se`, width, 3);
      y = convNorm(g, y, `${name}.3`, width, to, { kernel: 1, act: "none" });
      return activate(g, add(g, y, shortcut(g, x, name, own)), "relu");
    };
    let x = convNorm(g, image(g), "stem", 3, 5, { stride: 2 });
    x = block(x, "layer1.0", 8, { from: 5, to: 7 });
    x = block(x, "layer1.1", 8, { from: 7, to: 7 });
    x = block(x, "layer2.0", 12, { from: 7, to: 10, stride: 2 });
    classify(g, x, 10);
  };
}

/** Norm and activation in front of each convolution. */
function preActivation(g: GraphBuilder): void {
  const block = (x: string, name: string, from: number, to: number) => {
    const before = activate(g, batchNorm(g, x, `${name}.bn1`, from), "relu");
    const inner = conv(g, before, `${name}.conv1`, from, 5, { bias: false });
    const after = activate(g, batchNorm(g, inner, `${name}.bn2`, 5), "relu");
    const out = conv(g, after, `${name}.conv2`, 5, to, { bias: false });
    const skip = from === to ? x : conv(g, before, `${name}.skip`, from, to, { kernel: 1, bias: false });
    return add(g, out, skip);
  };
  let x = conv(g, image(g), "stem", 3, 4, { bias: false });
  x = block(x, "layer1", 4, 4);
  x = block(x, "layer2", 4, 6);
  classify(g, activate(g, batchNorm(g, x, "bn", 6), "relu"), 6);
}

/** Training form: three branches, each normalised, added. */
function repVgg(g: GraphBuilder): void {
  const block = (x: string, name: string, from: number, to: number) => {
    const three = convNorm(g, x, `${name}.rbr_dense`, from, to, { act: "none" });
    const one = convNorm(g, x, `${name}.rbr_1x1`, from, to, { kernel: 1, act: "none" });
    const sum = add(g, three, one);
    const whole = from === to ? add(g, sum, batchNorm(g, x, `${name}.rbr_identity`, from)) : sum;
    return activate(g, whole, "relu");
  };
  let x = block(image(g), "stage0", 3, 4);
  x = block(x, "stage1.0", 4, 6);
  x = block(x, "stage1.1", 6, 6);
  x = block(x, "stage2", 6, 5);
  classify(g, x, 5);
}

/** Two and then three resolutions that run side by side and are added into each other. */
function hrNet(g: GraphBuilder): void {
  const widths = [4, 6, 8];
  const stem = convNorm(g, image(g, 16), "stem", 3, 5, { stride: 2 });
  const fuse = (branches: readonly string[], name: string) =>
    widths.slice(0, branches.length).map((width, to) => {
      const parts = branches.map((branch, from) => {
        if (from === to) return branch;
        const path = `${name}.${to}.${from}`;
        if (from > to) {
          const thin = convNorm(g, branch, path, widths[from]!, width, { kernel: 1, act: "none" });
          return upsample(g, thin, 2 ** (from - to));
        }
        let down = branch;
        for (let step = from; step < to; step++) {
          const wide = step === to - 1 ? width : widths[from]!;
          const act = step === to - 1 ? "none" : "relu";
          down = convNorm(g, down, `${path}.${step}`, widths[from]!, wide, { stride: 2, act });
        }
        return down;
      });
      return activate(
        g,
        parts.reduce((sum, part) => add(g, sum, part)),
        "relu",
      );
    });
  let branches = [
    convNorm(g, stem, "transition1.0", 5, 4),
    convNorm(g, stem, "transition1.1", 5, 6, { stride: 2 }),
  ];
  branches = branches.map((x, k) => basic(g, x, `stage2.${k}`, { from: widths[k]!, to: widths[k]! }));
  branches = fuse(branches, "stage2.fuse");
  branches.push(convNorm(g, branches[1]!, "transition2.2", 6, 8, { stride: 2 }));
  branches = fuse(branches, "stage3.fuse");
  const whole = concat(
    g,
    branches.map((x, k) => (k === 0 ? x : upsample(g, x, 2 ** k))),
  );
  const mixed = convNorm(g, whole, "last_layer.0", 18, 7, { kernel: 1 });
  g.output(conv(g, mixed, "head", 7, 3, { kernel: 1 }), ["N", 3, 8, 8]);
}

export const residual: readonly Architecture[] = [
  architecture("ResNet", resNet()),
  architecture("Wide ResNet", resNet(2)),
  architecture("ResNet with bottlenecks", bottleneck()),
  architecture("ResNeXt", bottleneck({ groups: 4 })),
  architecture("RegNet", bottleneck({ groups: 2, squeeze: true })),
  architecture("ResNet with pre-activation", preActivation),
  architecture("RepVGG before folding", repVgg),
  architecture("HRNet", hrNet),
];
