/**
 * @file How much sooner a ranking is there than with whole-set permutations in PyTorch, the way published tools work: each
 * order of players is walked on all examples at once.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type EstimatorName, estimators } from "../../src/estimators/index.ts";
import type { Game } from "../../src/games/game.ts";
import type { Model, Node } from "../../src/graph/model.ts";
import { mean } from "../../src/math/sums.ts";
import { spearman } from "../../src/metrics/index.ts";
import { readModel } from "../../src/onnx/read.ts";
import { allocate } from "../../src/tensor/dtype.ts";
import { fromNumbers, sizeOf, type Tensor } from "../../src/tensor/tensor.ts";
import { bytesOf } from "../../src/valuation/byte-masks.ts";
import { copyEntry } from "../../src/valuation/cached.ts";
import type { TailSetup } from "../../src/valuation/jobs.ts";
import { startRunner } from "../../src/valuation/runner.ts";
import { cifar, gameOfGroup, lenet, type NetworkSettings } from "../networks.ts";
import { atLeast, type Benchmark, type Findings, together } from "../record.ts";
import { findTorch, startPython } from "../speed/torch.ts";
import { watched } from "../watched.ts";
import { referenceValues } from "./references.ts";

const workers = 2;
const wanted = 0.9;
/** Far more than any run takes: it tells estimators that a run may end before it is through. */
const mostSeconds = 600;

interface Course {
  readonly network: string;
  readonly settings: NetworkSettings;
  readonly group: string;
  readonly referenceRows: number;
  /** Orders at the most, for the estimator that walks them on all examples. */
  readonly orders: number;
  readonly seeds: readonly number[];
  readonly target: number;
}

export const torchPermutations: Benchmark = {
  title: `Seconds to a rank correlation of ${wanted}, against PyTorch`,
  how: `Correlation with a long run of another seed. PyTorch walks random orders on all examples of the same cached activations through the same layers, with ${workers} threads; how many orders that takes is found with the estimator permutation-whole, which asks the same rows, and multiplied with its seconds for one order. Ours: ${workers} workers, running estimates compared as they come; medians over seeds; times: of the fastest. aumann-shapley is biased: it ranks well here, and no budget makes it better. Loading is left out on both sides.`,
  minutes: 2,
  async run() {
    const torch = findTorch();
    if ("reason" in torch) return { skipped: torch.reason };
    const findings: Findings[] = [];
    for (const course of courses()) findings.push(await race(course, torch.python));
    return together(findings);
  },
};

function courses(): Course[] {
  const dense: Course = {
    network: "LeNet-5",
    settings: lenet,
    group: "f5",
    referenceRows: 2_000_000,
    orders: 60,
    seeds: [1, 2, 3, 4, 5],
    target: 100,
  };
  const network = cifar("resnet20-cifar10", 500);
  if (typeof network === "string") return [dense];
  const block: Course = {
    network: "ResNet-20",
    settings: network,
    group: "layer2.1.conv1",
    referenceRows: 400_000,
    orders: 100,
    seeds: [1, 2, 3, 4, 5],
    target: 200,
  };
  return [dense, block];
}

async function race(course: Course, python: string): Promise<Findings> {
  const { network, settings, group, orders, seeds, target } = course;
  const seen: { tail?: TailSetup } = {};
  const runner = watched(await startRunner({ workers }), seen);
  try {
    const game = await gameOfGroup(settings, group, runner);
    const reference = await referenceValues(game, { settings, group, rows: course.referenceRows });
    const ours = new Map(contenders.map((name) => [name, [] as Reached[]]));
    const whole: Reached[] = [];
    for (const seed of seeds) {
      for (const [name, found] of ours)
        found.push(await reach(game, name, reference, seed, course.referenceRows));
      const rows = orders * (game.players + 1) * game.examples;
      whole.push(await reach(game, "permutation-whole", reference, seed, rows));
    }
    const torch = await secondsPerOrder(seen.tail!, game, python);
    const ordersNeeded = middle(whole.map(({ rows }) => rows)) / ((game.players + 1) * game.examples);
    const seconds = new Map([...ours].map(([name, found]) => [name, secondsToGet(found)]));
    const fastest = Math.min(...seconds.values());
    const gain = (ordersNeeded * torch.seconds) / fastest;
    const line = {
      network,
      group,
      "rows of permutation": Math.round(middle(ours.get("permutation")!.map(({ rows }) => rows))),
      "on whole sets": Math.round(middle(whole.map(({ rows }) => rows))),
      ...Object.fromEntries([...seconds].map(([name, one]) => [`${name}, seconds`, one.toPrecision(3)])),
      "PyTorch, seconds": `${whole.some((one) => !one.isThere) ? "more than " : ""}${(ordersNeeded * torch.seconds).toPrecision(3)}`,
      "PyTorch rows/s": Math.round(torch.rows / torch.seconds),
      times: gain.toPrecision(3),
    };
    return {
      rows: [line],
      claims: [atLeast(`${network} ${group}: times less seconds than PyTorch`, target, gain)],
    };
  } finally {
    await runner.close();
  }
}

const contenders: readonly EstimatorName[] = ["permutation", "stratified", "shrinkage", "aumann-shapley"];

/** Infinite where one of the runs never got there. */
function secondsToGet(found: readonly Reached[]): number {
  return found.every(({ isThere }) => isThere)
    ? middle(found.map(({ seconds }) => seconds))
    : Number.POSITIVE_INFINITY;
}

interface Reached {
  readonly rows: number;
  readonly seconds: number;
  readonly isThere: boolean;
}

/** What a run that was left has asked for is still being worked on: the next one begins on idle threads. */
const pauseMs = 300;

/** Runs until the ranking agrees, or to the end of the budget. */
async function reach(
  game: Game,
  name: EstimatorName,
  reference: Float64Array,
  seed: number,
  rows: number,
): Promise<Reached> {
  await setTimeout(pauseMs);
  const started = performance.now();
  let last = 0;
  for await (const estimate of estimators[name].run(game, { budget: { rows, seconds: mostSeconds }, seed })) {
    last = estimate.rows;
    if (spearman(estimate.values, reference) >= wanted)
      return { rows: last, seconds: (performance.now() - started) / 1000, isThere: true };
  }
  return { rows: last, seconds: (performance.now() - started) / 1000, isThere: false };
}

function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return mean(sorted.slice(Math.floor((sorted.length - 1) / 2), Math.floor(sorted.length / 2) + 1));
}

/** Walks orders in PyTorch; makes sure that it computes what we do. */
async function secondsPerOrder(
  tail: TailSetup,
  game: Game,
  python: string,
): Promise<{ readonly seconds: number; readonly rows: number }> {
  const folder = await mkdtemp(join(tmpdir(), "torch-permutations-"));
  try {
    await writeNetwork(folder, tail, game);
    const torch = await startPython(python, join(import.meta.dirname, "torch-permutations.py"), [
      folder,
      String(workers),
    ]);
    const spent = (await torch.ask(1)) as Readonly<Record<"seconds" | "rows" | "none" | "all", number>>;
    torch.close();
    for (const [kept, theirs] of [
      [0, spent.none],
      [1, spent.all],
    ] as const) {
      const own = mean(
        await game.values(
          new Uint8Array(game.players * game.examples).fill(kept),
          Uint32Array.from({ length: game.examples }, (_, k) => k),
        ),
      );
      if (Math.abs(own - theirs) > 1e-3 * Math.max(1, Math.abs(own)))
        throw new Error(`PyTorch finds ${theirs} where we find ${own}`);
    }
    return spent;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function writeNetwork(folder: string, tail: TailSetup, game: Game): Promise<void> {
  const model = readModel(tail.model.bytes);
  const values: Record<string, { dtype: string; shape: readonly number[]; file: string }> = {};
  let files = 0;
  const add = async (name: string, { dtype, shape, data }: Tensor): Promise<void> => {
    const file = `${files++}.bin`;
    values[name] = { dtype, shape, file };
    await writeFile(join(folder, file), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  };
  for (const value of tail.cached) {
    const { name, dtype, shape } = value;
    const data = allocate(dtype, game.examples * sizeOf(shape));
    for (let example = 0; example < game.examples; example++) copyEntry(value, example, data, example);
    await add(name, { dtype, shape: [game.examples, ...shape], data });
  }
  for (const [name, tensor] of constantsOf(model)) await add(name, tensor);
  await add("labels", fromNumbers("int64", [game.examples], Float64Array.from(tail.targets)));
  const { nodes, output } = layersOf(model, tail);
  const mask = tail.masks[0]!.name;
  const network = { players: game.players, mask, output, values, nodes: nodes.map(plain) };
  await writeFile(join(folder, "network.json"), JSON.stringify(network));
}

/** The network without what the game puts around it: masks come as numbers, and PyTorch's loss starts from logits. */
function layersOf({ graph }: Model, { masks, output }: TailSetup) {
  const bytes = new Set(masks.map(({ name }) => bytesOf(name)));
  const scores = graph.nodes.find(({ opType, outputs }) => opType === "LogSoftmax" && outputs[0] === output);
  const nodes = graph.nodes.filter(
    (node) => node.opType !== "Constant" && node !== scores && !bytes.has(node.inputs[0] ?? ""),
  );
  return { nodes, output: scores?.inputs[0] ?? output };
}

function plain({ opType, inputs, outputs, attributes }: Node) {
  const numbers = [...attributes].flatMap(([name, attribute]) =>
    attribute.kind === "int" ||
    attribute.kind === "ints" ||
    attribute.kind === "float" ||
    attribute.kind === "string"
      ? [[name, attribute.value] as const]
      : [],
  );
  return { opType, inputs, output: outputs[0]!, attributes: Object.fromEntries(numbers) };
}

function constantsOf({ graph }: Model): Map<string, Tensor> {
  const found = new Map<string, Tensor>();
  for (const [name, tensor] of graph.initializers) if ("load" in tensor) found.set(name, tensor.load());
  for (const { opType, attributes, outputs } of graph.nodes) {
    const value = attributes.get("value");
    if (opType === "Constant" && value?.kind === "tensor") found.set(outputs[0]!, value.value.load());
  }
  return found;
}
