/** @file Training as a whole: what it changes and what it leaves, interruptions, precision, teachers, data that stay apart. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { temporaryFolder } from "../../test/helpers/command.ts";
import { batchNorm, conv, dense, head, relu } from "../../test/helpers/networks.ts";
import { noise, tinyClassifier } from "../../test/helpers/tiny-classifier.ts";
import { isProblem } from "../base/problem.ts";
import { type Dataset, datasetFromArrays } from "../datasets/index.ts";
import { type Model, stored } from "../graph/model.ts";
import { stream, uniform } from "../math/random.ts";
import { networks } from "../networks/index.ts";
import { readModelFile } from "../onnx/read.ts";
import { float32, fromNumbers, type Tensor, toNumbers } from "../tensor/tensor.ts";
import { learningRateAt } from "../training/schedules.ts";
import { type FinetuneOptions, finetune } from "./finetune.ts";
import { frozenBy } from "./freeze.ts";
import { loadModel } from "./load-model.ts";
import { cutForTraining } from "./training-data.ts";
import { recipeDefaults } from "./training-options.ts";
import type { TrainingRecord } from "./training-record.ts";

const folder = temporaryFolder();
const examples = 60;
const labels = Array.from({ length: examples }, (_, k) => k % 2);

/** Noise around a mean that tells the class. */
function learnable(): Tensor {
  const images = noise([examples, 1, 6, 6], 3);
  (images.data as Float32Array).forEach((value, k, all) => {
    all[k] = 0.3 * value + (labels[Math.floor(k / 36)] === 1 ? 0.5 : -0.5);
  });
  return images;
}

const data = { path: folder.npy("x-images.npy", learnable()) };
folder.npy("x-labels.npy", fromNumbers("uint8", [examples], labels));
const unlabelled = { path: folder.npy("bare.npy", learnable()), labels: false as const };
const tiny = folder.model("tiny.onnx", tinyClassifier());
const normed = folder.model("normed.onnx", withNorm());

/** One number for an image. */
function regression(): Model {
  const g = graphBuilder();
  const x = relu(g, conv(g, g.input("x", ["N", 1, 6, 6]), "c1", 1, 4));
  const pooled = g.node("Flatten", [g.node("GlobalAveragePool", [x])]);
  g.output(dense(g, pooled, "out", 4, 1), ["N", 1]);
  return g.build();
}

/** As the tiny classifier, with a batch normalisation. */
function withNorm(): Model {
  const g = graphBuilder();
  head(g, relu(g, batchNorm(g, conv(g, g.input("x", ["N", 1, 6, 6]), "c1", 1, 4), "bn1", 4)), 4);
  return g.build();
}

type Choices = Partial<Omit<FinetuneOptions, "model" | "training">> & {
  readonly training?: Partial<FinetuneOptions["training"]>;
};

/** Four epochs of six steps unless told otherwise. */
async function tune(path: string, out: string, { training, ...choices }: Choices = {}) {
  return finetune({
    model: await loadModel(path),
    out: folder.file(out),
    data,
    workers: 1,
    training: { seed: 0, epochs: 4, batchSize: 8, shardSize: 4, learningRate: 0.05, ...training },
    ...choices,
  });
}

const bytesOf = (name: string) => readFileSync(folder.file(name));

async function weightsOf(name: string): Promise<Map<string, number[]>> {
  const { graph } = await readModelFile(folder.file(name));
  return new Map([...graph.initializers].map(([key, value]) => [key, [...toNumbers(value.load())]]));
}

describe("a run", () => {
  test("lowers the loss, gets better on examples kept apart, and tells of it", async () => {
    const record = await tune(tiny, "learned.onnx", { training: { epochs: 8, learningRate: 0.2 } });
    const { history, before, after, bestEpoch } = record;
    expect(history.epochs).toHaveLength(8);
    expect(history.losses).toHaveLength(8 * 6);
    expect(history.epochs.at(-1)!.loss).toBeLessThan(0.7 * history.epochs[0]!.loss);
    expect(after.loss!).toBeLessThan(before!.loss!);
    expect(after.accuracy).toBe(1);
    expect(record.examples).toEqual({ train: 48, validate: 6, test: 6 });
    const losses = history.epochs.map(({ validation }) => validation!.loss);
    expect(losses[bestEpoch - 1]).toBe(Math.min(...losses));
    expect(bytesOf("learned.onnx").length).toBe(after.bytes);
    expect(existsSync(folder.file("learned.onnx.checkpoint"))).toBe(false);
  });

  test("leaves a note of its settings, and the plan of an earlier pruning", async () => {
    const pruned: Model = { ...tinyClassifier(), metadata: new Map([["shapley_pruner.plan", "{}"]]) };
    const path = folder.model("pruned.onnx", pruned);
    const { data: fingerprint, model } = await tune(path, "noted.onnx", { training: { epochs: 1 } });
    const { metadata } = await readModelFile(folder.file("noted.onnx"));
    expect(metadata.get("shapley_pruner.plan")).toBe("{}");
    expect(metadata.get("shapley_pruner.trained_from_sha256")).toBe(model);
    const note = JSON.parse(metadata.get("shapley_pruner.training")!) as object;
    expect(note).toMatchObject({ data: fingerprint, examples: 48, epochs: 1, command: "finetune" });
    expect(note).toMatchObject({ settings: { batchSize: 8, learningRate: 0.05, seed: 0 } });
  });

  test("ends early where nothing improves, with the best epoch", async () => {
    const training = { epochs: 30, learningRate: 1e-9, patience: 2, minDelta: 0.1 };
    const { stoppedBy, history, bestEpoch } = await tune(tiny, "early.onnx", { training });
    expect({ stoppedBy, epochs: history.epochs.length, bestEpoch }).toEqual({
      stoppedBy: "patience",
      epochs: 3,
      bestEpoch: 1,
    });
  });

  test("takes one step of all examples where the batch is larger than they are", async () => {
    const { history } = await tune(tiny, "one.onnx", { training: { epochs: 2, batchSize: 1000 } });
    expect(history.losses).toHaveLength(2);
  });

  test("trains on a single example where data for the figures are their own", async () => {
    const path = folder.npy("single-images.npy", noise([1, 1, 6, 6]));
    folder.npy("single-labels.npy", fromNumbers("uint8", [1], [1]));
    const options = { data: { path }, testData: data, validation: { count: 0 } };
    const { history, examples: used } = await tune(tiny, "single.onnx", options);
    expect(used).toEqual({ train: 1, validate: 0, test: examples });
    expect(history.losses.at(-1)).toBeLessThan(history.losses[0]!);
  });

  test("learns numbers for an output of one", async () => {
    const path = folder.model("regression.onnx", regression());
    const numbers = folder.npy("numbers.npy", float32([examples], Float32Array.from(labels)));
    const options = { data: { ...data, labels: numbers }, training: { epochs: 10, learningRate: 0.2 } };
    const { before, after } = await tune(path, "r.onnx", options);
    expect(after.accuracy).toBeNull();
    expect(after.loss!).toBeLessThan(0.8 * before!.loss!);
  });

  test("takes whole numbers for numbers where squared error is asked for", async () => {
    const path = folder.model("counts.onnx", regression());
    const { after } = await tune(path, "counts-out.onnx", { training: { epochs: 1, loss: "squared-error" } });
    expect(after).toMatchObject({ accuracy: null, loss: expect.any(Number) });
  });
});

describe("interruptions", () => {
  const training = {
    optimizer: "adam",
    averageDecay: 0.9,
    schedule: { kind: "cosine", finalShare: 0 },
    augmentations: [{ kind: "flip" }],
  } as const;

  /** Aborts when so many steps are done; returns the steps that were done then. */
  async function interrupted(out: string, steps: number, resume: boolean): Promise<void> {
    const controller = new AbortController();
    const run = tune(normed, out, {
      training,
      resume,
      signal: controller.signal,
      onProgress: ({ label, done }) => {
        if (label === "training" && done >= steps) controller.abort(new Error("enough"));
      },
    });
    const error = await run.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(isProblem(error, "interrupted") && error.data.next).toMatch(/checkpoint.*--resume/);
    expect(existsSync(folder.file(out))).toBe(false);
    expect(existsSync(folder.file(`${out}.checkpoint`))).toBe(true);
  }

  let whole: TrainingRecord | undefined;
  test.each([[[1]], [[7]], [[6]], [[24]], [[5, 12, 13, 20]]])(
    "after steps %j a resumed run ends with the bytes of an unbroken one",
    async (stops) => {
      whole ??= await tune(normed, "whole.onnx", { training });
      const out = `broken-${stops.join("-")}.onnx`;
      for (const [k, steps] of stops.entries()) await interrupted(out, steps, k > 0);
      const { history, bestEpoch } = await tune(normed, out, { training, resume: true });
      expect(bytesOf(out).equals(bytesOf("whole.onnx"))).toBe(true);
      expect(history).toEqual(whole.history);
      expect(bestEpoch).toBe(whole.bestEpoch);
      expect(existsSync(folder.file(`${out}.checkpoint`))).toBe(false);
    },
  );

  test("a run that patience had ended does not go on when it is resumed", async () => {
    const patient = {
      ...training,
      epochs: 9,
      learningRate: 1e-9,
      averageDecay: undefined,
      patience: 1,
      minDelta: 1,
    };
    const whole = await tune(normed, "patient.onnx", { training: patient });
    expect(whole.stoppedBy).toBe("patience");
    const controller = new AbortController();
    const broken = tune(normed, "impatient.onnx", {
      training: patient,
      signal: controller.signal,
      onProgress: ({ label }) =>
        label === "evaluating the trained model" && controller.abort(new Error("now")),
      onRemark: (remark) => remark.startsWith("epoch 2") && controller.abort(new Error("now")),
    });
    await expect(broken).rejects.toThrow(/Interrupted/);
    const { history } = await tune(normed, "impatient.onnx", { training: patient, resume: true });
    expect(history.epochs).toHaveLength(2);
    expect(bytesOf("impatient.onnx").equals(bytesOf("patient.onnx"))).toBe(true);
  });

  test("a checkpoint of other settings, data or weights is refused, and stays", async () => {
    await interrupted("mine.onnx", 3, false);
    const file = folder.file("mine.onnx.checkpoint");
    const state = readFileSync(file);
    const refuse = (path: string, choices: Choices, words: RegExp) =>
      expect(tune(path, "mine.onnx", { training, resume: true, ...choices })).rejects.toThrow(words);
    await refuse(
      normed,
      { training: { ...training, learningRate: undefined } },
      /its learning rate is 0.05, this run has 0.001/,
    );
    await refuse(normed, { training: { ...training, batchSize: 4 } }, /batch size/);
    await refuse(normed, { validation: { count: 7 } }, /data/);
    await refuse(tiny, {}, /model/);
    expect(readFileSync(file).equals(state)).toBe(true);
    writeFileSync(file, state.subarray(0, state.length - 40));
    await refuse(normed, {}, /damaged/);
  });

  test("another pace that is stated is taken from there on, told and recorded", async () => {
    await interrupted("slower.onnx", 13, false);
    const remarks: string[] = [];
    const slower = { ...training, learningRate: 0.01, clipNorm: 1 };
    const { history, settings } = await tune(normed, "slower.onnx", {
      training: slower,
      resume: true,
      onRemark: (remark) => remarks.push(remark),
    });
    expect(remarks).toContain("learning rate: 0.05 up to step 13, 0.01 from there on");
    expect(remarks).toContain("clip: none up to step 13, 1 from there on");
    expect(history.changes).toEqual([
      { step: 13, setting: "learning rate", from: 0.05, to: 0.01 },
      { step: 13, setting: "clip", from: null, to: 1 },
    ]);
    expect(settings.learningRate).toBe(0.01);
    whole ??= await tune(normed, "whole.onnx", { training });
    expect(history.losses.slice(0, 13)).toEqual(whole.history.losses.slice(0, 13));
    expect(history.losses.at(-1)).not.toBe(whole.history.losses.at(-1));
    const { metadata } = await readModelFile(folder.file("slower.onnx"));
    expect(JSON.parse(metadata.get("shapley_pruner.training")!).changes).toEqual(history.changes);
  });

  test("an earlier checkpoint is mentioned where it is not continued", async () => {
    await interrupted("again.onnx", 3, false);
    const remarks: string[] = [];
    await tune(normed, "again.onnx", { training, onRemark: (remark) => remarks.push(remark) });
    expect(remarks[0]).toMatch(/again\.onnx\.checkpoint: left by an earlier run/);
  });
});

describe("a run that diverges", () => {
  const wild = { epochs: 6, learningRate: 1e3 };

  test("says so where the outputs on examples kept apart overflow first, and goes on more slowly", async () => {
    const error: unknown = await tune(normed, "wild.onnx", { training: wild }).catch((reason) => reason);
    if (!isProblem(error, "training-diverged")) throw error;
    expect(error.message).toMatch(/Lower --lr/);
    expect(error.message).toMatch(/wild\.onnx\.checkpoint: --resume goes on from it, with another --lr/);
    const tame = { ...wild, learningRate: 1e-3 };
    const { history } = await tune(normed, "wild.onnx", { training: tame, resume: true });
    expect(history.epochs).toHaveLength(6);
  });

  test.each([
    [1e30, /diverged at step 0: the outputs of the trained model are not finite/],
    [1e60, /diverged at step 0: ".*" is no longer finite/],
  ])("in its only step, at a rate of %d, leaves no checkpoint and no model", async (learningRate, words) => {
    const training = { epochs: 1, batchSize: 60, learningRate };
    const run = tune(normed, "ruin.onnx", { training, validation: { count: 0 } });
    await expect(run).rejects.toThrow(words);
    expect(existsSync(folder.file("ruin.onnx"))).toBe(false);
    expect(existsSync(folder.file("ruin.onnx.checkpoint"))).toBe(false);
  });
});

test("1 and 2 workers give the same bytes, other shards others", async () => {
  const training = { augmentations: [{ kind: "flip" }] } as const;
  await tune(normed, "w1.onnx", { training });
  await tune(normed, "w2.onnx", { training, workers: 2 });
  await tune(normed, "s8.onnx", { training: { ...training, shardSize: 8 } });
  expect(bytesOf("w2.onnx").equals(bytesOf("w1.onnx"))).toBe(true);
  expect(bytesOf("s8.onnx").equals(bytesOf("w1.onnx"))).toBe(false);
});

describe("a teacher", () => {
  test("is agreed with more, without labels and with inputs of another name", async () => {
    await tune(tiny, "teacher.onnx", { training: { epochs: 10, learningRate: 0.2 } });
    const g = graphBuilder();
    head(g, relu(g, conv(g, g.input("picture", ["N", 1, 6, 6]), "c1", 1, 4)), 4);
    const student = folder.model("student.onnx", g.build());
    const teacher = await loadModel(folder.file("teacher.onnx"));
    const choices = { teacher, data: unlabelled, training: { epochs: 8, learningRate: 0.1 } };
    const { before, after, history, accuracyChange } = await tune(student, "taught.onnx", choices);
    expect(after.divergence!).toBeLessThan(0.7 * before!.divergence!);
    expect(after).toMatchObject({ accuracy: null, loss: null });
    expect(accuracyChange).toBeNull();
    expect(history.epochs[0]!.validation).toEqual({ loss: expect.any(Number) });
    const varied = {
      ...choices,
      training: { ...choices.training, augmentations: [{ kind: "flip" }] as const },
    };
    const again = await tune(student, "varied.onnx", varied);
    expect(again.after.divergence!).toBeLessThan(0.7 * before!.divergence!);
  });

  test.each([
    ["other inputs", () => tinyLike(["N", 1, 8, 8], 2), /its input "x" is \[N, 1, 8, 8\].*\[N, 1, 6, 6\]/],
    ["other classes", () => tinyLike(["N", 1, 6, 6], 3), /its output is \[N, 3\], the model's is \[N, 2\]/],
    ["probabilities for logits", () => tinyLike(["N", 1, 6, 6], 2, true), /probabilities/],
    ["two inputs", twoInputs, /an input "y" that the model does not have/],
  ])("with %s is refused", async (_, make, words) => {
    const teacher = await loadModel(folder.model("odd.onnx", make()));
    await expect(tune(tiny, "never.onnx", { teacher })).rejects.toThrow(words);
  });
});

function tinyLike(input: (string | number)[], classes: number, softmax = false): Model {
  const g = graphBuilder();
  const x = relu(g, conv(g, g.input("x", input), "c1", 1, 4));
  const logits = dense(g, g.node("Flatten", [g.node("GlobalAveragePool", [x])]), "out", 4, classes);
  g.output(softmax ? g.node("Softmax", [logits]) : logits, ["N", classes]);
  return g.build();
}

function twoInputs(): Model {
  const g = graphBuilder();
  const sum = g.node("Add", [g.input("x", ["N", 1, 6, 6]), g.input("y", ["N", 1, 6, 6])]);
  head(g, relu(g, conv(g, sum, "c1", 1, 4)), 4);
  return g.build();
}

describe("what stays", () => {
  test("frozen weights, by name, glob or node, keep their bytes", async () => {
    const start = await weightsOf("tiny.onnx");
    const changed = async (freeze: string[]) => {
      await tune(tiny, "frozen.onnx", { training: { epochs: 1, freeze } });
      const end = await weightsOf("frozen.onnx");
      return [...start.keys()].filter((name) =>
        start.get(name)!.some((value, k) => value !== end.get(name)![k]),
      );
    };
    const all = await changed([]);
    expect(all.length).toBeGreaterThan(3);
    const first = all.filter((name) => name.startsWith("c1"));
    expect(await changed(["c1"])).toEqual(all.filter((name) => !first.includes(name)));
    expect(await changed(["/^(c1|c2)/", "*.bias"])).toEqual(all.filter((name) => /^out.*weight$/.test(name)));
  });

  test("patterns without meaning are refused with near names", () => {
    expect(() => frozenBy(tinyClassifier(), ["c9.weight"])).toThrow(
      /--freeze: "c9\.weight" matches no.*nearest names: c/,
    );
    expect(() => frozenBy(tinyClassifier(), ["/(/"])).toThrow(/regular expression/);
  });

  test("frozen normalisation keeps its running statistics, and otherwise they move", async () => {
    const statistics = async (name: string) => {
      const { graph } = await readModelFile(folder.file(name));
      const norm = graph.nodes.find(({ opType }) => opType === "BatchNormalization")!;
      return norm.inputs.slice(3).map((input) => [...toNumbers(graph.initializers.get(input)!.load())]);
    };
    await tune(normed, "kept.onnx", { training: { epochs: 1, freezeNorm: true } });
    await tune(normed, "moved.onnx", { training: { epochs: 1 } });
    expect(await statistics("kept.onnx")).toEqual(await statistics("normed.onnx"));
    expect(await statistics("moved.onnx")).not.toEqual(await statistics("normed.onnx"));
  });

  test("weights that are zero stay zero where that is asked for", async () => {
    const model = tinyClassifier();
    const [name, weight] = [...model.graph.initializers].find(([, { shape }]) => shape.length === 4)!;
    const sparse = toNumbers(weight.load()).map((value, k) => (k % 3 === 0 ? 0 : value));
    const initializers = new Map(model.graph.initializers);
    initializers.set(name, stored(float32(weight.shape, Float32Array.from(sparse))));
    const path = folder.model("sparse.onnx", { ...model, graph: { ...model.graph, initializers } });
    const zeros = async (keepZeros: boolean) => {
      await tune(path, "dense.onnx", { training: { epochs: 1, keepZeros } });
      return (await weightsOf("dense.onnx")).get(name)!.filter((value) => value === 0).length;
    };
    expect(await zeros(true)).toBe(Math.ceil(sparse.length / 3));
    expect(await zeros(false)).toBeLessThan(Math.ceil(sparse.length / 3));
  });
});

test("weights in half precision are trained in single and written back in half", async () => {
  const model = tinyClassifier();
  const half = (value: Tensor) => fromNumbers("float16", value.shape, toNumbers(value));
  const { graph } = model;
  const path = folder.model("half.onnx", {
    ...model,
    graph: {
      ...graph,
      inputs: graph.inputs.map((input) => ({ ...input, dtype: "float16" as const })),
      outputs: graph.outputs.map((output) => ({ ...output, dtype: "float16" as const })),
      initializers: new Map(
        [...graph.initializers].map(([name, value]) => [name, stored(half(value.load()))]),
      ),
      valueInfo: new Map(),
    },
  });
  const { before, after } = await tune(path, "half-out.onnx", { training: { epochs: 8, learningRate: 0.2 } });
  expect(after.loss!).toBeLessThan(before!.loss!);
  const written = await readModelFile(folder.file("half-out.onnx"));
  for (const { dtype } of [...written.graph.initializers.values(), ...written.graph.inputs])
    expect(dtype).toBe("float16");
});

test("a fixed batch stays fixed in what is written", async () => {
  const path = folder.model("fixed.onnx", tinyClassifier(1));
  await tune(path, "fixed-out.onnx", { training: { epochs: 1 } });
  const { graph } = await readModelFile(folder.file("fixed-out.onnx"));
  expect(graph.inputs[0]!.shape).toEqual([1, 1, 6, 6]);
});

describe("cutting data", () => {
  const draw = stream(5, 0);
  const numbered = (size: number): Dataset =>
    datasetFromArrays({
      inputs: float32(
        [size, 1],
        Float32Array.from({ length: size }, (_, k) => k),
      ),
      labels: fromNumbers(
        "uint8",
        [size],
        Array.from({ length: size }, () => (uniform(draw) < 0.3 ? 1 : 0)),
      ),
    });
  const rows = (part: Dataset | undefined) => [...(part?.rows ?? [])];

  test.each([4, 10, 57, 300])("%i examples: parts are disjoint and whole, and seeds draw others", (size) => {
    const whole = numbered(size);
    const { train, validate, test: last } = cutForTraining(whole, undefined, { share: 0.2 }, 1);
    const all = [...rows(train), ...rows(validate), ...rows(last)];
    expect(all.sort((a, b) => a - b)).toEqual(rows(whole));
    expect(validate!.size).toBe(Math.max(1, Math.round(0.2 * size)));
    expect(last.size).toBe(Math.max(1, Math.round(0.1 * size)));
    if (size > 50)
      expect(rows(cutForTraining(whole, undefined, { share: 0.2 }, 2).train)).not.toEqual(rows(train));
  });

  test("test data of their own leave the rest to training", () => {
    const [whole, own] = [numbered(20), numbered(5)];
    const parts = cutForTraining(whole, own, { count: 0 }, 1);
    expect(parts).toEqual({ train: whole, validate: undefined, test: own });
    expect(cutForTraining(whole, own, { count: 8 }, 1).train.size).toBe(12);
  });

  test.each([
    [20, { count: 17 }, /--validation: got "17", expected at most 16 of 20/],
    [20, { share: 0.95 }, /--validation: got "95%"/],
    [1, { share: 0.1 }, /1 example is too few/],
    [3, { share: 0.1 }, /3 examples are too few/],
  ])("%i examples cannot spare %j", (size, portion, words) => {
    expect(() => cutForTraining(numbered(size), undefined, portion, 0)).toThrow(words);
  });
});

test("recipes fall where they should, also over fewer epochs", () => {
  const { schedule, learningRate } = recipeDefaults(networks.resnet20.recipe);
  const rate = (step: number) =>
    learningRateAt(schedule, learningRate, step, { totalSteps: 200, stepsPerEpoch: 10 }); // 20 epochs for 200
  expect([0, 99, 100, 149, 150].map(rate)).toEqual(
    [0.1, 0.1, 0.01, 0.01, 0.001].map((x) => expect.closeTo(x, 12)),
  );
});
