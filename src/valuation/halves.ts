/**
 * @file Activations kept in half precision: the part of a network in front of the masks rounds what it puts out, and the
 * parts that read it take halves in. Everything between computes in single precision as before.
 */
import type { Model, ValueInfo } from "../graph/model.ts";
import { castNode } from "./cast-node.ts";

/** What activations are kept in that a network computes in float32. */
export type ActivationType = "float32" | "float16";

/** How models name what is kept of a value. */
export interface KeptName {
  /** Input of the models that read it. */
  readonly name: string;
  /** Where halves are kept: the value of the network, in float32, that they are rounded from. */
  readonly rounded?: string | undefined;
}

/** Where a value is kept in halves: the name that models read and write them by. */
export function halvesOf(value: string): string {
  return `${value}:half`;
}

/** The value of the network that is kept. */
export function originOf({ name, rounded }: KeptName): string {
  return rounded ?? name;
}

/** The same model, with halves as inputs in place of the values that are kept so. */
export function readingHalves(model: Model, kept: readonly KeptName[]): Model {
  const { graph } = model;
  const rounded = roundedIn(kept);
  const read = graph.inputs.filter(({ name }) => rounded.has(name));
  if (read.length === 0) return model;
  const inputs = graph.inputs.map((input) => (rounded.has(input.name) ? halved(input) : input));
  const casts = read.map(({ name }) => castNode(halvesOf(name), name, "float32"));
  return { ...model, graph: { ...graph, inputs, nodes: [...casts, ...graph.nodes] } };
}

/** The same model, with outputs rounded to halves where they are kept so. */
export function writingHalves(model: Model, kept: readonly KeptName[]): Model {
  const { graph } = model;
  const rounded = roundedIn(kept);
  const written = graph.outputs.filter(({ name }) => rounded.has(name));
  if (written.length === 0) return model;
  const outputs = graph.outputs.map((output) => (rounded.has(output.name) ? halved(output) : output));
  const casts = written.map(({ name }) => castNode(name, halvesOf(name), "float16"));
  return { ...model, graph: { ...graph, outputs, nodes: [...graph.nodes, ...casts] } };
}

/**
 * Where numbers have been rounded to infinity that were finite.
 * @param halves Bit patterns. @param numbers What they are rounded from.
 * @returns The first such place; undefined where there is none.
 */
export function overflowAt(halves: Uint16Array, numbers: ArrayLike<number>): number | undefined {
  for (let k = 0; k < halves.length; k++)
    if ((halves[k]! & 0x7fff) === infinity && Number.isFinite(numbers[k])) return k;
  return undefined;
}

const infinity = 0x7c00;

/** Whether there is an infinity, or what is no number, among halves. */
export function holdsInfinities(halves: Uint16Array): boolean {
  const { buffer, byteOffset, length } = halves;
  if (byteOffset % 4 !== 0) return holdsInfinities(halves.slice());
  const pairs = new Int32Array(buffer, byteOffset, length >> 1);
  const last = length % 2 === 0 ? 0 : halves[length - 1]!;
  let carries = exponentCarries(last);
  for (let k = 0; k < pairs.length; k++) carries |= exponentCarries(pairs[k]!);
  return (carries & 0x8000_8000) !== 0;
}

/** Two halves in a word: an exponent of nothing but ones runs over into the place of the sign. */
function exponentCarries(pair: number): number {
  return (pair & 0x7c00_7c00) + 0x0400_0400;
}

function roundedIn(kept: readonly KeptName[]): Set<string> {
  return new Set(kept.flatMap(({ rounded }) => rounded ?? []));
}

function halved(info: ValueInfo): ValueInfo {
  return { ...info, name: halvesOf(info.name), dtype: "float16" };
}
