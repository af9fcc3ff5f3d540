/**
 * @file Weights alone in few bits, in blocks that share a scale: MatMulNBits and GatherBlockQuantized. What is read or made
 * along the blocks goes in whole blocks; the other axis is free.
 */
import { intAttribute, withAttributes } from "../../graph/attributes.ts";
import type { Node } from "../../graph/model.ts";
import { fromNumbers, type Tensor, takeAlong, toNumbers } from "../../tensor/tensor.ts";
import type { CostTerm, Couplings, Fact, InferCall, Labels, Operator, SliceCall } from "../operator.ts";
import { blockFor, fromFront, shapeOf } from "../shapes.ts";

/** Position k carries the label of the run of `each` positions it lies in. */
export function inRuns(runs: Labels, each: number, size: number): Labels {
  return Int32Array.from({ length: size }, (_, k) => runs[Math.floor(k / each)]!);
}

/** Inputs of MatMulNBits: codes [N, blocks, bytes of a block], scales and zero points row by row, order, bias. */
const at = { x: 0, codes: 1, scales: 2, zeros: 3, order: 4, bias: 5 } as const;

interface Sizes {
  readonly inner: number;
  readonly outer: number;
  readonly blockSize: number;
  readonly bits: number;
}

function sizesOf(node: Node): Sizes {
  return {
    inner: intAttribute(node, "K", 0),
    outer: intAttribute(node, "N", 0),
    blockSize: intAttribute(node, "block_size", 0),
    bits: intAttribute(node, "bits", 4),
  };
}

function inferProduct(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, at.x);
  const shape = x && [...x.slice(0, -1), sizesOf(call.node).outer];
  return [{ dtype: call.inputs[at.x]?.dtype, shape }];
}

/** Why the weights cannot be cut; undefined where they can. */
function obstacle(c: Couplings): string | undefined {
  const has = (input: number) => (c.node.inputs[input] ?? "") !== "";
  const { blockSize } = sizesOf(c.node);
  if (has(at.order)) return "its weights have an order of their own (g_idx)";
  if (c.inputs[at.x]?.shape === undefined || blockSize < 1) return "its shape is not known";
  const cut = [at.codes, at.scales, ...(has(at.zeros) ? [at.zeros] : [])];
  return cut.every((input) => c.isStored(input)) ? undefined : "its weights are not stored in the model";
}

function coupleProduct(c: Couplings): void {
  const why = obstacle(c);
  if (why !== undefined) {
    for (let input = 0; input < c.node.inputs.length; input++) c.lockInput(input, why);
    return;
  }
  const { inner, blockSize } = sizesOf(c.node);
  const last = c.inputs[at.x]!.shape!.length - 1;
  const blocks = c.labelsOf(at.codes, 1);
  const channels = c.labelsOf(at.x, last);
  c.unify(channels, blocks && inRuns(blocks, blockSize, inner), "the weights read a channel that is fixed");
  c.read(at.x, last);
  const columns = c.produce(at.codes, 0);
  if ((c.node.inputs[at.bias] ?? "") !== "") c.unify(columns, c.labelsOf(at.bias, 0));
  const rows = c.blocksOf(at.x).filter(({ axes }) => !axes.includes(last));
  c.setOutput(0, [...rows, ...blockFor(last, columns)]);
}

function sliceProduct(call: SliceCall): Node {
  const rank = call.inputs[at.x]?.shape?.length;
  if (rank === undefined) return call.node; // everything it reads has stayed
  const last = rank - 1;
  const rows = call.keptOfOutput(0, last);
  const blocks = call.keptOfInput(at.codes, 1);
  if (rows === undefined && blocks === undefined) return call.node;
  const { inner, outer, blockSize, bits } = sizesOf(call.node);
  const count = Math.ceil(inner / blockSize);
  call.replaceInput(at.scales, cutEntries(call.constant(at.scales)!, outer, count, rows, blocks));
  if ((call.node.inputs[at.zeros] ?? "") !== "") {
    const zeros = call.constant(at.zeros)!;
    const own = zeros.dtype === "uint8" ? bits : undefined;
    call.replaceInput(at.zeros, cutEntries(zeros, outer, count, rows, blocks, own));
  }
  const channels = call.keptOfInput(at.x, last);
  return withAttributes(call.node, {
    N: { kind: "int", value: rows?.length ?? outer },
    K: { kind: "int", value: channels?.length ?? inner },
  });
}

/**
 * Entries of some rows and blocks out of [rows, blocks], whatever shape they are stored in.
 * @param bits Of an entry, where several may lie in a byte, the first in its lowest bits; rows begin with a byte.
 */
function cutEntries(
  stored: Tensor,
  rows: number,
  blocks: number,
  keptRows: Int32Array | undefined,
  keptBlocks: Int32Array | undefined,
  bits?: number,
): Tensor {
  let entries = bits === undefined ? toNumbers(stored) : unpacked(toNumbers(stored), rows, blocks, bits);
  let shape: readonly number[] = [rows, blocks];
  [keptRows, keptBlocks].forEach((kept, axis) => {
    if (kept === undefined) return;
    const cut = takeAlong(fromNumbers("float64", shape, entries), axis, kept);
    entries = toNumbers(cut);
    shape = cut.shape;
  });
  const numbers = bits === undefined ? entries : packed(entries, shape[0]!, shape[1]!, bits);
  const width = numbers.length / shape[0]!;
  return fromNumbers(
    stored.dtype,
    stored.shape.length === 1 ? [numbers.length] : [shape[0]!, width],
    numbers,
  );
}

function unpacked(bytes: Float64Array, rows: number, count: number, bits: number): Float64Array {
  const [perByte, width] = [8 / bits, bytes.length / rows];
  return Float64Array.from({ length: rows * count }, (_, k) => {
    const [row, entry] = [Math.floor(k / count), k % count];
    const byte = bytes[row * width + Math.floor(entry / perByte)]!;
    return (byte >> (bits * (entry % perByte))) & (2 ** bits - 1);
  });
}

function packed(entries: Float64Array, rows: number, count: number, bits: number): Float64Array {
  const perByte = 8 / bits;
  const width = Math.ceil(count / perByte);
  const bytes = new Float64Array(rows * width);
  entries.forEach((entry, k) => {
    const [row, own] = [Math.floor(k / count), k % count];
    bytes[row * width + Math.floor(own / perByte)]! += entry * 2 ** (bits * (own % perByte));
  });
  return bytes;
}

function productMacs(
  call: InferCall & { readonly outputs: readonly (Fact | undefined)[] },
): readonly CostTerm[] {
  const shape = call.outputs[0]?.shape;
  if (shape === undefined) return [];
  const axes = shape.map((_, axis) => ({ value: call.node.outputs[0]!, axis }));
  return [{ coefficient: 1, axes: [...axes, { value: call.node.inputs[at.x]!, axis: shape.length - 1 }] }];
}

const matMulNBits: Operator = {
  infer: inferProduct,
  macs: productMacs,
  couple: coupleProduct,
  slice: sliceProduct,
  auxiliaryInputs: [at.scales, at.zeros, at.order],
  integerWeights: [at.codes],
};

/** Codes of 4 and of 2 bits lie several in a byte along the last axis; those of 8 bits, and int4, one by one. */
function perByte(call: Pick<InferCall, "node" | "inputs">): number {
  return call.inputs[0]?.dtype === "uint8" ? 8 / intAttribute(call.node, "bits", 4) : 1;
}

function inferGather(call: InferCall): readonly Fact[] {
  const [codes, places] = [shapeOf(call, 0), shapeOf(call, 1)];
  const { dtype } = call.inputs[2] ?? {};
  const last = codes?.at(-1);
  if (codes === undefined || places === undefined || typeof last !== "number") return [{ dtype }];
  const data = [...codes.slice(0, -1), last * perByte(call)];
  const axis = fromFront(intAttribute(call.node, "gather_axis", 0), data.length);
  return [{ dtype, shape: [...data.slice(0, axis), ...places, ...data.slice(axis + 1)] }];
}

/** A table of [rows, width] in blocks along its width, looked up by rows. */
function coupleGather(c: Couplings): void {
  const { node, inputs } = c;
  const shape = inputs[0]?.shape;
  const size = shape?.[1];
  const blockSize = intAttribute(node, "block_size", 128);
  const isTable =
    shape?.length === 2 &&
    typeof size === "number" &&
    intAttribute(node, "gather_axis", 0) === 0 &&
    fromFront(intAttribute(node, "quantize_axis", 1), 2) === 1 &&
    [0, 2].every((input) => c.isStored(input));
  const places = inputs[1]?.shape;
  if (!isTable || places === undefined) {
    for (let input = 0; input < node.inputs.length; input++)
      c.lockInput(input, "it is looked up in codes that share their scales in another way");
    return;
  }
  for (const input of [0, 2, 3]) c.lock(c.labelsOf(input, 0), "it is gathered by computed positions");
  const each = perByte(c);
  const blocks = c.labelsOf(2, 1)!;
  c.unify(inRuns(blocks, blockSize / each, size), c.produce(0, 1));
  const zeros = (node.inputs[3] ?? "") === "" ? undefined : c.labelsOf(3, 1);
  if (zeros !== undefined)
    c.unify(blocks, inRuns(zeros, inputs[3]?.dtype === "uint8" ? each : 1, blocks.length));
  const rows = c.blocksOf(1).filter(({ axes }) => axes.length === 1);
  c.setOutput(0, [...rows, ...blockFor(places.length, inRuns(blocks, blockSize, size * each))]);
}

const gather: Operator = {
  infer: inferGather,
  couple: coupleGather,
  auxiliaryInputs: [2, 3],
  integerWeights: [0],
};

/** Of onnxruntime's own operator set. */
export const packedWeights: Readonly<Record<string, Operator>> = {
  MatMulNBits: matMulNBits,
  GatherBlockQuantized: gather,
};
