/** @file Resize, Upsample and the trades between depth and space: channels pass or trade places, positions mix. */
import { intAttribute, intsAttribute, stringAttribute } from "../../graph/attributes.ts";
import { divideDims, multiplyDims } from "../../graph/dims.ts";
import type { Dim, Node } from "../../graph/model.ts";
import { float32, int64 } from "../../tensor/tensor.ts";
import type { Couplings, Fact, InferCall, Operator, SliceCall } from "../operator.ts";
import { blockFor, fromFront, likeFirst, numbersOf, shapeOf, untangledBlocks } from "../shapes.ts";
import { col2Im } from "./patches.ts";
import { sampled } from "./regions.ts";

type Call = Pick<InferCall, "node" | "opset" | "inputs">;

/** What a Resize asks for on each axis: a size, a scale, or neither where it leaves the axis alone. */
export interface Wish {
  readonly size?: Dim;
  readonly scale?: number;
}

/** Positions of the inputs: [x, scales] before operator set 11 and for Upsample, [x, roi, scales, sizes] since. */
function inputsOf({ node, opset }: Call): { readonly scales: number; readonly sizes: number | undefined } {
  const modern = node.opType === "Resize" && opset >= 11;
  return { scales: modern ? 2 : 1, sizes: modern ? 3 : undefined };
}

/** Wishes for every axis; undefined when they are not known or depend on an aspect ratio. */
export function wishesOf(call: Call, rank: number): Wish[] | undefined {
  const { scales, sizes } = inputsOf(call);
  if (stringAttribute(call.node, "keep_aspect_ratio_policy", "stretch") !== "stretch") return undefined;
  const attribute = call.node.attributes.get("scales"); // Upsample at operator set 7
  const asked: readonly Wish[] | undefined =
    sizes !== undefined && (call.node.inputs[sizes] ?? "") !== ""
      ? (call.inputs[sizes]?.elements ?? numbersOf(call.inputs[sizes]))?.map((size) => ({ size }))
      : (attribute?.kind === "floats" ? attribute.value : numbersOf(call.inputs[scales]))?.map((scale) => ({
          scale,
        }));
  const axes = intsAttribute(call.node, "axes")?.map((axis) => fromFront(axis, rank));
  if (asked === undefined || asked.length !== (axes?.length ?? rank)) return undefined;
  if (axes === undefined) return [...asked];
  return Array.from({ length: rank }, (_, axis) => asked[axes.indexOf(axis)] ?? {});
}

function resizedDim(before: Dim, { size, scale }: Wish): Dim {
  if (scale === undefined) return size === undefined ? before : size;
  if (scale === 1) return before;
  return typeof before === "number" ? Math.floor(before * scale) : undefined;
}

function inferResize(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const wishes = x === undefined ? undefined : wishesOf(call, x.length);
  if (x === undefined || wishes === undefined)
    return [
      likeFirst(
        call,
        x?.map(() => undefined),
      ),
    ];
  return [
    likeFirst(
      call,
      x.map((size, axis) => resizedDim(size, wishes[axis]!)),
    ),
  ];
}

function coupleResize(c: Couplings): void {
  const before = c.inputs[0]?.shape;
  const after = c.outputs[0]?.shape;
  const wishes = before === undefined ? undefined : wishesOf(c, before.length);
  if (before === undefined || after === undefined || wishes === undefined) {
    c.lockInput(0, "the size it is resized to is not known");
    return;
  }
  const moved = new Set(before.flatMap((size, axis) => (size === after[axis] ? [] : [axis])));
  const { sizes } = inputsOf(c);
  const written = wishes.some(({ size }) => size !== undefined);
  if (written && asScales(before, after) !== undefined) c.rewrites(sizes!);
  else if (
    written &&
    wishes.every(({ size, scale }, axis) => scale !== undefined || (size ?? before[axis]) !== undefined)
  )
    c.rewrites(sizes!, "numbers");
  else for (const [axis, { size }] of wishes.entries()) if (size !== undefined) moved.add(axis);
  const blocks = untangledBlocks(c, 0, moved).filter(({ axes }) => !axes.some((axis) => moved.has(axis)));
  for (const axis of moved) c.lock(c.labelsOf(0, axis), `${c.node.opType} mixes over it`);
  c.setOutput(0, blocks);
}

/** Scales that give the same sizes, undefined when rounding or a symbol stands in the way. */
function asScales(before: readonly Dim[], after: readonly Dim[]): number[] | undefined {
  const scales = before.map((size, axis) => {
    const wanted = after[axis];
    if (size === wanted && size !== undefined) return 1;
    if (typeof size !== "number" || typeof wanted !== "number") return undefined;
    const scale = Math.fround(wanted / size);
    return Math.floor(Math.fround(size * scale)) === wanted ? scale : undefined;
  });
  return scales.includes(undefined) ? undefined : (scales as number[]);
}

/** Sizes would name the channel count; scales of 1 leave it to the input, or the numbers among the sizes are written anew. */
function sliceResize(call: SliceCall): Node {
  const { sizes, scales } = inputsOf(call);
  const before = call.inputs[0]!.shape;
  const after = call.outputs[0]!.shape;
  if (
    sizes === undefined ||
    (call.node.inputs[sizes] ?? "") === "" ||
    before === undefined ||
    after === undefined
  )
    return call.node;
  const touched = before.some((_, axis) => call.keptOfInput(0, axis) !== undefined);
  const computed = call.inputs[sizes]?.constant === undefined;
  const factors = asScales(before, after);
  if (!(touched || computed)) return call.node;
  if (factors === undefined) return writeSizes(call, sizes);
  call.replaceInput(scales, float32([factors.length], factors));
  call.omitInput(sizes);
  const attributes = new Map(call.node.attributes);
  attributes.delete("axes");
  return { ...call.node, attributes };
}

/** Open sizes are taken from what was there before, all others are numbers. */
function writeSizes(call: SliceCall, sizes: number): Node {
  const after = call.shapeOfOutput(0)!;
  const named = intsAttribute(call.node, "axes")?.map((axis) => fromFront(axis, after.length));
  const list = (value: number) => call.store(int64([1], [value]));
  const parts = (named ?? [...after.keys()]).map((axis, k) => {
    const size = after[axis];
    return typeof size === "number"
      ? list(size)
      : call.emit("Gather", [call.node.inputs[sizes]!, list(k)], { axis: 0 });
  });
  call.redirectInput(sizes, call.emit("Concat", parts, { axis: 0 }));
  return call.node;
}

const resize: Operator = {
  infer: inferResize,
  couple: coupleResize,
  slice: sliceResize,
  auxiliaryInputs: [1, 2],
};

function tradedShape(call: InferCall, toSpace: boolean): readonly Fact[] {
  const x = shapeOf(call, 0);
  if (x === undefined) return [likeFirst(call, undefined)];
  const block = intAttribute(call.node, "blocksize", 1);
  const [grow, shrink] = toSpace ? [multiplyDims, divideDims] : [divideDims, multiplyDims];
  return [likeFirst(call, [x[0], shrink(x[1], block * block), grow(x[2], block), grow(x[3], block)])];
}

/** The channels that become one channel's patches of space are one channel. */
function coupleDepthToSpace(c: Couplings): void {
  const labels = c.inputs[0]?.shape === undefined ? undefined : c.labelsOf(0, 1);
  const patches = intAttribute(c.node, "blocksize", 1) ** 2;
  if (labels === undefined) return;
  const channels = labels.length / patches;
  const columnsFirst = stringAttribute(c.node, "mode", "DCR") === "CRD";
  const part = (patch: number) =>
    Int32Array.from(
      { length: channels },
      (_, k) => labels[columnsFirst ? k * patches + patch : patch * channels + k]!,
    );
  for (let patch = 1; patch < patches; patch++) c.unify(part(0), part(patch));
  c.setOutput(0, blockFor(1, part(0)));
}

/** Every channel comes back once for each position of the patch. */
function coupleSpaceToDepth(c: Couplings): void {
  const labels = c.inputs[0]?.shape === undefined ? undefined : c.labelsOf(0, 1);
  const patches = intAttribute(c.node, "blocksize", 1) ** 2;
  if (labels === undefined) return;
  c.setOutput(
    0,
    blockFor(
      1,
      Int32Array.from({ length: labels.length * patches }, (_, k) => labels[k % labels.length]!),
    ),
  );
}

export const resampling: Readonly<Record<string, Operator>> = {
  Resize: resize,
  Upsample: resize,
  DepthToSpace: { infer: (call) => tradedShape(call, true), couple: coupleDepthToSpace },
  SpaceToDepth: { infer: (call) => tradedShape(call, false), couple: coupleSpaceToDepth },
  ...sampled,
  Col2Im: col2Im,
};

/** Of onnxruntime's own operator set: what stood there before it was standard. */
export const contribResampling: Readonly<Record<string, Operator>> = { GridSample: sampled["GridSample"]! };
