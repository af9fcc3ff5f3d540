/** @file Networks whose weights alone have few bits, in blocks that share a scale. */
import type { GraphBuilder } from "../build.ts";
import { type Architecture, architecture } from "./architecture.ts";
import { activate, add, linear, reshape, transpose } from "./layers.ts";
import { codes } from "./run-time-ranges.ts";
import { block, rmsNormInPieces, weigh } from "./transformer-layers.ts";

const contrib = { domain: "com.microsoft" } as const;
const opsets = { "com.microsoft": 1 } as const;
const relu = (g: GraphBuilder, x: string) => activate(g, x, "relu");

interface Packing {
  readonly bits?: number;
  readonly zeros?: boolean;
  readonly bias?: boolean;
}

const blockSize = 16;

/** MatMulNBits with weights [to, blocks, bytes], scales and zero points row by row. */
function packedLinear(
  g: GraphBuilder,
  x: string,
  name: string,
  [from, to]: readonly [number, number],
  { bits = 4, zeros = false, bias = false }: Packing = {},
): string {
  const blocks = Math.ceil(from / blockSize);
  const bytes = Math.ceil((blocks * bits) / 8);
  const scales = Array.from({ length: to * blocks }, (_, k) => 0.03 + 0.01 * (k % 5));
  const inputs = [
    x,
    codes(g, `${name}.weight_quantized`, "uint8", [to, blocks, (blockSize * bits) / 8], [0, 255]),
    g.weight([to * blocks], scales, { name: `${name}.weight_scale` }),
    zeros ? codes(g, `${name}.weight_zero_point`, "uint8", [to * bytes], [0x55, 0xaa]) : "",
    "",
    bias ? g.weight([to], undefined, { name: `${name}.bias` }) : "",
  ];
  while (inputs.at(-1) === "") inputs.pop();
  const attributes = { K: from, N: to, bits, block_size: blockSize };
  return g.node("MatMulNBits", inputs, attributes, { ...contrib, name: `/${name.replaceAll(".", "/")}` });
}

/** A decoder whose weights have four bits, its table of words among them. */
function packedDecoder(own: Packing) {
  return (g: GraphBuilder): void => {
    const [wide, heads, size, inner] = [64, 3, 16, 80];
    const ids = g.input("input_ids", ["N", 4], "int64");
    const bits = own.bits ?? 4;
    const zeroBytes = ((wide / blockSize) * bits) / 8;
    const table = [
      codes(g, "embed.weight_quantized", "uint8", [9, (wide * bits) / 8], [0, 255]),
      ids,
      g.weight([9, wide / blockSize], undefined, { name: "embed.weight_scale" }),
      ...(own.zeros === true
        ? [codes(g, "embed.weight_zero_point", "uint8", [9, zeroBytes], [0x55, 0xaa])]
        : []),
    ];
    const layout = { bits, block_size: blockSize, gather_axis: 0, quantize_axis: 1 };
    const start = g.node("GatherBlockQuantized", table, layout, contrib);
    const norm = (_: GraphBuilder, x: string, name: string) => rmsNormInPieces(g, x, name, wide);
    const attend = (x: string) => {
      const toHeads = (part: string, perm: readonly number[]) => {
        const flat = packedLinear(g, x, `attn.${part}`, [wide, heads * size], own);
        return transpose(g, reshape(g, flat, [0, 0, heads, size]), perm);
      };
      const out = weigh(
        g,
        toHeads("q", [0, 2, 1, 3]),
        toHeads("k", [0, 2, 3, 1]),
        toHeads("v", [0, 2, 1, 3]),
      );
      const joined = reshape(g, transpose(g, out, [0, 2, 1, 3]), [0, 0, heads * size]);
      return packedLinear(g, joined, "attn.out", [heads * size, wide], own);
    };
    const perceptron = (_: GraphBuilder, x: string) => {
      const gate = activate(g, packedLinear(g, x, "gate", [wide, inner], own), "silu");
      const both = g.node("Mul", [gate, packedLinear(g, x, "up", [wide, inner], own)]);
      return packedLinear(g, both, "down", [inner, wide], own);
    };
    const out = block(g, start, "layer", attend, norm, perceptron);
    g.output(packedLinear(g, norm(g, out, "norm"), "head", [wide, 9], own), ["N", 4, 9]);
  };
}

/** Products with weights out of DequantizeLinear whose scales stand for blocks of rows. */
function blockedScales(g: GraphBuilder): void {
  const product = (x: string, name: string, from: number, to: number) => {
    const scales = Array.from({ length: (from / 4) * to }, (_, k) => 0.004 + 0.001 * (k % 3));
    const inputs = [
      codes(g, `${name}.weight_quantized`, "int8", [from, to], [-100, 100]),
      g.weight([from / 4, to], scales, { name: `${name}.weight_scale` }),
      codes(g, `${name}.weight_zero_point`, "int8", [from / 4, to], [-3, 3]),
    ];
    const weight = g.node("DequantizeLinear", inputs, { axis: 0, block_size: 4 });
    return add(g, g.node("MatMul", [x, weight]), g.weight([to], undefined, { name: `${name}.bias` }));
  };
  const x = relu(g, linear(g, g.input("features", ["N", 5]), "embed", 5, 12));
  const inner = relu(g, product(x, "fc1", 12, 16));
  g.output(product(add(g, product(inner, "fc2", 16, 12), x), "head", 12, 3), ["N", 3]);
}

export const packedWeights: readonly Architecture[] = [
  architecture("weights of four bits", packedDecoder({}), { opsets }),
  architecture("weights of four bits with zero points", packedDecoder({ zeros: true, bias: true }), {
    opsets,
  }),
  architecture("weights of eight bits in blocks", packedDecoder({ bits: 8, zeros: true }), { opsets }),
  architecture("scales in blocks", blockedScales, { opset: 21 }),
];
