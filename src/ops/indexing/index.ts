/** @file Slice, Gather, Pad, Expand, Tile and their kin: operators that choose, add or repeat positions along axes. */
import type { Operator } from "../operator.ts";
import { centerCropPad, cumSum, fourier, reverseSequence, topK, trilu } from "./along-axis.ts";
import { computedPlaces } from "./computed-places.ts";
import { gatherElements, scatterElements } from "./elements.ts";
import { expand } from "./expand.ts";
import { gather } from "./gather.ts";
import { pad } from "./pad.ts";
import { slice } from "./slice.ts";
import { tensorScatter } from "./tensor-scatter.ts";
import { tile } from "./tile.ts";

export const indexing: Readonly<Record<string, Operator>> = {
  Slice: slice,
  Gather: gather,
  Pad: pad,
  Expand: expand,
  Tile: tile,
  GatherElements: gatherElements,
  ScatterElements: scatterElements,
  Scatter: scatterElements,
  TensorScatter: tensorScatter,
  CumSum: cumSum,
  DFT: fourier,
  CenterCropPad: centerCropPad,
  ReverseSequence: reverseSequence,
  TopK: topK,
  Trilu: trilu,
  ...computedPlaces,
};

/** Of onnxruntime's own operator set: what stood there before it was standard. */
export const contribIndexing: Readonly<Record<string, Operator>> = { Trilu: trilu };
