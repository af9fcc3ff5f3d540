/** @file Reverse-mode differentiation as a graph transformation: the model, and behind it the nodes of its gradients. */
import { isProblem, PrunerError } from "../base/problem.ts";
import { type Emitter, emitterFor } from "../graph/emitter.ts";
import { type Model, type Node, nodeLabel } from "../graph/model.ts";
import { descendantsOf, namesReadBy, producersOf, subgraphsOf } from "../graph/traversal.ts";
import type { GradientCall, GradientRule } from "../ops/gradient.ts";
import { gradientRuleOf } from "../ops/gradients.ts";
import { type Facts, inferFacts } from "../ops/infer.ts";
import type { Fact } from "../ops/operator.ts";
import { isFloat } from "../tensor/dtype.ts";

/** Several nodes that are differentiated as one, because the whole has a shorter gradient than its parts. */
export interface Composite {
  /** In graph order; their inner values are read by no other node. */
  readonly nodes: readonly Node[];
  /** Values the whole reads and yields; what the rule's gradients are about. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly gradient: GradientRule;
}

export interface DifferentiateOptions {
  /** The value that is differentiated. Several elements are summed, unless `seed` weighs them. */
  readonly of: string;
  /** Name of a value of the shape of `of` to start from; ones when left out. */
  readonly seed?: string | undefined;
  /** Values whose gradients are wished: graph inputs, initializers, or anything computed. */
  readonly wrt: readonly string[];
  /** Operators that are taken for constant where their gradient cannot be had; any other is an error. */
  readonly constantOperators?: readonly string[] | undefined;
  readonly composites?: readonly Composite[] | undefined;
  /** What is known of the model's values; inferred when left out. */
  readonly facts?: Facts | undefined;
}

export interface Gradients {
  /** The given model with the gradients' nodes behind it; its outputs are those of the given model. */
  readonly model: Model;
  /** Name of the gradient of each value of `wrt`, of its shape and dtype; absent where `of` does not depend on it. */
  readonly gradientOf: ReadonlyMap<string, string>;
}

/** A node, or several that count as one. */
interface Step {
  readonly node: Node;
  readonly rule: GradientRule | undefined;
}

/** A differentiation under way. */
interface Draft {
  readonly opset: number;
  readonly facts: Facts;
  readonly producers: ReadonlyMap<string, Node>;
  readonly emit: Emitter;
  /** Gradients found so far, to be added up. */
  readonly parts: Map<string, string[]>;
  /** Values that depend on something wished. */
  readonly active: ReadonlySet<string>;
  readonly shapes: Map<string, string>;
  /** Forward nodes that have to yield more than they did. */
  readonly extended: Map<Node, string[]>;
}

/**
 * Appends to a model the nodes that compute the gradients of a value with respect to others. The model's operator set
 * has to be 18 or later (`raiseOpset`).
 * @throws {PrunerError} `no-gradient` for an operator between `wrt` and `of` that has no rule, or uses it in a way its
 *   rule does not cover.
 */
export function differentiate(model: Model, options: DifferentiateOptions): Gradients {
  const { of, wrt, composites = [] } = options;
  const { graph } = model;
  const facts = options.facts ?? inferFacts(model);
  const emit = emitterFor(graph, "gradient/");
  const draft: Draft = {
    opset: model.opsets.get("") ?? 1,
    facts,
    producers: producersOf(graph),
    emit,
    parts: new Map(),
    active: activeValues(model, wrt),
    shapes: new Map(),
    extended: new Map(),
  };
  draft.parts.set(of, [options.seed ?? onesLike(draft, of)]);
  for (const step of stepsOf(graph.nodes, composites).reverse()) walkBack(draft, step, options);
  const gradientOf = new Map<string, string>();
  for (const name of wrt) {
    const gradient = totalOf(draft, name);
    if (gradient !== undefined) gradientOf.set(name, gradient);
  }
  const forward = graph.nodes.map((node) => {
    const outputs = draft.extended.get(node);
    return outputs === undefined ? node : { ...node, outputs };
  });
  const initializers = new Map([...graph.initializers, ...emit.initializers]);
  return {
    model: { ...model, graph: { ...graph, nodes: [...forward, ...emit.nodes], initializers } },
    gradientOf,
  };
}

function activeValues({ graph }: Model, wrt: readonly string[]): Set<string> {
  const active = new Set(wrt);
  for (const node of descendantsOf(graph, wrt)) for (const output of node.outputs) active.add(output);
  active.delete("");
  return active;
}

/** Composites take the place of their last node. */
function stepsOf(nodes: readonly Node[], composites: readonly Composite[]): Step[] {
  const inner = new Set(composites.flatMap((composite) => composite.nodes));
  const ends = new Map(composites.map((composite) => [composite.nodes.at(-1)!, composite]));
  return nodes.flatMap((node): Step[] => {
    const composite = ends.get(node);
    if (composite !== undefined) {
      const { inputs, outputs, gradient } = composite;
      return [{ node: { ...node, inputs, outputs }, rule: gradient }];
    }
    return inner.has(node) ? [] : [{ node, rule: gradientRuleOf(node) }];
  });
}

function onesLike(draft: Draft, value: string): string {
  const dtype = draft.facts.get(value)?.dtype ?? "float32";
  return draft.emit.node("Expand", [draft.emit.scalar(1, dtype), shapeOf(draft, value)]);
}

function shapeOf(draft: Draft, value: string): string {
  const fact = draft.facts.get(value)?.shape;
  if (fact?.every((dim) => typeof dim === "number") === true) return draft.emit.ints(fact as number[]);
  const known = draft.shapes.get(value);
  if (known !== undefined) return known;
  const name = draft.emit.node("Shape", [value]);
  draft.shapes.set(value, name);
  return name;
}

/** The sum of what flowed back to a value. */
function totalOf({ parts, emit }: Draft, value: string): string | undefined {
  const found = parts.get(value);
  if (found === undefined || found.length === 0) return undefined;
  let total = found[0]!;
  for (const part of found.slice(1)) total = emit.node("Add", [total, part]);
  parts.set(value, [total]);
  return total;
}

function walkBack(draft: Draft, { node, rule }: Step, options: DifferentiateOptions): void {
  const wanted = (name: string | undefined): boolean =>
    name !== undefined && draft.active.has(name) && isDifferentiable(draft.facts.get(name));
  const reads = subgraphsOf(node).length === 0 ? node.inputs : [...namesReadBy(node)];
  if (!reads.some(wanted)) return;
  const gradients = node.outputs.map((name) => (name === "" ? undefined : totalOf(draft, name)));
  if (gradients.every((gradient) => gradient === undefined)) return;
  const results = resultsOf(rule, callFor(draft, node, gradients, wanted), options);
  node.inputs.forEach((name, input) => {
    const gradient = results[input];
    if (gradient === undefined || !wanted(name)) return;
    const parts = draft.parts.get(name);
    if (parts === undefined) draft.parts.set(name, [gradient]);
    else parts.push(gradient);
  });
}

/** What the rule yields; nothing where there is no gradient and the operator may be taken for constant. */
function resultsOf(
  rule: GradientRule | undefined,
  call: GradientCall,
  { constantOperators = [] }: DifferentiateOptions,
): ReturnType<GradientRule> {
  try {
    if (rule === undefined) throw noGradient(call.node, "the operator has no gradient rule");
    return rule(call);
  } catch (error) {
    if (isProblem(error, "no-gradient") && constantOperators.includes(call.node.opType)) return [];
    throw error;
  }
}

function callFor(
  draft: Draft,
  node: Node,
  gradients: readonly (string | undefined)[],
  wanted: (name: string | undefined) => boolean,
): GradientCall {
  const factOf = (name: string): Fact | undefined => (name === "" ? undefined : draft.facts.get(name));
  const outputs = node.outputs.map(factOf);
  return {
    node,
    opset: draft.opset,
    inputs: node.inputs.map(factOf),
    outputs,
    gradients,
    dtype: outputs.find((_, output) => gradients[output] !== undefined)?.dtype ?? "float32",
    wants: (input) => wanted(node.inputs[input]),
    emit: draft.emit,
    output: (output) => outputOf(draft, node, output),
    shapeOf: (value) => shapeOf(draft, value),
    refuse: (reason) => {
      const culprit = shapelessBehind(draft, node);
      const since = `${reason} (there is no rule for the shape of what ${culprit?.opType} "${culprit && nodeLabel(culprit)}" makes)`;
      throw noGradient(node, culprit === undefined ? reason : since);
    },
  };
}

/** The first node on the way to one whose inputs have shapes and whose output has none. */
function shapelessBehind({ facts, producers }: Draft, node: Node): Node | undefined {
  const isOpen = (name: string): boolean => name !== "" && facts.get(name)?.shape === undefined;
  const seen = new Set<Node>();
  let found: Node | undefined;
  for (let at: Node | undefined = node; at !== undefined && !seen.has(at); ) {
    seen.add(at);
    const open: string | undefined = at.inputs.find(isOpen);
    at = open === undefined ? undefined : producers.get(open);
    found = at ?? found;
  }
  return found;
}

function outputOf({ emit, extended }: Draft, node: Node, output: number): string {
  const outputs = extended.get(node) ?? [...node.outputs];
  while (outputs.length <= output) outputs.push("");
  if (outputs[output] === "") {
    outputs[output] = emit.unique(`${nodeLabel(node)}/output${output}`);
    extended.set(node, outputs);
  }
  return outputs[output]!;
}

function isDifferentiable(fact: Fact | undefined): boolean {
  return fact?.dtype === undefined || isFloat(fact.dtype);
}

function noGradient(node: Node, reason: string): PrunerError<"no-gradient"> {
  return new PrunerError("no-gradient", { node: nodeLabel(node), opType: node.opType, reason });
}
