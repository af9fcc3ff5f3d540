/**
 * @file The layers reference networks are made of. Each adds one node, named after its parameters, and returns the value
 * the node makes; a value knows its sizes, so that layers can be chained without counting.
 * @example
 * const net = newDraft("tiny", [3, 32, 32], initialization, 0);
 * const hidden = relu(net, "relu1", conv(net, "conv1", net.input, { channels: 16, kernel: 3, padding: 1 }));
 * const model = finished(net, dense(net, "fc", flatten(net, "flatten", hidden), 10));
 */
import { PrunerError } from "../base/problem.ts";
import {
  type Attribute,
  type Model,
  type Node,
  type StoredTensor,
  stored,
  type ValueInfo,
} from "../graph/model.ts";
import { int64, sizeOf } from "../tensor/tensor.ts";
import { type Filler, fansOf, freshParameter, type LayerInitialization } from "./initialize.ts";

/** What a node makes: [channels, height, width] or [features] of one example. */
export interface Value {
  readonly name: string;
  readonly shape: readonly number[];
}

/** How the layers of a network start. */
export interface Initialization {
  readonly conv: LayerInitialization;
  readonly dense: LayerInitialization;
}

/** A network under construction. */
export interface Draft {
  readonly name: string;
  readonly input: Value;
  readonly initialization: Initialization;
  readonly seed: number;
  readonly nodes: Node[];
  readonly initializers: Map<string, StoredTensor>;
}

/**
 * Version of the standard operator set: the oldest that graphs are differentiated in (from 18 on the axes of all
 * reductions are inputs), so that training a network starts without a conversion, and old runtimes still read it.
 */
const opset = 18;

/** @param shape Sizes of one example: [channels, height, width]. */
export function newDraft(
  name: string,
  shape: readonly number[],
  initialization: Initialization,
  seed: number,
): Draft {
  const input = { name: "input", shape };
  return { name, input, initialization, seed, nodes: [], initializers: new Map() };
}

/** The model of a draft: input "input" [N, ...], output "logits" [N, classes]. */
export function finished({ name, input, nodes, initializers }: Draft, logits: Value): Model {
  const declared = (value: string, shape: readonly number[]): ValueInfo => ({
    name: value,
    dtype: "float32",
    shape: ["N", ...shape],
  });
  const renamed = (value: string): string => (value === logits.name ? "logits" : value);
  const graph = {
    name,
    nodes: nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(renamed),
      outputs: node.outputs.map(renamed),
    })),
    inputs: [declared(input.name, input.shape)],
    outputs: [declared("logits", logits.shape)],
    initializers,
    valueInfo: new Map(),
  };
  return { graph, opsets: new Map([["", opset]]), metadata: new Map() };
}

export interface ConvOptions {
  readonly channels: number;
  /** Height and width of the kernel. */
  readonly kernel: number;
  /** Default 1. */
  readonly stride?: number;
  /** Zeros around the image; default 0. */
  readonly padding?: number;
  /** Default false: batch normalisation, which mostly follows, has a shift of its own. */
  readonly bias?: boolean;
}

/** A square two-dimensional convolution. */
export function conv(net: Draft, name: string, x: Value, options: ConvOptions): Value {
  const { channels, kernel, stride = 1, padding = 0, bias = false } = options;
  const inputs = weights(net, name, [channels, x.shape[0]!, kernel, kernel], net.initialization.conv, bias);
  const shape = [channels, ...windows(net, name, x, { kernel, stride, padding })];
  const attributes = { dilations: ints([1, 1]), group: int(1), ...windowAttributes(kernel, stride, padding) };
  return node(net, "Conv", name, [x.name, ...inputs], shape, attributes);
}

/** A fully connected layer with a bias; the weight has shape [features, inputs]. */
export function dense(net: Draft, name: string, x: Value, features: number): Value {
  const inputs = weights(net, name, [features, x.shape[0]!], net.initialization.dense, true);
  return node(net, "Gemm", name, [x.name, ...inputs], [features], { transB: int(1) });
}

/** Batch normalisation that scales by 1, shifts by 0 and has seen mean 0 and variance 1. */
export function batchNorm(net: Draft, name: string, x: Value): Value {
  const own = (part: string, value: number): string =>
    parameter(net, `${name}.${part}`, [x.shape[0]!], { kind: "constant", value });
  const inputs = [own("weight", 1), own("bias", 0), own("running_mean", 0), own("running_var", 1)];
  const attributes = { epsilon: float(1e-5), momentum: float(0.9) };
  return node(net, "BatchNormalization", name, [x.name, ...inputs], x.shape, attributes);
}

export function relu(net: Draft, name: string, x: Value): Value {
  return node(net, "Relu", name, [x.name], x.shape);
}

export interface PoolOptions {
  readonly kernel: number;
  readonly stride: number;
  /** Default 0. */
  readonly padding?: number;
}

export function maxPool(net: Draft, name: string, x: Value, options: PoolOptions): Value {
  const { kernel, stride, padding = 0 } = options;
  const shape = [x.shape[0]!, ...windows(net, name, x, { kernel, stride, padding })];
  return node(net, "MaxPool", name, [x.name], shape, windowAttributes(kernel, stride, padding));
}

/** The mean over height and width, both of which stay as sizes of 1. */
export function globalAveragePool(net: Draft, name: string, x: Value): Value {
  return node(net, "GlobalAveragePool", name, [x.name], [x.shape[0]!, 1, 1]);
}

export function flatten(net: Draft, name: string, x: Value): Value {
  return node(net, "Flatten", name, [x.name], [sizeOf(x.shape)], { axis: int(1) });
}

/** The sum of two values of one shape. */
export function add(net: Draft, name: string, a: Value, b: Value): Value {
  return node(net, "Add", name, [a.name, b.name], a.shape);
}

/** Every `step`-th row and column, beginning with the first. */
export function subsample(net: Draft, name: string, x: Value, step: number): Value {
  const [channels, height, width] = x.shape as readonly [number, number, number];
  const bounds = { starts: [0, 0], ends: [height, width], axes: [2, 3], steps: [step, step] };
  const inputs = Object.entries(bounds).map(([part, values]) => integers(net, `${name}.${part}`, values));
  const shape = [channels, Math.ceil(height / step), Math.ceil(width / step)];
  return node(net, "Slice", name, [x.name, ...inputs], shape);
}

/** Channels of zeros in front of and behind those of a value. */
export function padChannels(net: Draft, name: string, x: Value, before: number, after: number): Value {
  const [channels, height, width] = x.shape as readonly [number, number, number];
  const pads = integers(net, `${name}.pads`, [0, before, 0, 0, 0, after, 0, 0]);
  return node(net, "Pad", name, [x.name, pads], [channels + before + after, height, width]);
}

function node(
  net: Draft,
  opType: string,
  name: string,
  inputs: readonly string[],
  shape: readonly number[],
  attributes: Readonly<Record<string, Attribute>> = {},
): Value {
  const attributeMap = new Map(Object.entries(attributes));
  net.nodes.push({ name, opType, domain: "", inputs, outputs: [name], attributes: attributeMap });
  return { name, shape };
}

/** The weight of a layer and, where wished, a bias per output. */
function weights(
  net: Draft,
  name: string,
  shape: readonly number[],
  { weight, bias }: LayerInitialization,
  withBias: boolean,
): string[] {
  const fans = fansOf(shape);
  const names = [parameter(net, `${name}.weight`, shape, weight(fans))];
  if (withBias) names.push(parameter(net, `${name}.bias`, shape.slice(0, 1), bias(fans)));
  return names;
}

/** The position among the initializers decides what is drawn. */
function parameter(net: Draft, name: string, shape: readonly number[], filler: Filler): string {
  net.initializers.set(name, freshParameter(shape, filler, net.seed, net.initializers.size));
  return name;
}

function integers(net: Draft, name: string, values: readonly number[]): string {
  net.initializers.set(name, stored(int64([values.length], values)));
  return name;
}

interface Window {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

/** @returns Positions of the window along height and width. */
function windows({ input }: Draft, layer: string, x: Value, { kernel, stride, padding }: Window): number[] {
  const counts = x.shape.slice(1).map((size) => Math.floor((size + 2 * padding - kernel) / stride) + 1);
  if (counts.some((count) => count < 1))
    throw new PrunerError("invalid-option", {
      option: "input-size",
      got: input.shape.slice(1).join(" x "),
      expected: `larger images: only ${x.shape.slice(1).join(" x ")} pixels reach layer "${layer}"`,
    });
  return counts;
}

function windowAttributes(kernel: number, stride: number, padding: number): Record<string, Attribute> {
  return {
    kernel_shape: ints([kernel, kernel]),
    pads: ints([padding, padding, padding, padding]),
    strides: ints([stride, stride]),
  };
}

function int(value: number): Attribute {
  return { kind: "int", value };
}

function ints(value: readonly number[]): Attribute {
  return { kind: "ints", value };
}

function float(value: number): Attribute {
  return { kind: "float", value };
}
