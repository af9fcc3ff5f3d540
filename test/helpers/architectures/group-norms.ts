/** @file Networks that normalise over groups of channels: residual ones, those of diffusion, and norms over all channels. */
import { float, type GraphBuilder } from "../build.ts";
import { type Architecture, architecture } from "./architecture.ts";
import { between } from "./between.ts";
import { activate, add, classify, concat, conv, dense, image, maxPool, reshape, upsample } from "./layers.ts";

/** GroupNormalization with a scale and a shift for each channel, or for each group (before operator set 21). */
function groupNorm(
  g: GraphBuilder,
  x: string,
  name: string,
  channels: number,
  { groups = 2, entries = channels }: { readonly groups?: number; readonly entries?: number } = {},
): string {
  const own = (part: string, around: number) =>
    g.weight(
      [entries],
      Array.from({ length: entries }, (_, k) => around + 0.4 * Math.sin(2 * k + name.length)),
      { name: `${name}.${part}` },
    );
  const inputs = [x, own("weight", 1), own("bias", 0.1)];
  return g.node("GroupNormalization", inputs, { num_groups: groups, epsilon: float(1e-5) });
}

/** ResNet with group norms in place of batch norms, convolutions in groups among them. */
function residual(g: GraphBuilder): void {
  const block = (x: string, name: string, group: number) => {
    const inner = conv(g, x, `${name}.conv1`, 8, 12, { bias: false });
    const wide = activate(g, groupNorm(g, inner, `${name}.norm1`, 12, { groups: 4 }), "relu");
    const mixed = conv(g, wide, `${name}.conv2`, 12, 12, { group, bias: false });
    const active = activate(g, groupNorm(g, mixed, `${name}.norm2`, 12, { groups: 3 }), "relu");
    const back = conv(g, active, `${name}.conv3`, 12, 8, { kernel: 1, bias: false });
    return activate(g, add(g, groupNorm(g, back, `${name}.norm3`, 8), x), "relu");
  };
  const stem = activate(g, groupNorm(g, conv(g, image(g), "stem", 3, 8), "stem.norm", 8), "relu");
  classify(g, block(block(maxPool(g, stem), "layer.0", 1), "layer.1", 2), 8);
}

/** A step of diffusion: norms in front of convolutions, a time that shifts channels, norms over joined maps. */
function diffusion(g: GraphBuilder): void {
  const time = activate(g, dense(g, g.input("time", ["N", 4]), "time.fc", 4, 10), "silu");
  const block = (x: string, name: string, from: number, to: number) => {
    const first = conv(
      g,
      activate(g, groupNorm(g, x, `${name}.norm1`, from), "silu"),
      `${name}.conv1`,
      from,
      to,
    );
    const shift = reshape(g, dense(g, time, `${name}.time`, 10, to), [-1, to, 1, 1]);
    const active = activate(g, groupNorm(g, add(g, first, shift), `${name}.norm2`, to), "silu");
    const second = conv(g, active, `${name}.conv2`, to, to);
    return add(g, second, from === to ? x : conv(g, x, `${name}.skip`, from, to, { kernel: 1 }));
  };
  const down = block(conv(g, g.input("sample", ["N", 2, 8, 8]), "conv_in", 2, 6), "down", 6, 6);
  const middle = block(conv(g, down, "half", 6, 8, { stride: 2 }), "middle", 8, 8);
  const up = block(concat(g, [upsample(g, middle), down]), "up", 14, 6);
  const out = activate(g, groupNorm(g, up, "norm_out", 6), "silu");
  g.output(conv(g, out, "head", 6, 2), ["N", 2, 8, 8]);
}

/** One group: mean and deviation of a map over all channels and places, as networks of pooling have it. */
function overAll(g: GraphBuilder): void {
  const block = (x: string, name: string) => {
    const normal = groupNorm(g, x, `${name}.norm1`, 7, { groups: 1 });
    const pooled = g.node("AveragePool", [normal], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
    const mixed = add(g, x, g.node("Sub", [pooled, normal]));
    const wide = conv(g, groupNorm(g, mixed, `${name}.norm2`, 7, { groups: 1 }), `${name}.fc1`, 7, 9, {
      kernel: 1,
    });
    return add(g, mixed, conv(g, activate(g, wide, "relu"), `${name}.fc2`, 9, 7, { kernel: 1 }));
  };
  const stem = conv(g, image(g), "stem", 3, 7, { stride: 2 });
  classify(g, groupNorm(g, block(block(stem, "blocks.0"), "blocks.1"), "norm", 7, { groups: 1 }), 7);
}

/** Group norm as instance norm over `groups` rows. */
function inPieces(groups: number) {
  return (g: GraphBuilder, x: string): string => {
    const list = (value: number) => g.weight([groups], new Array<number>(groups).fill(value));
    const rows = reshape(g, x, [0, groups, -1]);
    const normal = g.node("InstanceNormalization", [rows, list(1), list(0)], { epsilon: float(1e-5) });
    const back = g.node("Reshape", [normal, g.node("Shape", [x])]);
    return add(g, g.node("Mul", [back, g.weight([8, 1, 1])]), g.weight([8, 1, 1]));
  };
}

const byGroup = (groups: number) => (g: GraphBuilder, x: string) =>
  groupNorm(g, x, "norm", 8, { groups, entries: groups });

/** The same over maps of any height and width. */
function openMaps(g: GraphBuilder): void {
  const x = activate(g, conv(g, g.input("input", ["N", 3, "height", "width"]), "front", 3, 8), "relu");
  classify(g, activate(g, conv(g, inPieces(1)(g, x), "back", 8, 5), "relu"), 5);
}

export const groupNorms: readonly Architecture[] = [
  architecture("ResNet with group norms", residual, { opset: 21 }),
  architecture("a step of diffusion", diffusion, { opset: 21 }),
  architecture("norms over all channels", overAll, { opset: 21 }),
  between("group norm with a scale for each group", byGroup(4), { opset: 18 }),
  between("group norm of a single group", byGroup(1), { opset: 18 }),
  between("group norm of as many groups as channels", byGroup(8), { opset: 18 }),
  between("norm over all channels in pieces", inPieces(1)),
  architecture("norm over all channels of open maps in pieces", openMaps),
  between("norm of each channel in pieces", inPieces(8)),
];
