/** @file What there is to repair, in graph order. */
import type { KeptPositions } from "../channels/kept.ts";
import type { Read } from "../channels/labelling.ts";
import type { Graph, Node } from "../graph/model.ts";
import { namesReadBy } from "../graph/traversal.ts";
import type { Facts } from "../ops/infer.ts";
import type { Draft } from "./draft.ts";
import { isConsumer, type Layer, layerOf } from "./layers.ts";
import type { TargetRows } from "./probe.ts";
import { hasStatistics } from "./statistics.ts";
import { targetOf } from "./targets.ts";

/** A layer to be refitted. */
export interface LayerStep {
  readonly kind: "layer";
  readonly layer: Layer;
  readonly target: TargetRows;
  /** Number of the layer among those to be refitted. */
  readonly ordinal: number;
}

export type Step =
  | { readonly kind: "statistics"; readonly node: Node }
  | LayerStep
  | { readonly kind: "skipped"; readonly node: Node; readonly reason: string };

/** Whatever is wanted of a pruned network: see `repair`. */
export interface Wishes {
  /**
   * Which normalisations get new statistics: those that directly follow a refitted layer need none, since the refit
   * holds their input to the original network's.
   */
  readonly statistics: "all" | "unless-refitted" | "none";
  readonly layers: boolean;
}

interface Scene {
  /** Of the pruned network. */
  readonly graph: Graph;
  readonly facts: Facts;
  readonly originalFacts: Facts;
  readonly kept: KeptPositions;
  /** Where channels of the original network are read. */
  readonly reads: readonly Read[];
  readonly draft: Draft;
}

/** Everything in the graph that can be repaired, and the layers among it that have to be left alone. */
export function stepsOf(scene: Scene, { statistics, layers }: Wishes): Step[] {
  const steps: Step[] = [];
  let ordinal = 0;
  const changed = changedValues(scene);
  for (const node of scene.graph.nodes) {
    const isBehind = node.inputs.some((name) => changed.has(name));
    const isWanted = statistics === "all" || (statistics === "unless-refitted" && !followsLayer(node, steps));
    if (isBehind && isWanted && hasStatistics(node)) steps.push(statisticsStep(scene, node));
    if (!layers || !isReader(scene, node) || !changed.has(node.outputs[0]!)) continue;
    const step = layerStep(scene, node, ordinal);
    if (step.kind === "layer") ordinal++;
    steps.push(step);
  }
  return steps;
}

function followsLayer({ inputs }: Node, steps: readonly Step[]): boolean {
  return steps.some((step) => step.kind === "layer" && step.layer.node.outputs[0] === inputs[0]);
}

/**
 * Values that are not simply what is left of the original network's: everything computed from a place where channels are
 * missed.
 */
function changedValues({ graph, kept, reads }: Scene): Set<string> {
  const lacking = new Set<string>();
  for (const { node, value, axis } of reads)
    if (kept.get(value)?.has(axis) === true) lacking.add(node.outputs[0]!);
  const changed = new Set<string>();
  for (const node of graph.nodes) {
    const isChanged =
      lacking.has(node.outputs[0]!) || [...namesReadBy(node)].some((name) => changed.has(name));
    if (isChanged) for (const name of node.outputs) changed.add(name);
  }
  return changed;
}

/** Operators with weights that are not refitted; products of stored weights are, in the forms `layerOf` knows. */
const otherReaders = new Set(
  "LSTM GRU RNN Einsum DeformConv QLinearConv QLinearMatMul ConvInteger MatMulInteger".split(" "),
);

function isReader({ draft }: Scene, node: Node): boolean {
  if (isConsumer(node)) return true;
  return otherReaders.has(node.opType) && node.inputs.some((name) => draft.constant(name) !== undefined);
}

function statisticsStep({ facts, draft }: Scene, node: Node): Step {
  const isKnown = facts.get(node.inputs[0]!)?.shape !== undefined;
  const isStored = node.inputs.slice(3, 5).every((name) => draft.constant(name) !== undefined);
  if (isKnown && isStored) return { kind: "statistics", node };
  const reason = isKnown ? "its statistics are computed" : "the shape of its input is not known";
  return { kind: "skipped", node, reason };
}

function layerStep(scene: Scene, node: Node, ordinal: number): Step {
  const { graph, facts, originalFacts, kept, draft } = scene;
  if (!isConsumer(node))
    return { kind: "skipped", node, reason: `layers of type ${node.opType} are not refitted` };
  const found = layerOf(node, facts, draft.constant);
  if (found.kind === "skipped") return { kind: "skipped", node, reason: found.reason };
  const { layer } = found;
  if (draft.readers(node.inputs[1]!) > 1)
    return { kind: "skipped", node, reason: "other nodes share its weights" };
  const { value } = targetOf(layer, graph, facts, draft);
  const axis = layer.channelAxis;
  const before = originalFacts.get(value)?.shape?.[axis];
  if (typeof before !== "number")
    return { kind: "skipped", node, reason: "its output is not known in the original network" };
  return {
    kind: "layer",
    layer,
    target: { value, channelAxis: axis, kept: kept.get(value)?.get(axis) },
    ordinal,
  };
}
