/** @file The promise of the product as a property: slicing a plan out of a network equals silencing its channels. */
import { expect } from "vitest";
import { type CostModel, costModelOf, fullCost } from "../../src/channels/cost.ts";
import { type AnalyzeOptions, analyzeChannels, type ChannelAnalysis } from "../../src/channels/groups.ts";
import { costOfMasks, type KeepMasks } from "../../src/channels/plan.ts";
import type { Session } from "../../src/engine/engine.ts";
import { openBytes } from "../../src/engine/ort/direct.ts";
import { checkGraph } from "../../src/graph/check.ts";
import type { Dim, Model } from "../../src/graph/model.ts";
import { normal, type RandomStream, stream, uniform } from "../../src/math/random.ts";
import { readModel } from "../../src/onnx/read.ts";
import { encodeModel } from "../../src/onnx/write.ts";
import { inferFacts } from "../../src/ops/infer.ts";
import { insertMasks, maskInputName } from "../../src/passes/insert-masks.ts";
import { sliceModel } from "../../src/surgery/slice.ts";
import { float32, fromNumbers, sizeOf, type Tensor, toNumbers } from "../../src/tensor/tensor.ts";
import { freeGroups, randomPlan, removesSomething } from "./random-plan.ts";

export type Feeds = Readonly<Record<string, Tensor>>;

/** A model with everything that is needed again for every plan. */
export interface Subject {
  readonly model: Model;
  readonly analysis: ChannelAnalysis;
  readonly cost: CostModel;
  readonly free: readonly number[];
  readonly feeds: Feeds;
  readonly masked: Session;
}

export async function subjectOf(
  model: Model,
  feeds = randomFeeds(model, stream(7, 0)),
  options: AnalyzeOptions = {},
): Promise<Subject> {
  const analysis = analyzeChannels(model, options);
  const free = freeGroups(analysis);
  const masked = await openBytes(encodeModel(checkGraph(insertMasks(analysis, free))), {
    optimization: "off",
  });
  return { model, analysis, cost: costModelOf(analysis), free, feeds, masked };
}

/** Inputs for every graph input: rows of ordinary size, open sizes 3 (the batch) or 5, flags true. */
export function randomFeeds(model: Model, random: RandomStream): Feeds {
  const [first] = model.graph.inputs;
  const sizeOfDim = (dim: Dim) => (typeof dim === "number" ? dim : dim === first?.shape?.[0] ? 3 : 5);
  const entries = model.graph.inputs.map(({ name, dtype = "float32", shape = [] }) => {
    const sizes = shape.map(sizeOfDim);
    const draw = dtype.startsWith("float") ? () => normal(random) : () => (uniform(random) < 0.5 ? 1 : 0);
    const values = Float64Array.from({ length: sizeOf(sizes) }, dtype === "bool" ? () => 1 : draw);
    return [name, fromNumbers(dtype, sizes, values)] as const;
  });
  return Object.fromEntries(entries);
}

/** What the masks of a plan look like as inputs of the masked model, one row for all examples. */
export function maskFeeds({ groups }: ChannelAnalysis, free: readonly number[], masks: KeepMasks): Feeds {
  return Object.fromEntries(
    free.map((group) => {
      const { id, channels } = groups[group]!;
      return [maskInputName(id), float32([1, channels], Float32Array.from(masks[group]!))];
    }),
  );
}

export interface PropertyOptions {
  /** Allowed difference relative to the largest output; 1e-5 when left out. */
  readonly tolerance?: number;
  /** Also opens the sliced model with all optimizations on. */
  readonly optimized?: boolean;
  /** Prunes the sliced model once more. */
  readonly again?: boolean;
}

/** Slices one plan out of the subject and holds the result against everything that was promised about it. */
export async function slicingEqualsMasking(
  subject: Subject,
  masks: KeepMasks,
  { tolerance = 1e-5, optimized = false, again = false }: PropertyOptions = {},
): Promise<void> {
  const { analysis, free, feeds, masked } = subject;
  if (!removesSomething(masks)) return;
  const bytes = encodeModel(checkGraph(sliceModel(analysis, masks)));
  const sliced = readModel(bytes);
  expectCurrentDeclarations(sliced);
  const freshAnalysis = analyzeChannels(sliced);
  expect(fullCost(costModelOf(freshAnalysis))).toEqual(costOfMasks(subject.cost, masks));
  const wanted = await masked.run({ ...feeds, ...maskFeeds(analysis, free, masks) });
  const levels = optimized ? (["off", "full"] as const) : (["off"] as const);
  for (const optimization of levels) {
    const session = await openBytes(bytes, { optimization });
    expectSameOutputs(await session.run(feeds), wanted, tolerance);
    await session.close();
  }
  if (again) await pruneAgain(sliced, feeds, tolerance);
}

async function pruneAgain(model: Model, feeds: Feeds, tolerance: number): Promise<void> {
  const subject = await subjectOf(model, feeds);
  await slicingEqualsMasking(subject, randomPlan(subject.analysis, 0.6, stream(3, 0)), { tolerance });
  await subject.masked.close();
}

export function expectSameOutputs(
  got: Readonly<Record<string, Tensor>>,
  wanted: Readonly<Record<string, Tensor>>,
  tolerance: number,
): void {
  expect(Object.keys(got).sort()).toEqual(Object.keys(wanted).sort());
  for (const [name, output] of Object.entries(got)) {
    expect(output.shape).toEqual(wanted[name]!.shape);
    const expected = toNumbers(wanted[name]!);
    const scale = Math.max(1e-30, ...expected.map(Math.abs));
    const worst = toNumbers(output).reduce(
      (most, value, k) => Math.max(most, Math.abs(value - expected[k]!)),
      0,
    );
    expect(worst / scale, `output "${name}", largest difference over scale`).toBeLessThanOrEqual(tolerance);
    expect(expected.every(Number.isFinite)).toBe(true);
  }
}

/** What the file says about a value's shape never contradicts what its nodes make of it. */
export function expectCurrentDeclarations(model: Model): void {
  const bare = {
    ...model.graph,
    valueInfo: new Map(),
    outputs: model.graph.outputs.map(({ name }) => ({ name })),
  };
  const facts = inferFacts({ ...model, graph: bare });
  for (const declared of [...model.graph.valueInfo.values(), ...model.graph.outputs]) {
    const inferred = facts.get(declared.name);
    expect(inferred, `"${declared.name}" is declared but never made`).toBeDefined();
    if (declared.shape === undefined || inferred?.shape === undefined) continue;
    const numbers = (shape: readonly Dim[], other: readonly Dim[]) =>
      shape.map((dim, axis) => (typeof dim === "number" && typeof other[axis] === "number" ? dim : "open"));
    expect(numbers(declared.shape, inferred.shape), declared.name).toEqual(
      numbers(inferred.shape, declared.shape),
    );
  }
}
