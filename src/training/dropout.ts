/** @file Dropout as it trains: a multiplication with a mask that is fed, so that a seed alone decides what is dropped. */
import { PrunerError } from "../base/problem.ts";
import { type Model, type Node, nodeLabel, type ValueInfo } from "../graph/model.ts";
import { type RandomStream, uniform } from "../math/random.ts";
import { type Facts, inferFacts } from "../ops/infer.ts";
import { numbersOf } from "../ops/shapes.ts";
import { float32, sizeOf, type Tensor } from "../tensor/tensor.ts";

/** A mask the graph asks for. */
export interface Dropped {
  /** Name of the graph input, float32 of shape [N, ...shape]. */
  readonly input: string;
  /** Shape of one example. */
  readonly shape: readonly number[];
  /** Share that is dropped, 0 to below 1. */
  readonly ratio: number;
}

export interface WithDropout {
  readonly model: Model;
  readonly dropped: readonly Dropped[];
}

/**
 * Replaces every Dropout with a stored ratio above 0 by a product with a mask input. Exports for inference usually
 * have none left.
 * @throws {PrunerError} `no-gradient` when sizes behind the batch are open.
 */
export function dropAtRandom(model: Model): WithDropout {
  if (!model.graph.nodes.some(({ opType }) => opType === "Dropout")) return { model, dropped: [] };
  const facts = inferFacts(model);
  const dropped: Dropped[] = [];
  const inputs: ValueInfo[] = [];
  const nodes = model.graph.nodes.map((node) => {
    const found = maskOf(node, facts, dropped.length);
    if (found === undefined) return node;
    dropped.push(found);
    inputs.push({ name: found.input, dtype: "float32", shape: ["N", ...found.shape] });
    return {
      ...node,
      opType: "Mul",
      inputs: [node.inputs[0]!, found.input],
      outputs: node.outputs.slice(0, 1),
      attributes: new Map(),
    };
  });
  const graph = { ...model.graph, nodes, inputs: [...model.graph.inputs, ...inputs] };
  return { model: { ...model, graph }, dropped };
}

function maskOf(node: Node, facts: Facts, index: number): Dropped | undefined {
  if (node.opType !== "Dropout" || node.domain !== "" || (node.outputs[1] ?? "") !== "") return undefined;
  const ratio = (node.inputs[1] ?? "") === "" ? 0.5 : numbersOf(facts.get(node.inputs[1]!))?.[0];
  if (ratio === undefined || ratio <= 0) return undefined;
  const shape = facts.get(node.inputs[0]!)?.shape?.slice(1);
  if (shape === undefined || shape.some((size) => typeof size !== "number")) {
    const reason = "the sizes it drops from are open: state them with --input-shape";
    throw new PrunerError("no-gradient", { node: nodeLabel(node), opType: "Dropout", reason });
  }
  return { input: `dropout:${index}`, shape: shape as number[], ratio };
}

/** What stays is scaled by 1 / (1 - ratio), so that expectations stay as they are. */
export function drawMask({ shape, ratio }: Dropped, examples: number, random: RandomStream): Tensor {
  const kept = Math.fround(1 / (1 - ratio));
  const data = new Float32Array(examples * sizeOf(shape));
  for (let k = 0; k < data.length; k++) data[k] = uniform(random) < ratio ? 0 : kept;
  return float32([examples, ...shape], data);
}
