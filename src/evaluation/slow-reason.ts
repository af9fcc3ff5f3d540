/** @file Why a layer that lost channels does not run faster. */
import { readFileSync } from "node:fs";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { intAttribute } from "../graph/attributes.ts";
import type { Node } from "../graph/model.ts";

/** Channels a layer reads and makes. */
export interface Width {
  readonly into: number;
  readonly out: number;
  /** Blocks of a convolution. */
  readonly groups: number;
}

/** What is known about a layer before and after. */
export interface Compared {
  readonly node: Node;
  readonly macs: { readonly before: number; readonly after: number };
  readonly width: { readonly before: Width | undefined; readonly after: Width | undefined };
  readonly ms: { readonly before: number; readonly after: number };
  /** Of all layers together, after. */
  readonly totalMs: number;
  readonly original: ChannelAnalysis;
  /** As {@link laneOf} says. */
  readonly lane: number;
}

/**
 * Channels that the runtime's convolutions make together on this machine: 16 with AVX-512, 8 with AVX2 and elsewhere.
 * Where the system does not tell, 8: what is no multiple of 8 is none of 16 either.
 */
export function laneOf(cpuinfo = readCpuinfo()): number {
  return /\bavx512f\b/.test(cpuinfo) ? 16 : 8;
}

function readCpuinfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return ""; // not Linux
  }
}

/** Layers shorter than this spend most of their time on being called. */
const briefMs = 0.03;

/** Channels of a layer; undefined where sizes are open. */
export function widthOf({ facts }: ChannelAnalysis, node: Node): Width | undefined {
  const isConvolution = /conv/i.test(node.opType);
  const sizeOf = (name: string | undefined) => {
    const shape = facts.get(name ?? "")?.shape;
    return isConvolution ? shape?.[1] : shape?.at(-1);
  };
  const [into, out] = [sizeOf(node.inputs[0]), sizeOf(node.outputs[0])];
  if (typeof into !== "number" || typeof out !== "number") return undefined;
  return { into, out, groups: isConvolution ? intAttribute(node, "group", 1) : 1 };
}

/** The likeliest cause, the surest first. */
export function slowReason(compared: Compared): string {
  const { macs, ms, totalMs } = compared;
  if (macs.after >= macs.before) return untouchedReason(compared);
  if (ms.after < briefMs) return "too small to matter: being called takes as long as its arithmetic";
  if (ms.after < 0.01 * totalMs) return "too small to matter: less than 1% of the time";
  return shapeReason(compared) ?? "not known: its arithmetic fell, its time did not";
}

function untouchedReason({ node, original }: Compared): string {
  const around = [node.inputs[0], node.outputs[0]];
  const groups = original.groups.filter(({ members }) => members.some(({ value }) => around.includes(value)));
  const lock = groups.find(({ locked }) => locked)?.locks[0];
  if (lock !== undefined) return `nothing went from it: ${lock.reason}`;
  return groups.length === 0
    ? "nothing can go from it: no channels to remove were found on its input or output"
    : "nothing went from it: the plan keeps all its channels";
}

/** What the numbers of channels themselves explain. */
function shapeReason({ width, macs, lane }: Compared): string | undefined {
  const { before, after } = width;
  if (before === undefined || after === undefined) return undefined;
  const leaves = isOdd(after, lane) && !isOdd(before, lane);
  if (after.groups > 1 && after.groups === after.into)
    return leaves
      ? `${after.out} channels are no multiple of ${lane}, so it leaves the runtime's blocked layout`
      : "depthwise: bound by memory, not by arithmetic";
  if (after.groups > 1)
    return leaves
      ? `${after.into / after.groups} to ${after.out / after.groups} channels in a block are no multiples of ${lane}, so it leaves the runtime's blocked layout`
      : undefined;
  const padded = paddedShare(before, after, lane);
  if (padded > macs.after / macs.before + 0.1)
    return `${after.out} channels are computed as ${padUp(after.out, lane)}, a multiple of ${lane}`;
  return leaves
    ? `${after.into} to ${after.out} channels are no multiples of ${lane}, which the runtime's kernels are made for`
    : undefined;
}

function isOdd({ into, out, groups }: Width, lane: number): boolean {
  const isDepthwise = groups > 1 && groups === into;
  const each = isDepthwise ? [out] : [into / groups, out / groups];
  return each.some((count) => count % lane !== 0);
}

function padUp(count: number, lane: number): number {
  return lane * Math.ceil(count / lane);
}

/** Share of the arithmetic that is left when what is made is padded, and what is read to a multiple of 4. */
function paddedShare(before: Width, after: Width, lane: number): number {
  const size = ({ into, out }: Width) => (into < lane ? into : padUp(into, 4)) * padUp(out, lane);
  return size(after) / size(before);
}

/** Kernels without arithmetic of their own. */
export function movingReason(opType: string, isNew: boolean, lane: number): string {
  if (/^Reorder/.test(opType))
    return isNew
      ? `new: changes of layout around convolutions whose channels are no multiples of ${lane}`
      : "changes of layout around convolutions";
  return "bound by memory: it moves or combines numbers and does little arithmetic";
}

/** What to try where reasons speak for rounding numbers of channels; null where none does. */
export function adviceFor(reasons: readonly (string | null)[], lane: number): string | null {
  return reasons.some((reason) => reason?.includes(`of ${lane}`) === true)
    ? `--round-to ${lane} keeps numbers of channels that the runtime's kernels on this machine are made for.`
    : null;
}
