/** @file Payoffs of games whose logits the runtime normalises, against the metric in double precision. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { conv, dense, relu } from "../../test/helpers/networks.ts";
import { analyzeChannels, type ChannelAnalysis } from "../channels/groups.ts";
import { datasetFromArrays, fitToInputs } from "../datasets/index.ts";
import { openBytes } from "../engine/ort/direct.ts";
import type { Model } from "../graph/model.ts";
import { stream, uniform } from "../math/random.ts";
import { payoff as metricOf } from "../metrics/index.ts";
import { encodeModel } from "../onnx/write.ts";
import { insertMasks, maskInputName } from "../passes/insert-masks.ts";
import { float32 } from "../tensor/tensor.ts";
import { networkGame } from "./network-game.ts";
import { type Runner, startRunner } from "./runner.ts";
import { scoreTail } from "./score-tail.ts";
import { cutTail } from "./tail.ts";
import { preparePayoff } from "./targets.ts";
import { wholeNetworkGame } from "./whole-network-game.ts";

let runner: Runner;
beforeAll(async () => {
  runner = await startRunner({ workers: 2 });
});
afterAll(() => runner.close());

const examples = 6;

interface Case {
  readonly name: string;
  readonly build: () => Model;
  /** Whether LogSoftmax is expected behind the logits. */
  readonly isScored: boolean;
  readonly classes: number;
  /** Labels of one example. */
  readonly positions: number;
}

/** Two layers on [N, 3, 4, 4], then one value for each class and position, or for each class. */
function convolutions(isPooled: boolean, classes: number, opset?: number): Model {
  const g = graphBuilder();
  const x = relu(g, conv(g, g.input("x", ["N", 3, 4, 4]), "c1", 3, 6));
  const y = relu(g, conv(g, x, "c2", 6, 5));
  if (isPooled) {
    const flat = g.node("Flatten", [g.node("GlobalAveragePool", [y])]);
    g.output(dense(g, flat, "out", 5, classes), ["N", classes]);
  } else g.output(conv(g, y, "out", 5, classes), ["N", classes, 4, 4]);
  return g.build(opset === undefined ? {} : { opset });
}

/** Logits some hundreds apart: log-probabilities far below that of the smallest float32. */
function steep(): Model {
  const g = graphBuilder();
  const x = g.node("Flatten", [g.input("x", ["N", 3, 4, 4])]);
  const y = relu(g, dense(g, x, "c1", 48, 6));
  const logits = g.node("Mul", [dense(g, y, "out", 6, 4), g.weight([1], [400])]);
  g.output(logits, ["N", 4]);
  return g.build();
}

const cases: readonly Case[] = [
  {
    name: "classes",
    build: () => convolutions(true, 7),
    isScored: true,
    classes: 7,
    positions: 1,
  },
  {
    name: "classes of an old operator set",
    build: () => convolutions(true, 7, 11),
    isScored: true,
    classes: 7,
    positions: 1,
  },
  {
    name: "classes at every position",
    build: () => convolutions(false, 5),
    isScored: true,
    classes: 5,
    positions: 16,
  },
  {
    name: "positions of an old operator set, whose LogSoftmax would mix them",
    build: () => convolutions(false, 5, 11),
    isScored: false,
    classes: 5,
    positions: 16,
  },
  {
    name: "a single logit for two classes",
    build: () => convolutions(true, 1),
    isScored: false,
    classes: 2,
    positions: 1,
  },
  { name: "logits far apart", build: steep, isScored: true, classes: 4, positions: 1 },
];

function pictures() {
  const next = stream(3, 0);
  return Float32Array.from({ length: examples * 48 }, () => 2 * uniform(next) - 1);
}

function analysed({ build, classes, positions }: Case) {
  const analysis = analyzeChannels(build());
  const labels = Int32Array.from({ length: examples * positions }, (_, k) => (3 * k) % classes);
  const shape = positions === 1 ? [examples] : [examples, 4, 4];
  const data = datasetFromArrays({
    inputs: { x: float32([examples, 3, 4, 4], pictures()) },
    labels: { dtype: "int32", shape, data: labels },
  });
  return { analysis, dataset: fitToInputs(data, analysis.model.graph.inputs), labels };
}

/** Random rows of several groups, the empty and the grand coalition among them. */
function rowsOf(players: number) {
  const next = stream(5, 0);
  const rows = 4 * examples;
  const masks = Uint8Array.from({ length: rows * players }, () => (uniform(next) < 0.5 ? 0 : 1));
  masks.fill(0, 0, players);
  masks.fill(1, players, 2 * players);
  return { masks, examples: Uint32Array.from({ length: rows }, (_, row) => (5 * row) % examples) };
}

/** The whole masked network, one row after the other, and the metric on its logits. */
async function expected(
  analysis: ChannelAnalysis,
  groups: readonly number[],
  labels: Int32Array,
  { masks, examples: of }: ReturnType<typeof rowsOf>,
): Promise<Float64Array> {
  const session = await openBytes(encodeModel(insertMasks(analysis, groups)));
  const players = masks.length / of.length;
  const data = pictures();
  const payoffs = new Float64Array(of.length);
  for (let row = 0; row < of.length; row++) {
    const example = of[row]!;
    const feeds = { x: float32([1, 3, 4, 4], data.slice(48 * example, 48 * (example + 1))) };
    let first = row * players;
    const own = groups.map((group) => {
      const { id, channels } = analysis.groups[group]!;
      const mask = Float32Array.from(masks.subarray(first, first + channels));
      first += channels;
      return [maskInputName(id), float32([1, channels], mask)] as const;
    });
    const output = (await session.run({ ...feeds, ...Object.fromEntries(own) }))[
      analysis.model.graph.outputs[0]!.name
    ]!;
    const each = labels.length / examples;
    const targets = labels.subarray(example * each, (example + 1) * each);
    const into = payoffs.subarray(row, row + 1);
    metricOf("cross-entropy").rows(output.data as Float32Array, output.shape[1]!, targets, into);
  }
  await session.close();
  return payoffs;
}

describe.each(cases)("$name", (one) => {
  test("payoffs are those of the metric in double precision, up to single precision", async () => {
    const { analysis, dataset, labels } = analysed(one);
    const payoff = await preparePayoff(analysis, dataset, runner, { kind: "cross-entropy" });
    const free = analysis.groups.flatMap(({ locked }, group) => (locked ? [] : [group]));
    expect(free.length).toBeGreaterThan(0);
    for (const groups of [[free[0]!], free]) {
      const scored = scoreTail(cutTail(analysis, groups, payoff.output), payoff);
      expect(scored.outputIs).toBe(one.isScored ? "normalised logits" : "logits");
      const options = { analysis, groups, dataset, payoff, runner };
      const game = await networkGame(options);
      const rows = rowsOf(game.players);
      const wanted = await expected(analysis, groups, labels, rows);
      const got = await game.values(rows.masks, rows.examples);
      for (const [row, value] of wanted.entries())
        expect(Math.abs(got[row]! - value), `row ${row}`).toBeLessThan(2e-6 * Math.max(1, Math.abs(value)));
      const whole = await wholeNetworkGame(options);
      const all = new Uint8Array(game.players).fill(1);
      const each = await expected(analysis, groups, labels, {
        masks: new Uint8Array(examples * game.players).fill(1),
        examples: Uint32Array.from({ length: examples }, (_, example) => example),
      });
      const mean = each.reduce((sum, value) => sum + value, 0) / examples;
      const [found] = await whole.means(all);
      expect(Math.abs(found! - mean)).toBeLessThan(2e-6 * Math.max(1, Math.abs(mean)));
      await Promise.all([game.close(), whole.close()]);
    }
  });
});

test("logits far apart do reach below the smallest log-probability that a float32 can stand for", async () => {
  const { analysis, labels } = analysed(cases.at(-1)!);
  const group = analysis.groups.findIndex(({ locked }) => !locked);
  const payoffs = await expected(analysis, [group], labels, rowsOf(analysis.groups[group]!.channels));
  expect(Math.min(...payoffs)).toBeLessThan(-110);
});
