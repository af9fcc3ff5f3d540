/**
 * @file Gradients of some rows of a batch only: those that matter most, chosen by chance, so that sums stay true on average.
 *
 * What flows back from a payoff to the output is known after the forward pass alone, and its size tells nearly how large
 * all further derivatives of the row will be. In a trained network few examples make up nearly all of it: the rest are
 * classified beyond doubt.
 */
import { concreteShape } from "../graph/dims.ts";
import { type Emitter, emitterFor } from "../graph/emitter.ts";
import type { Model, Node, ValueInfo } from "../graph/model.ts";
import { descendantsOf, producersOf, subgraphsOf } from "../graph/traversal.ts";
import { codeOf } from "../onnx/element-types.ts";
import { inferFacts } from "../ops/infer.ts";
import type { Fact } from "../ops/operator.ts";
import { batchPlaces } from "../passes/batch-places.ts";
import type { DType } from "../tensor/dtype.ts";
import { sizeOf } from "../tensor/tensor.ts";
import { differentiate, type Gradients } from "./differentiate.ts";

export interface ThinOptions {
  /** One number per row, shape [rows]. */
  readonly of: string;
  /** Value between the wished ones and `of` whose gradient tells how much a row matters. */
  readonly behind: string;
  readonly wrt: readonly string[];
  /** Symbol of the rows. */
  readonly batch: string;
}

export interface ThinnedGradients extends Gradients {
  /**
   * Input of the model, shape [rows], float32: a row from 0 to below 1 drawn for each. Row r is kept where it lies below
   * q = min(1, s / mean of s), with s the Euclidean norm of its gradient at `behind`, and its gradients are divided by q.
   * A negative number keeps a row as it is. The row with the largest s is always kept.
   */
  readonly draws: string;
  /** Indices of the kept rows, int64, ascending: what the rows of the gradients are about. */
  readonly kept: string;
}

/** Keeps quotients of norms finite where all of them are zero: then nothing is left out. */
const tiny = 1e-30;

/**
 * Appends a forward pass of all rows and a backward pass of the kept ones.
 * @returns undefined where a backward pass reads something that does not have its rows along the first axis.
 * @throws {PrunerError} `no-gradient`.
 */
export function thinnedGradients(
  model: Model,
  { of, behind, wrt, batch }: ThinOptions,
): ThinnedGradients | undefined {
  const facts = inferFacts(model);
  const first = differentiate(model, { of, wrt: [behind], facts });
  const gradient = first.gradientOf.get(behind);
  const fact = facts.get(behind);
  if (gradient === undefined || fact?.shape?.[0] !== batch) return undefined;
  const chosen = chooseRows(first.model, { name: gradient, dtype: fact.dtype, shape: fact.shape }, batch);
  const rest = differentiate(chosen.model, { of: behind, seed: chosen.seed, wrt });
  const thinned = onKeptRows(rest.model, chosen, batch);
  return thinned && { ...chosen, model: thinned, gradientOf: rest.gradientOf };
}

interface Chosen {
  readonly model: Model;
  readonly draws: string;
  readonly kept: string;
  /** Gradient of the kept rows, each over its chance. */
  readonly seed: string;
}

function chooseRows(model: Model, gradient: ValueInfo, batch: string): Chosen {
  const { graph } = model;
  const emit = emitterFor(graph, "rows/");
  const dtype = (gradient.dtype ?? "float32") as DType;
  const rank = gradient.shape!.length;
  const draws = emit.unique("rows/draws");
  const drawn = dtype === "float32" ? draws : emit.node("Cast", [draws], { to: codeOf(dtype) });
  const chance = chancesOf(emit, gradient.name, rank, dtype);
  // a chance that is not a number keeps its row, so that somebody sees it
  const isKept = emit.node("Not", [emit.node("GreaterOrEqual", [drawn, chance])]);
  const kept = emit.node("Reshape", [emit.node("NonZero", [isKept]), emit.ints([-1])], {}, "rows/kept");
  const isExact = emit.node("Less", [drawn, emit.scalar(0, dtype)]);
  const weights = emit.node("Where", [isExact, emit.scalar(1, dtype), emit.node("Reciprocal", [chance])]);
  const ofKept = emit.node("Reshape", [
    emit.node("Gather", [weights, kept], { axis: 0 }),
    emit.ints(Array.from({ length: rank }, (_, axis) => (axis === 0 ? -1 : 1))),
  ]);
  const seed = emit.node("Mul", [emit.node("Gather", [gradient.name, kept], { axis: 0 }), ofKept]);
  const inputs = [...graph.inputs, { name: draws, dtype: "float32" as const, shape: [batch] }];
  const initializers = new Map([...graph.initializers, ...emit.initializers]);
  const nodes = [...graph.nodes, ...emit.nodes];
  return { model: { ...model, graph: { ...graph, inputs, nodes, initializers } }, draws, kept, seed };
}

/** Shape [rows]. */
function chancesOf(emit: Emitter, gradient: string, rank: number, dtype: DType): string {
  const axes = emit.ints(Array.from({ length: rank - 1 }, (_, axis) => axis + 1));
  const norm =
    rank === 1 ? emit.node("Abs", [gradient]) : emit.node("ReduceL2", [gradient, axes], { keepdims: 0 });
  const least = emit.scalar(tiny, dtype);
  const mean = emit.node("ReduceMean", [norm], { keepdims: 0 });
  const share = emit.node("Div", [emit.node("Add", [norm, least]), emit.node("Add", [mean, least])]);
  return emit.node("Min", [share, emit.scalar(1, dtype)]);
}

/** Lets what follows the chosen rows read those rows of what the forward pass made. */
function onKeptRows(model: Model, { seed, kept }: Chosen, batch: string): Model | undefined {
  const { graph } = model;
  const start = graph.nodes.findIndex(({ outputs }) => outputs.includes(seed)) + 1;
  const [forward, backward] = [graph.nodes.slice(0, start), graph.nodes.slice(start)];
  if (backward.some((node) => subgraphsOf(node).length > 0)) return undefined;
  const before: Model = { ...model, graph: { ...graph, nodes: forward } };
  const facts = inferFacts(before);
  const places = batchPlaces(before.graph, facts, batch);
  const emit = emitterFor(graph, "rows/");
  const gathered = new Map<string, string>();
  for (const [name, maker] of readAcross(before, backward)) {
    const place = places.get(name);
    if (name === seed) continue;
    if (place === undefined || place.outer !== 1 || place.inner !== 1) return undefined;
    const rows = emit.node("Gather", [name, kept], { axis: place.axis });
    const own = isPosition(name, maker) ? movedUp(emit, rows, kept, facts.get(maker!.inputs[0]!)) : rows;
    if (own === undefined) return undefined;
    gathered.set(name, own);
  }
  const reading = backward.map((node) => ({
    ...node,
    inputs: node.inputs.map((name) => gathered.get(name) ?? name),
  }));
  const initializers = new Map([...graph.initializers, ...emit.initializers]);
  return { ...model, graph: { ...graph, nodes: [...forward, ...emit.nodes, ...reading], initializers } };
}

/** Values of a forward pass that depend on its inputs and are read behind it, with the nodes that make them. */
function readAcross({ graph }: Model, behind: readonly Node[]): Map<string, Node | undefined> {
  const inputs = graph.inputs.map(({ name }) => name);
  const producers = producersOf(graph);
  const ofRows = new Set([...inputs, ...[...descendantsOf(graph, inputs)].flatMap(({ outputs }) => outputs)]);
  const read = new Set(behind.flatMap(({ inputs: names }) => names).filter((name) => name !== ""));
  return new Map([...read].filter((name) => ofRows.has(name)).map((name) => [name, producers.get(name)]));
}

/** Whether a value tells where in a whole batch something lies: the winners of pooling do. */
function isPosition(name: string, maker: Node | undefined): boolean {
  return maker?.opType === "MaxPool" && maker.outputs.indexOf(name) === 1;
}

/** Positions in a batch of the kept rows alone. @param pooled What they are positions in. */
function movedUp(
  emit: Emitter,
  positions: string,
  kept: string,
  pooled: Fact | undefined,
): string | undefined {
  const each = concreteShape(pooled?.shape?.slice(1));
  if (each === undefined) return undefined;
  const count = emit.node("Squeeze", [emit.node("Shape", [kept])]);
  const now = emit.node("Range", [emit.scalar(0, "int64"), count, emit.scalar(1, "int64")]);
  const away = emit.node("Mul", [emit.node("Sub", [now, kept]), emit.scalar(sizeOf(each), "int64")]);
  const shape = emit.ints([-1, ...each.map(() => 1)]);
  return emit.node("Add", [positions, emit.node("Reshape", [away, shape])]);
}
