/** @file Time by layer before and after, and why some layers did not get faster. */
import { macsByNode } from "../channels/cost.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { profileModels } from "../engine/ort/profile.ts";
import type { Node } from "../graph/model.ts";
import { quantile } from "../metrics/index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { layersOf, timesByLayer } from "./kernel-layers.ts";
import { adviceFor, laneOf, movingReason, slowReason, type Width, widthOf } from "./slow-reason.ts";

/** How long one layer takes before and after: a node with arithmetic, or all kernels of an operator without any. */
export interface LayerTime {
  /** Name of the node; of the operator for those without arithmetic. */
  readonly layer: string;
  /** Multiply-accumulates of one example; null for operators without arithmetic. */
  readonly macs: { readonly before: number; readonly after: number } | null;
  /** Channels in and out, as "16 to 32"; null where they are not told. */
  readonly channels: { readonly before: string; readonly after: string } | null;
  /** Medians over the runs. */
  readonly ms: { readonly before: number; readonly after: number };
  /** Whether the median fell below the lower quartile of before. */
  readonly faster: boolean;
  /** Why it did not; null where it did. */
  readonly reason: string | null;
}

/** Time by layer of two models that ran in turns, from the runtime's profiler. */
export interface LayerTimes {
  readonly batch: number;
  readonly runs: number;
  /** Sums over all kernels, medians over the runs. */
  readonly ms: { readonly before: number; readonly after: number };
  /** Longest first. */
  readonly layers: readonly LayerTime[];
  /** What to try; null where nothing speaks for it. */
  readonly advice: string | null;
}

export interface LayerTimeSettings {
  readonly batch: number;
  readonly threads: number;
  readonly providers?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Timed runs of each model. Default 30. */
  readonly runs?: number | undefined;
}

/**
 * Profiles a model and what pruning made of it side by side. The profiler itself takes time, most of it from small kernels;
 * whole latencies are measured without it.
 * @param feeds A batch of `settings.batch` examples.
 */
export async function layerTimes(
  before: ChannelAnalysis,
  after: ChannelAnalysis,
  feeds: Readonly<Record<string, Tensor>>,
  { batch, threads, providers, signal, runs = 30 }: LayerTimeSettings,
): Promise<LayerTimes> {
  const options = { threads, ...(providers !== undefined && { providers }) };
  const profiles = await profileModels([before.model, after.model], {
    feeds,
    options,
    warmup: 5,
    runs,
    signal,
  });
  const [one, other] = [before, after].map((analysis, k) => timesByLayer(profiles[k]!, layersOf(analysis)));
  const none = new Float64Array(runs);
  const sums = [one!, other!].map((layers) =>
    medianOf(
      sumOf(
        [...layers.values()].map(({ ms }) => ms),
        runs,
      ),
    ),
  );
  const compare = comparisonOf(before, after, sums[1]!);
  const layers = [...new Set([...one!.keys(), ...other!.keys()])].map((layer) => {
    const [first, second] = [one!.get(layer), other!.get(layer)];
    return compare(layer, first?.node ?? second?.node, first?.ms ?? none, second?.ms ?? none);
  });
  layers.sort((a, b) => b.ms.after - a.ms.after || b.ms.before - a.ms.before);
  return {
    batch,
    runs,
    ms: { before: sums[0]!, after: sums[1]! },
    layers,
    advice: adviceFor(
      layers.map(({ faster, reason }) => (faster ? null : reason)),
      laneOf(),
    ),
  };
}

type Comparison = (
  layer: string,
  node: Node | undefined,
  first: Float64Array,
  second: Float64Array,
) => LayerTime;

function comparisonOf(before: ChannelAnalysis, after: ChannelAnalysis, totalMs: number): Comparison {
  const lane = laneOf();
  const macs = [before, after].map(macsByNode);
  const nodesAfter = new Map(after.model.graph.nodes.map((node) => [node.outputs[0]!, node]));
  return (layer, node, first, second) => {
    const ms = { before: medianOf(first), after: medianOf(second) };
    const faster = ms.after < quantileOf(first, 0.25) || ms.after === 0;
    if (node === undefined) {
      const reason = faster ? null : movingReason(layer, ms.before === 0, lane);
      return { layer, macs: null, channels: null, ms, faster, reason };
    }
    const own = { before: macs[0]!.get(node.outputs[0]!) ?? 0, after: macs[1]!.get(node.outputs[0]!) ?? 0 };
    const later = nodesAfter.get(node.outputs[0]!);
    const width = { before: widthOf(before, node), after: later && widthOf(after, later) };
    const compared = { node, macs: own, width, ms, totalMs, original: before, lane };
    return {
      layer,
      macs: own,
      channels:
        width.before === undefined || width.after === undefined
          ? null
          : { before: widthText(width.before), after: widthText(width.after) },
      ms,
      faster,
      reason: faster ? null : slowReason(compared),
    };
  };
}

function widthText({ into, out, groups }: Width): string {
  return `${into} to ${out}${groups === 1 ? "" : ` in ${groups}`}`;
}

function sumOf(lists: readonly Float64Array[], runs: number): Float64Array {
  return Float64Array.from({ length: runs }, (_, run) => lists.reduce((sum, ms) => sum + ms[run]!, 0));
}

function quantileOf(values: Float64Array, share: number): number {
  return quantile(values.slice().sort(), share);
}

function medianOf(values: Float64Array): number {
  return quantileOf(values, 0.5);
}
