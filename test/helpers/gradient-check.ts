/** @file Holds gradients against central differences in double precision, and against the runtime in single precision. */
import { expect } from "vitest";
import { ortEngine } from "../../src/engine/ort/engine.ts";
import { referenceEngine } from "../../src/engine/reference/reference.ts";
import { type Composite, differentiate } from "../../src/gradients/differentiate.ts";
import { type Model, stored } from "../../src/graph/model.ts";
import { stream, uniform } from "../../src/math/random.ts";
import { fromNumbers, type Tensor, toNumbers } from "../../src/tensor/tensor.ts";

export type Feeds = Readonly<Record<string, Tensor>>;

export interface GradientCheck {
  readonly model: Model;
  readonly feeds: Feeds;
  /** Float values to differentiate with respect to; all float inputs when left out. */
  readonly wrt?: readonly string[];
  /** The output that is differentiated; the first when left out. */
  readonly of?: string;
  readonly composites?: readonly Composite[];
  /** Length of a step in the double-precision differences. Default 1e-5. */
  readonly step?: number;
  /** Operators that onnxruntime cannot run are checked in double precision alone, for the stated reason. */
  readonly withoutRuntime?: string;
}

const seedName = "check/seed";

/** Weighs the output with fixed random numbers, so that no gradient cancels in a sum. */
function seeded(
  model: Model,
  of: string,
  weights: Tensor,
  wrt: readonly string[],
  composites: readonly Composite[] = [],
): { model: Model; names: string[] } {
  const info = { name: seedName, dtype: weights.dtype, shape: weights.shape };
  const open = { ...model, graph: { ...model.graph, inputs: [...model.graph.inputs, info] } };
  const { model: both, gradientOf } = differentiate(open, { of, seed: seedName, wrt, composites });
  const names = wrt.map((name) => gradientOf.get(name) ?? "");
  const outputs = [...new Set(names)].filter((name) => name !== "").map((name) => ({ name }));
  return { model: { ...both, graph: { ...both.graph, outputs } }, names };
}

/** The same model with every float32 value as float64, and the other way round. */
export function inDouble(model: Model): Model {
  const { graph } = model;
  const initializers = new Map(
    [...graph.initializers].map(([name, tensor]) => {
      if (tensor.dtype !== "float32") return [name, tensor] as const;
      return [name, stored(doubled(tensor.load()))] as const;
    }),
  );
  const inputs = graph.inputs.map((info) =>
    info.dtype === "float32" ? { ...info, dtype: "float64" as const } : info,
  );
  const outputs = graph.outputs.map(({ name }) => ({ name }));
  const nodes = graph.nodes.map((node) => {
    const to = node.attributes.get("to");
    if (node.opType !== "Cast" || to?.kind !== "int" || to.value !== 1) return node;
    return { ...node, attributes: new Map([...node.attributes, ["to", { ...to, value: 11 }] as const]) };
  });
  return { ...model, graph: { ...graph, nodes, initializers, inputs, outputs, valueInfo: new Map() } };
}

export function doubled(value: Tensor): Tensor {
  return value.dtype === "float32" ? fromNumbers("float64", value.shape, toNumbers(value)) : value;
}

function singled(value: Tensor): Tensor {
  return value.dtype === "float64" ? fromNumbers("float32", value.shape, toNumbers(value)) : value;
}

/** Runs both checks; throws what `expect` throws. */
export async function checkGradients(check: GradientCheck): Promise<void> {
  const { model } = check;
  const of = check.of ?? model.graph.outputs[0]!.name;
  const wrt =
    check.wrt ?? model.graph.inputs.filter(({ dtype }) => dtype === "float32").map(({ name }) => name);
  const feeds = Object.fromEntries(
    Object.entries(check.feeds).map(([name, value]) => [name, doubled(value)]),
  );
  const double = inDouble(model);
  const value = await outputOf(double, of, feeds);
  const random = stream(7, 0);
  const weights = fromNumbers(
    "float64",
    value.shape,
    Array.from({ length: value.data.length }, () => 2 * uniform(random) - 1),
  );
  const ours = seeded(double, of, weights, wrt, check.composites);
  const gradients = await runReference(ours.model, { ...feeds, [seedName]: weights });
  for (const [k, name] of wrt.entries()) {
    const gradient = gradients[ours.names[k]!];
    await holdAgainstDifferences(double, of, feeds, weights, name, gradient, check.step ?? 1e-5);
  }
  if (check.withoutRuntime === undefined)
    await holdAgainstRuntime(model, of, check.feeds, weights, wrt, ours.names, gradients, check.composites);
}

async function holdAgainstDifferences(
  model: Model,
  of: string,
  feeds: Feeds,
  weights: Tensor,
  name: string,
  gradient: Tensor | undefined,
  step: number,
): Promise<void> {
  const at = feeds[name] ?? model.graph.initializers.get(name)!.load();
  if (gradient !== undefined)
    expect({ name, shape: gradient.shape, dtype: gradient.dtype }).toEqual({
      name,
      shape: at.shape,
      dtype: at.dtype,
    });
  const random = stream(11, 0);
  for (let round = 0; round < 4; round++) {
    const direction = Float64Array.from({ length: at.data.length }, () => 2 * uniform(random) - 1);
    const moved = (sign: number) =>
      fromNumbers(
        "float64",
        at.shape,
        toNumbers(at).map((x, k) => x + sign * step * direction[k]!),
      );
    const [up, down] = [
      await weighed(model, of, feeds, name, moved(1), weights),
      await weighed(model, of, feeds, name, moved(-1), weights),
    ];
    const slope = (up - down) / (2 * step);
    const predicted = gradient === undefined ? 0 : dot(toNumbers(gradient), direction);
    const scale = Math.max(
      1,
      Math.abs(slope),
      gradient === undefined ? 0 : Math.hypot(...toNumbers(gradient)),
    );
    if (!(Math.abs(slope - predicted) <= 1e-5 * scale)) {
      throw new Error(`gradient of ${name}: differences give ${slope}, the rule ${predicted}`);
    }
  }
}

async function weighed(
  model: Model,
  of: string,
  feeds: Feeds,
  name: string,
  value: Tensor,
  weights: Tensor,
): Promise<number> {
  const changed = model.graph.initializers.has(name)
    ? {
        ...model,
        graph: {
          ...model.graph,
          initializers: new Map([...model.graph.initializers, [name, stored(value)]]),
        },
      }
    : model;
  const given = model.graph.initializers.has(name) ? feeds : { ...feeds, [name]: value };
  return dot(toNumbers(await outputOf(changed, of, given)), toNumbers(weights));
}

async function holdAgainstRuntime(
  model: Model,
  of: string,
  feeds: Feeds,
  weights: Tensor,
  wrt: readonly string[],
  names: readonly string[],
  expected: Record<string, Tensor>,
  composites?: readonly Composite[],
): Promise<void> {
  const single = seeded(model, of, singled(weights), wrt, composites);
  if (single.model.graph.outputs.length === 0) return;
  const session = await ortEngine.open(single.model);
  try {
    const needed = new Set(single.model.graph.inputs.map(({ name }) => name));
    const given = Object.entries({ ...feeds, [seedName]: singled(weights) }).filter(([name]) =>
      needed.has(name),
    );
    const results = await session.run(Object.fromEntries(given));
    wrt.forEach((name, k) => {
      if (names[k] === "") return;
      const [a, b] = [toNumbers(results[single.names[k]!]!), toNumbers(expected[names[k]!]!)];
      const scale = b.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3);
      a.forEach((x, i) => {
        if (!(Math.abs(x - b[i]!) <= 2e-4 * scale))
          throw new Error(`gradient of ${name}[${i}]: runtime ${x}, reference ${b[i]}`);
      });
    });
  } finally {
    await session.close();
  }
}

async function outputOf(model: Model, of: string, feeds: Feeds): Promise<Tensor> {
  const only = { ...model, graph: { ...model.graph, outputs: [{ name: of }] } };
  return (await runReference(only, feeds))[of]!;
}

async function runReference(model: Model, feeds: Feeds): Promise<Record<string, Tensor>> {
  if (model.graph.outputs.length === 0) return {};
  const session = await referenceEngine.open(model);
  const needed = new Set(model.graph.inputs.map(({ name }) => name));
  return session.run(Object.fromEntries(Object.entries(feeds).filter(([name]) => needed.has(name))));
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}
