/** @file Walks a graph once and writes down what is known about every value: dtype, shape, small constants. */
import { isProblem } from "../base/problem.ts";
import { symbol } from "../graph/dims.ts";
import type { Dim, Graph, Model, Node, StoredTensor, ValueInfo } from "../graph/model.ts";
import { fromNumbers, sizeOf, type Tensor, toNumbers } from "../tensor/tensor.ts";
import { constantOf } from "./constants/index.ts";
import { operatorOf } from "./index.ts";
import { kernels } from "./kernels.ts";
import type { Fact } from "./operator.ts";

/** Values with more elements than this are never folded: they are weights, not sizes. */
const foldLimit = 4096;

export interface InferOptions {
  /** Shapes that replace what the file says about its inputs. */
  readonly inputShapes?: ReadonlyMap<string, readonly Dim[]>;
}

export type Facts = ReadonlyMap<string, Fact>;

/**
 * Shape inference with symbolic sizes and constant folding of small tensors.
 * @returns one entry for every value of the main graph; what is not known is left out of the entry.
 */
export function inferFacts(model: Model, options: InferOptions = {}): Facts {
  const facts = new Map<string, Fact>();
  for (const input of model.graph.inputs)
    facts.set(input.name, factOfInput(input, options.inputShapes?.get(input.name)));
  followGraph(model.graph, { opsets: model.opsets, facts, lookUp: (name) => facts.get(name) });
  return facts;
}

/** Where facts are kept, and where those of values from outside are found. */
interface Scope {
  readonly opsets: Model["opsets"];
  readonly facts: Map<string, Fact>;
  readonly lookUp: (name: string) => Fact | undefined;
}

/** Facts about everything a graph makes; those of its inputs are in the scope already. */
function followGraph(graph: Graph, scope: Scope): void {
  const { opsets, facts } = scope;
  for (const [name, tensor] of graph.initializers) facts.set(name, factOfConstant(tensor));
  for (const node of graph.nodes) {
    const outputs = factsOfNode(node, opsets.get(node.domain) ?? 1, scope);
    node.outputs.forEach((name, k) => {
      if (name !== "") facts.set(name, withDeclared(outputs[k] ?? {}, graph.valueInfo.get(name)));
    });
  }
  for (const output of graph.outputs) {
    const fact = facts.get(output.name);
    if (fact !== undefined) facts.set(output.name, withDeclared(fact, output));
  }
}

/** Facts about what a body makes of these inputs. What it declares about them counts only where nothing is known. */
function followBody(body: Graph, inputs: readonly Fact[], outer: Scope): readonly Fact[] {
  const facts = new Map<string, Fact>();
  body.inputs.forEach(({ name, dtype }, k) => {
    facts.set(name, { dtype, ...inputs[k] });
  });
  const lookUp = (name: string) => facts.get(name) ?? outer.lookUp(name);
  const bare = { ...body, outputs: body.outputs.map(({ name }) => ({ name })) };
  followGraph(bare, { opsets: outer.opsets, facts, lookUp });
  return body.outputs.map(({ name }) => lookUp(name) ?? {});
}

function factOfConstant(tensor: StoredTensor): Fact {
  const { dtype, shape } = tensor;
  const mayBeSizes = dtype === "int64" || dtype === "int32" || dtype === "bool";
  const few = sizeOf(shape) <= (mayBeSizes ? foldLimit : 64);
  return few ? factOfTensor(tensor.load()) : { dtype, shape };
}

function factOfTensor(tensor: Tensor): Fact {
  const { dtype, shape } = tensor;
  const isSizes = dtype === "int64" || dtype === "int32";
  const elements =
    isSizes && shape.length <= 1 && tensor.data.length <= 64 ? [...toNumbers(tensor)] : undefined;
  return { dtype, shape, constant: tensor, elements };
}

function factOfInput(input: ValueInfo, shape: readonly Dim[] | undefined): Fact {
  const declared = shape ?? input.shape;
  return { dtype: input.dtype, shape: declared?.map((dim, axis) => named(dim, input.name, axis)) };
}

/** An unnamed open size gets a name of its own, so that equal sizes stay recognisable. */
function named(dim: Dim, input: string, axis: number): Dim {
  if (typeof dim === "string") return symbol(dim);
  return dim ?? symbol(`${input}[${axis}]`);
}

function factsOfNode(node: Node, opset: number, scope: Scope): readonly Fact[] {
  const inputs = node.inputs.map((name) => (name === "" ? undefined : (scope.lookUp(name) ?? {})));
  const constant = node.opType === "Constant" && node.domain === "" ? constantOf(node) : undefined;
  if (constant !== undefined) return [factOfConstant(constant)];
  const folded = fold(node, opset, inputs);
  if (folded !== undefined) return folded.map(factOfTensor);
  const bodyFacts = (body: Graph, given: readonly Fact[]) => followBody(body, given, scope);
  const outputs = operatorOf(node)?.infer({ node, opset, inputs, bodyFacts });
  return outputs?.map(settle) ?? [];
}

/** Symbolic elements that turn out to be numbers are a constant. */
function settle(fact: Fact): Fact {
  if (fact.elements === undefined || fact.elements.some((element) => typeof element !== "number"))
    return fact;
  const elements = fact.elements as number[];
  const shape = fact.shape?.length === 0 ? [] : [elements.length];
  return { ...fact, shape, constant: fromNumbers(fact.dtype ?? "int64", shape, elements) };
}

/** Runs a node whose inputs are all small constants. */
function fold(
  node: Node,
  opset: number,
  inputs: readonly (Fact | undefined)[],
): readonly Tensor[] | undefined {
  const kernel = node.domain === "" ? kernels[node.opType] : undefined;
  if (kernel === undefined || inputs.length === 0 || node.opType === "Dropout") return undefined;
  if (inputs.some((fact) => fact !== undefined && fact.constant === undefined)) return undefined;
  try {
    const outputs = kernel({ node, opset, inputs: inputs.map((fact) => fact?.constant) });
    return outputs.every((output) => output.data.length <= foldLimit) ? outputs : undefined;
  } catch (error) {
    if (isProblem(error, "kernel-unsupported")) return undefined; // left for the runtime; nothing is assumed
    throw error;
  }
}

/** What the file declares fills gaps; what was inferred wins. */
function withDeclared(fact: Fact, declared: ValueInfo | undefined): Fact {
  if (declared === undefined) return fact;
  const own = declared.shape?.map((dim) => (typeof dim === "string" ? symbol(dim) : dim));
  const shape = fact.shape === undefined ? own : fact.shape.map((dim, axis) => dim ?? own?.[axis]);
  return { ...fact, dtype: fact.dtype ?? declared.dtype, shape };
}
