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
  /** Length of a step in the double-precision differences. Default 1e-5, 1e-8 for networks, which have many kinks. */
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

/** What both precisions are held against. */
interface Prepared {
  readonly of: string;
  readonly wrt: readonly string[];
  /** The model in double precision, and what it is fed. */
  readonly double: Model;
  readonly feeds: Feeds;
  readonly weights: Tensor;
  /** Gradients by their names, "" where there is none, one per entry of `wrt`. */
  readonly names: readonly string[];
  readonly gradients: Record<string, Tensor>;
}

async function prepare(check: GradientCheck): Promise<Prepared> {
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
  return { of, wrt, double, feeds, weights, names: ours.names, gradients };
}

/** Runs both checks; throws what `expect` throws. */
export async function checkGradients(check: GradientCheck): Promise<void> {
  const prepared = await prepare(check);
  const { of, wrt, double, feeds, weights, names, gradients } = prepared;
  for (const [k, name] of wrt.entries()) {
    const gradient = gradients[names[k]!];
    await holdAgainstDifferences(double, of, feeds, weights, name, gradient, check.step ?? 1e-5);
  }
  await holdInBothPrecisions(check, prepared);
}

/**
 * Both checks for networks with many parameters, which move together: along each direction all parameters contribute
 * about equally much, so that none hides behind the others.
 * @param directions How many are tried.
 */
export async function checkNetworkGradients(check: GradientCheck, directions = 3): Promise<void> {
  const prepared = await prepare(check);
  const { of, wrt, double, feeds, weights, names, gradients } = prepared;
  const step = check.step ?? 1e-8;
  const at = wrt.map((name) => feeds[name] ?? double.graph.initializers.get(name)!.load());
  const slopes = wrt.map((name, k) => {
    const gradient = gradients[names[k]!];
    if (gradient === undefined) throw new Error(`${name} has no gradient`);
    return toNumbers(gradient);
  });
  const norms = slopes.map((slope) => Math.sqrt(dot(slope, slope)));
  const least = 0.1 * Math.max(...norms); // long steps of what hardly matters would cross kinks
  for (let round = 0; round < directions; round++) {
    const random = stream(13, round);
    const ways = at.map(({ data }, k) => {
      const size = 1 / Math.max(norms[k]!, least);
      return Float64Array.from({ length: data.length }, () => size * (2 * uniform(random) - 1));
    });
    const moved = (by: number) => {
      const values = at.map((value, k) => {
        const own = toNumbers(value).map((x, i) => x + by * ways[k]![i]!);
        return [wrt[k]!, fromNumbers("float64", value.shape, own)] as const;
      });
      return weighed(double, of, feeds, Object.fromEntries(values), weights);
    };
    const slope = ((await moved(step)) - (await moved(-step))) / (2 * step);
    const terms = slopes.map((own, k) => dot(own, ways[k]!));
    const predicted = terms.reduce((sum, term) => sum + term, 0);
    const scale = terms.reduce((sum, term) => sum + Math.abs(term), 0);
    if (!(Math.abs(slope - predicted) <= 1e-5 * scale))
      throw new Error(`direction ${round}: differences give ${slope}, the rules ${predicted}`);
  }
  await holdInBothPrecisions(check, prepared);
}

async function holdInBothPrecisions(check: GradientCheck, prepared: Prepared): Promise<void> {
  if (check.withoutRuntime !== undefined) return;
  const { of, wrt, weights, names, gradients } = prepared;
  await holdAgainstRuntime(check.model, of, check.feeds, weights, wrt, names, gradients, check.composites);
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
      await weighed(model, of, feeds, { [name]: moved(1) }, weights),
      await weighed(model, of, feeds, { [name]: moved(-1) }, weights),
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

/** The weighed output, with some of the inputs and initializers replaced. */
async function weighed(
  model: Model,
  of: string,
  feeds: Feeds,
  changed: Feeds,
  weights: Tensor,
): Promise<number> {
  const initializers = new Map(model.graph.initializers);
  for (const [name, value] of Object.entries(changed))
    if (initializers.has(name)) initializers.set(name, stored(value));
  const given = Object.entries(changed).filter(([name]) => !initializers.has(name));
  const moved = { ...model, graph: { ...model.graph, initializers } };
  return dot(
    toNumbers(await outputOf(moved, of, { ...feeds, ...Object.fromEntries(given) })),
    toNumbers(weights),
  );
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
