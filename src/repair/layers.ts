/** @file The layers whose weights can be refitted: what they read, and where each weight is stored. */
import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from "../graph/attributes.ts";
import { factorsOf } from "../graph/dims.ts";
import type { Dim, Node, StoredTensor } from "../graph/model.ts";
import type { Facts } from "../ops/infer.ts";
import { halves } from "../ops/kernel-support/windows.ts";
import { sizeOf } from "../tensor/tensor.ts";

/** Symbol of the batch axis while shapes are inferred. */
export const batchSymbol = "calibration_examples";

export type LayerKind = "Conv" | "ConvTranspose" | "Gemm" | "MatMul";

/**
 * A layer as a sum over taps and input channels: at output position p, output o of group g is
 * bias[g, o] + Σ weight[g, o, t, i] · x[source[p, t], g, i] over taps t and inputs i.
 */
export interface Layer {
  readonly node: Node;
  readonly kind: LayerKind;
  readonly groups: number;
  /** Positions of the kernel; 1 for matrices. */
  readonly taps: number;
  /** Input and output channels of one group. */
  readonly inputs: number;
  readonly outputs: number;
  readonly weight: StoredTensor;
  /** Place of a weight among the stored elements. */
  readonly at: (group: number, output: number, tap: number, input: number) => number;
  /** What the stored weights are multiplied with (alpha of a Gemm). */
  readonly scale: number;
  /** Axis of the channels in input and output. */
  readonly channelAxis: number;
  readonly positions: Positions;
}

/** Which positions of the input each position of the output reads. Positions are counted in row-major order. */
export interface Positions {
  /** Images one example is split into; 1 unless the network reshapes examples into more. */
  readonly images: number;
  /** Per image. */
  readonly inputs: number;
  readonly outputs: number;
  /** Shape [outputs, taps]; -1 reads a zero of the padding. Absent when each output position reads its own. */
  readonly source?: Int32Array;
}

/** A layer, or why it is none that can be refitted. */
export type Found =
  | { readonly kind: "layer"; readonly layer: Layer }
  | { readonly kind: "skipped"; readonly reason: string };

const skipped = (reason: string): Found => ({ kind: "skipped", reason });

/** Operators with weights that lie on input channels. */
export function isConsumer(node: Node): boolean {
  return node.domain === "" && ["Conv", "ConvTranspose", "Gemm", "MatMul"].includes(node.opType);
}

/** Describes a consumer. `constant` gives stored weights by name. */
export function layerOf(
  node: Node,
  facts: Facts,
  constant: (name: string) => StoredTensor | undefined,
): Found {
  const weight = constant(node.inputs[1] ?? "");
  if (weight === undefined) return skipped("its weights are computed");
  if (!["float32", "float64", "float16", "bfloat16"].includes(weight.dtype))
    return skipped(`its weights are of type ${weight.dtype}`);
  const x = facts.get(node.inputs[0]!)?.shape;
  const y = facts.get(node.outputs[0]!)?.shape;
  if (x === undefined || y === undefined || x.length < 2)
    return skipped("the shape of its input is not known");
  if (node.opType === "Conv" || node.opType === "ConvTranspose")
    return convolution(node, node.opType, weight, x, y);
  return matrix(node, node.opType as "Gemm" | "MatMul", weight, x);
}

/** How many rows of the first axis belong to one example; undefined when they do not. */
function imagesOf(first: Dim): number | undefined {
  if (first === undefined) return undefined;
  const { factor, atoms } = factorsOf(first);
  return atoms.length === 1 && atoms[0] === batchSymbol ? factor : undefined;
}

const mixesExamples = "its first axis is not one of examples";
const openSizes = "its input leaves sizes open";

function matrix(node: Node, kind: "Gemm" | "MatMul", weight: StoredTensor, x: readonly Dim[]): Found {
  if (weight.shape.length !== 2) return skipped("its weights are no matrix");
  if (intAttribute(node, "transA", 0) === 1) return skipped("it reads its input transposed");
  const images = imagesOf(x[0]);
  if (images === undefined) return skipped(mixesExamples);
  const between = x.slice(1, -1);
  if (between.some((dim) => typeof dim !== "number")) return skipped(openSizes);
  const isTransposed = intAttribute(node, "transB", 0) === 1;
  const [rows, columns] = weight.shape as [number, number];
  const size = sizeOf(between as number[]);
  const layer: Layer = {
    node,
    kind,
    groups: 1,
    taps: 1,
    inputs: isTransposed ? columns : rows,
    outputs: isTransposed ? rows : columns,
    weight,
    at: (_group, output, _tap, input) => (isTransposed ? output * columns + input : input * columns + output),
    scale: floatAttribute(node, "alpha", 1),
    channelAxis: x.length - 1,
    positions: { images, inputs: size, outputs: size },
  };
  return layer.scale === 0 ? skipped("it multiplies its weights by zero") : { kind: "layer", layer };
}

function convolution(
  node: Node,
  kind: "Conv" | "ConvTranspose",
  weight: StoredTensor,
  x: readonly Dim[],
  y: readonly Dim[],
): Found {
  const images = imagesOf(x[0]);
  if (images === undefined) return skipped(mixesExamples);
  const from = x.slice(2);
  const to = y.slice(2);
  if ([...from, ...to].some((dim) => typeof dim !== "number")) return skipped(openSizes);
  const groups = intAttribute(node, "group", 1);
  const kernel = weight.shape.slice(2);
  const taps = sizeOf(kernel);
  const [first, second] = weight.shape as [number, number];
  const inputs = kind === "Conv" ? second : first / groups;
  const outputs = kind === "Conv" ? first / groups : second;
  const sizes = { kernel, from: from as number[], to: to as number[] };
  return {
    kind: "layer",
    layer: {
      node,
      kind,
      groups,
      taps,
      inputs,
      outputs,
      weight,
      at:
        kind === "Conv"
          ? (group, output, tap, input) => ((group * outputs + output) * inputs + input) * taps + tap
          : (group, output, tap, input) => ((group * inputs + input) * outputs + output) * taps + tap,
      scale: 1,
      channelAxis: 1,
      positions: {
        images,
        inputs: sizeOf(sizes.from),
        outputs: sizeOf(sizes.to),
        source: sourcesOf(node, kind, sizes),
      },
    },
  };
}

interface Sizes {
  readonly kernel: readonly number[];
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** Position of the input behind each output position and tap, [outputs, taps]. */
function sourcesOf(node: Node, kind: "Conv" | "ConvTranspose", sizes: Sizes): Int32Array {
  const { kernel, from, to } = sizes;
  const strides = intsAttribute(node, "strides") ?? kernel.map(() => 1);
  const dilations = intsAttribute(node, "dilations") ?? kernel.map(() => 1);
  const begins = padsBefore(node, kind, sizes, strides, dilations);
  const taps = sizeOf(kernel);
  const source = new Int32Array(sizeOf(to) * taps);
  for (let k = 0; k < source.length; k++) {
    let tap = k % taps;
    let position = Math.floor(k / taps);
    let flat = 0;
    let step = 1;
    for (let axis = kernel.length - 1; axis >= 0 && flat >= 0; axis--) {
      const offset = (tap % kernel[axis]!) * dilations[axis]!;
      const out = position % to[axis]!;
      tap = Math.floor(tap / kernel[axis]!);
      position = Math.floor(position / to[axis]!);
      const at =
        kind === "Conv"
          ? out * strides[axis]! + offset - begins[axis]!
          : (out + begins[axis]! - offset) / strides[axis]!;
      const isInside = Number.isInteger(at) && at >= 0 && at < from[axis]!;
      flat = isInside ? flat + at * step : -1;
      step *= from[axis]!;
    }
    source[k] = flat;
  }
  return source;
}

/** Padding at the beginning of each axis; `auto_pad` and `output_shape` are worked out from the sizes. */
function padsBefore(
  node: Node,
  kind: "Conv" | "ConvTranspose",
  { kernel, from, to }: Sizes,
  strides: readonly number[],
  dilations: readonly number[],
): number[] {
  const autoPad = stringAttribute(node, "auto_pad", "NOTSET");
  const hasOutputShape = kind === "ConvTranspose" && node.attributes.has("output_shape");
  if (autoPad === "VALID" && !hasOutputShape) return kernel.map(() => 0);
  if (autoPad === "NOTSET" && !hasOutputShape)
    return kernel.map((_, axis) => (intsAttribute(node, "pads") ?? [])[axis] ?? 0);
  const extra = intsAttribute(node, "output_padding") ?? kernel.map(() => 0);
  return kernel.map((size, axis) => {
    const extent = dilations[axis]! * (size - 1) + 1;
    const total =
      kind === "Conv"
        ? strides[axis]! * (to[axis]! - 1) + extent - from[axis]!
        : strides[axis]! * (from[axis]! - 1) + extra[axis]! + extent - to[axis]!;
    return halves(Math.max(0, total), autoPad === "SAME_UPPER")[0];
  });
}
