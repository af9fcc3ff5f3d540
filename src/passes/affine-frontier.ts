/**
 * @file Finds how far a network stays affine in some of its inputs: up to there, the effects of single inputs can be
 * computed once and added up.
 */
import type { Graph, Model, Node } from "../graph/model.ts";
import { namesReadBy, subgraphsOf } from "../graph/traversal.ts";
import { sizeOf, toNumbers } from "../tensor/tensor.ts";

/** Operators that move, add up or scale what they read first, however the rest of their inputs is chosen. */
const firstInputOnly: ReadonlySet<string> = new Set([
  "AveragePool",
  "BatchNormalization",
  "Conv",
  "ConvTranspose",
  "Div",
  "Expand",
  "Flatten",
  "Gather",
  "Gemm",
  "GlobalAveragePool",
  "Identity",
  "Neg",
  "Pad",
  "ReduceMean",
  "ReduceSum",
  "Reshape",
  "Slice",
  "Split",
  "Squeeze",
  "Tile",
  "Transpose",
  "Unsqueeze",
]);

/** Affine in each input alone: exactly one of them may vary. */
const products: ReadonlySet<string> = new Set(["MatMul", "Mul"]);

/** A factor that stands for infinity, as masks of maxima have; sums of what it makes would hold nothing else. */
const drowning = 1e4;

/** Affine in all inputs together. */
const sums: ReadonlySet<string> = new Set(["Add", "Concat", "Sub", "Sum"]);

/**
 * Values that are affine functions of the named inputs (all other inputs held fixed) and that something reads which is
 * not: together they carry everything the inputs have to say. An output of the model that is affine counts as one.
 * @returns In graph order; inputs themselves where a node that is not affine reads them.
 */
export function affineFrontier({ graph }: Model, inputs: readonly string[]): string[] {
  const affine = new Set(inputs);
  const varying = new Set(inputs);
  const frontier = new Set<string>();
  for (const node of graph.nodes) {
    const read = [...namesReadBy(node)].filter((name) => varying.has(name));
    if (read.length === 0) continue;
    const staysAffine =
      isAffine(node, varying) && read.every((name) => affine.has(name)) && !drowns(node, graph);
    for (const name of node.outputs) {
      varying.add(name);
      if (staysAffine) affine.add(name);
    }
    if (!staysAffine) for (const name of read) if (affine.has(name)) frontier.add(name);
  }
  for (const { name } of graph.outputs) if (affine.has(name)) frontier.add(name);
  return [...frontier];
}

function isAffine(node: Node, varying: ReadonlySet<string>): boolean {
  if (node.domain !== "" || subgraphsOf(node).length > 0) return false;
  const places = [...node.inputs.keys()].filter((at) => varying.has(node.inputs[at]!));
  if (sums.has(node.opType)) return true;
  if (products.has(node.opType)) return places.length === 1;
  if (node.opType === "BatchNormalization" && isSet(node, "training_mode")) return false;
  return firstInputOnly.has(node.opType) && places.length === 1 && places[0] === 0;
}

function drowns({ opType, inputs }: Node, { initializers }: Graph): boolean {
  if (opType !== "Mul") return false;
  return inputs.some((name) => {
    const factor = initializers.get(name);
    if (factor === undefined || !("load" in factor) || sizeOf(factor.shape) !== 1) return false;
    return Math.abs(toNumbers(factor.load())[0]!) > drowning;
  });
}

function isSet(node: Node, attribute: string): boolean {
  const found = node.attributes.get(attribute);
  return found?.kind === "int" && found.value !== 0;
}
