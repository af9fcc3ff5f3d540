/**
 * @file If, Loop and Scan. Nothing inside a body is cut, so what goes in stays whole; what comes out is told by following
 * the bodies, so that layers behind them are understood.
 */
import { intAttribute, intsAttribute } from "../../graph/attributes.ts";
import type { Dim, Graph, Node } from "../../graph/model.ts";
import type { Couplings, Fact, InferCall, Operator } from "../operator.ts";
import { fromFront } from "../shapes.ts";

/** A weaker assumption is tried this often before a value that a loop carries counts as unknown. */
const rounds = 8;

function bodyOf(node: Node, name: string): Graph | undefined {
  const attribute = node.attributes.get(name);
  return attribute?.kind === "graph" ? attribute.value : undefined;
}

/** What holds of both: sizes they agree on. */
function common(a: Fact | undefined, b: Fact | undefined): Fact {
  const shape =
    a?.shape !== undefined && a.shape.length === b?.shape?.length
      ? a.shape.map((size, axis): Dim => (size === b.shape![axis] ? size : undefined))
      : undefined;
  return { dtype: a?.dtype ?? b?.dtype, shape };
}

function isSame(a: Fact, b: Fact): boolean {
  return (
    a.dtype === b.dtype &&
    a.shape?.join() === b.shape?.join() &&
    (a.shape === undefined) === (b.shape === undefined)
  );
}

const inferIf = ({ node, bodyFacts }: InferCall): readonly Fact[] => {
  const [yes, no] = ["then_branch", "else_branch"].map((name) => {
    const body = bodyOf(node, name);
    return body === undefined ? undefined : bodyFacts?.(body, []);
  });
  return node.outputs.map((_, k) => common(yes?.[k], no?.[k]));
};

/** Facts of the body's outputs once those of the carried values hold before and after every step; undefined when they never do. */
function settled(
  step: (carried: readonly Fact[]) => readonly Fact[],
  initial: readonly (Fact | undefined)[],
): readonly Fact[] | undefined {
  let carried = initial.map((fact): Fact => ({ dtype: fact?.dtype, shape: fact?.shape }));
  for (let round = 0; round < rounds; round++) {
    const made = step(carried);
    const next = carried.map((fact, k) => common(fact, made[k]));
    if (next.every((fact, k) => isSame(fact, carried[k]!))) return made;
    carried = next;
  }
  return undefined;
}

const inferLoop = ({ node, inputs, bodyFacts }: InferCall): readonly Fact[] => {
  const body = bodyOf(node, "body");
  const initial = inputs.slice(2);
  const before: readonly Fact[] = [
    { dtype: "int64", shape: [] },
    { dtype: "bool", shape: [] },
  ];
  const made =
    body === undefined || bodyFacts === undefined
      ? undefined
      : settled((carried) => bodyFacts(body, [...before, ...carried]).slice(1), initial);
  return node.outputs.map((_, k): Fact => {
    const { dtype, shape } = made?.[k] ?? {};
    return { dtype, shape: k < initial.length || shape === undefined ? shape : [undefined, ...shape] };
  });
};

const inferScan = ({ node, opset, inputs, bodyFacts }: InferCall): readonly Fact[] => {
  const body = bodyOf(node, "body");
  const scanned = intAttribute(node, "num_scan_inputs", 0);
  const states = inputs.length - scanned;
  if (body === undefined || bodyFacts === undefined || opset < 9) return node.outputs.map(() => ({}));
  const axes = intsAttribute(node, "scan_input_axes");
  let length: Dim;
  const steps = inputs.slice(states).map((fact, k): Fact => {
    const axis = fromFront(axes?.[k] ?? 0, fact?.shape?.length ?? 0);
    length ??= fact?.shape?.[axis];
    return { dtype: fact?.dtype, shape: fact?.shape?.filter((_, other) => other !== axis) };
  });
  const made = settled((carried) => bodyFacts(body, [...carried, ...steps]), inputs.slice(0, states));
  const outAxes = intsAttribute(node, "scan_output_axes");
  return node.outputs.map((_, k): Fact => {
    const { dtype, shape } = made?.[k] ?? {};
    if (k < states || shape === undefined) return { dtype, shape };
    const axis = fromFront(outAxes?.[k - states] ?? 0, shape.length + 1);
    return { dtype, shape: [...shape.slice(0, axis), length, ...shape.slice(axis)] };
  });
};

function couple(c: Couplings): void {
  for (let input = 0; input < c.node.inputs.length; input++)
    c.lockInput(input, `the body of ${c.node.opType} computes with it`);
}

export const controlFlow: Readonly<Record<string, Operator>> = {
  If: { infer: inferIf, couple },
  Loop: { infer: inferLoop, couple },
  Scan: { infer: inferScan, couple },
};
