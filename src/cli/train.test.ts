/** @file The commands train and finetune: what they print, what they write, and whatever is wrong with what they get. */
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { command, documentOf, temporaryFolder } from "../../test/helpers/command.ts";
import { conv, head, relu } from "../../test/helpers/networks.ts";
import { refusals } from "../../test/helpers/refusals.ts";
import { noise, tinyClassifier, turns } from "../../test/helpers/tiny-classifier.ts";
import type { Model } from "../graph/model.ts";
import { networks } from "../networks/index.ts";
import { readModelFile } from "../onnx/read.ts";
import { finetuneDefaults } from "../pipeline/training-options.ts";
import type { TrainingRecord } from "../pipeline/training-record.ts";
import { float32, fromNumbers } from "../tensor/tensor.ts";
import { optimizerKinds } from "../training/optimizers/index.ts";
import { networkNames } from "./train.ts";
import { optimizerNames } from "./training-options.ts";

const folder = temporaryFolder();
const assets = join(import.meta.dirname, "../../assets");
const lenet = join(assets, "lenet5-mnist.onnx");
const digits = ["--data", join(assets, "mnist-rank-images.idx3-ubyte.gz"), "--limit", 200];
const model = folder.model("tiny.onnx", tinyClassifier());
const examples = 40;
const images = folder.npy("x-images.npy", noise([examples, 1, 6, 6]));
folder.npy("x-labels.npy", turns(examples));
const bare = folder.npy("bare.npy", noise([examples, 1, 6, 6]));
const data = ["--data", images];
const out = folder.file("out.onnx");
const tuned = ["finetune", model, ...data, "--workers", 1, "--out", out];
const quick = [...tuned, "--epochs", 1, "--quiet"];

describe("finetune", () => {
  test("one document holds the whole record", async () => {
    const record = await documentOf<TrainingRecord>([...quick, "--batch", 8, "--epochs", 2]);
    expect(record).toMatchObject({ schemaVersion: 1, command: "finetune", network: null, teacher: null });
    expect(record.examples).toEqual({ train: 32, validate: 4, test: 4 });
    expect(record.settings).toMatchObject({
      ...finetuneDefaults,
      epochs: 2,
      batchSize: 8,
      shardSize: "auto",
    });
    expect(record.lesson).toEqual({});
    expect(record.history.losses).toHaveLength(8);
    for (const epoch of record.history.epochs)
      expect(epoch).toEqual({
        epoch: expect.any(Number),
        loss: expect.any(Number),
        penalties: {},
        learningRate: expect.any(Number),
        validation: { loss: expect.any(Number), accuracy: expect.any(Number) },
      });
    for (const figures of [record.before!, record.after])
      expect(figures).toMatchObject({ accuracy: expect.any(Number), divergence: null, latencyMs: null });
    expect(record.accuracyChange).toMatchObject({ lost: expect.any(Number), gained: expect.any(Number) });
    expect(record.steps).toBe(8);
    expect(record.seconds).toBeGreaterThan(0);
    expect(record.examplesPerSecond).toBeGreaterThan(0);
    expect(record.after.bytes).toBe(readFileSync(out).length);
    for (const hash of [record.model, record.data]) expect(hash).toMatch(/^[0-9a-f]{64}$/);
  });

  test("people see the curve, the figures and what was done", async () => {
    const { code, out: text, err } = await command([...tuned, "--epochs", 2]);
    expect(code).toBe(0);
    expect(err).toMatch(
      /^epoch 1 of 2: loss [\d.]+, on examples kept apart [\d.]+ and [\d.]+% right\nepoch 2 of 2.*$/,
    );
    expect(text).toMatch(/^epoch +loss +validation loss +accuracy +rate at end\n +1 .*\n +2 /);
    expect(text).toMatch(/^cross-entropy \(nats\) .*\(.* to .*\).*[+-]\d/m);
    expect(text).toMatch(
      /^Trained 237 parameters on 32 examples in .* Epoch [12] of 2 chosen by 4 others\. Figures from 4 others\.$/m,
    );
    expect(text).toMatch(/out\.onnx: written\./);
    expect(text).toMatch(/Accuracy changes by/);
    expect(await command([...tuned, "--epochs", 2, "--quiet"])).toMatchObject({ code: 0, err: "" });
  });

  test("every option about steps arrives in the settings", async () => {
    const argv = [
      "--optimizer",
      "sgd",
      "--lr",
      0.02,
      "--momentum",
      0.5,
      "--no-nesterov",
      "--schedule",
      "warm-up:1+step:50%:0.1",
    ];
    const more = [
      "--weight-decay",
      0.001,
      "--decay-all",
      "--clip",
      2,
      "--clip-value",
      0.5,
      "--ema",
      0.9,
      "--augment",
      "flip",
    ];
    const last = ["--patience", 4, "--min-delta", 0.01, "--keep-zeros", "--shard-size", 4, "--seed", 7];
    const { settings } = await documentOf<TrainingRecord>([...quick, ...argv, ...more, ...last]);
    expect(settings).toEqual({
      epochs: 1,
      batchSize: 128,
      shardSize: 4,
      optimizer: { kind: "sgd", momentum: 0.5, nesterov: false },
      learningRate: 0.02,
      schedule: { kind: "step", at: [{ share: 0.5 }], factor: 0.1, warmUp: { epochs: 1 } },
      weightDecay: { strength: 0.001, on: "all" },
      clipNorm: 2,
      clipValue: 0.5,
      averageDecay: 0.9,
      augmentations: [{ kind: "flip" }],
      keepZeros: true,
      stopping: { patience: 4, minDelta: 0.01 },
      seed: 7,
    });
    const adam = await documentOf<TrainingRecord>([...quick, "--optimizer", "adamw"]);
    expect(adam.settings).toMatchObject({ optimizer: { kind: "adamw" }, learningRate: 0.001 });
    const still = await documentOf<TrainingRecord>([...quick, "--momentum", 0]);
    expect(still.settings.optimizer).toEqual({ kind: "sgd", momentum: 0, nesterov: false });
  });

  test("LeNet-5 gets no worse from its teacher, itself", async () => {
    const argv = ["finetune", lenet, ...digits, "--pixel-scale", 255, "--teacher", lenet, "--epochs", 1];
    const record = await documentOf<TrainingRecord>([...argv, "--out", out, "--quiet", "--batch", 32]);
    expect(record).toMatchObject({ teacher: record.model, examples: { train: 160 } });
    expect(record.before!.divergence).toBeCloseTo(0, 6);
    expect(record.after.divergence!).toBeLessThan(0.05);
  });

  test("operators without a gradient are passed over where that is asked for", async () => {
    const path = folder.model("round.onnx", withoutGradient());
    const argv = ["finetune", path, ...data, "--out", out, "--epochs", 1, "--quiet", "--workers", 1];
    const { trainedParameters } = await documentOf<TrainingRecord>([
      ...argv,
      ...["--treat-as-constant", "LpNormalization"],
    ]);
    expect(trainedParameters).toBe(4 * 2 + 2);
  });
});

describe("train", () => {
  const train = ["train", "lenet5", ...digits, "--epochs", 1, "--quiet", "--out", out];

  test("follows the recipe, and options override it", async () => {
    const { recipe } = networks.lenet5;
    const record = await documentOf<TrainingRecord>([...train, "--sizes", "4-6-20", "--lr", 0.01]);
    expect(record).toMatchObject({ command: "train", network: "lenet5", before: null });
    expect(record.settings).toMatchObject({
      epochs: 1,
      batchSize: recipe.batchSize,
      optimizer: recipe.optimizer,
      learningRate: 0.01,
    });
    const { graph, metadata } = await readModelFile(out);
    expect(graph.initializers.get("c3.weight")!.shape).toEqual([6, 4, 5, 5]);
    const note = JSON.parse(metadata.get("shapley_pruner.training")!) as object;
    expect(note).toMatchObject({ network: "lenet5", preprocessing: { pixelScale: 255 } });
    expect(metadata.get("shapley_pruner.network")).toBe("lenet5");
  });

  test("bytes are prepared by the recipe, as if its scale had been stated, and other numbers left as they are", async () => {
    const small = [...train, "--sizes", "2-2-5"];
    const own = await documentOf<TrainingRecord>(small);
    const same = await documentOf<TrainingRecord>([...small, "--pixel-scale", 255]);
    expect(own.history).toEqual(same.history);
    const raw = await documentOf<TrainingRecord>([...small, "--pixel-scale", 1, "--clip", 1]);
    expect(raw.history.losses[0]).not.toBe(own.history.losses[0]);
    const floats = folder.npy("floats-images.npy", noise([20, 1, 28, 28]));
    folder.npy("floats-labels.npy", turns(20));
    const argv = [
      "train",
      "lenet5",
      "--data",
      floats,
      "--sizes",
      "2-2-5",
      "--epochs",
      1,
      "--out",
      out,
      "--quiet",
    ];
    const plain = await documentOf<TrainingRecord>(argv);
    const stated = await documentOf<TrainingRecord>([...argv, "--pixel-scale", 1]);
    expect(plain.history).toEqual(stated.history);
  });

  test("one channel takes the mean of what the recipe has for three", async () => {
    const grey = folder.npy(
      "grey-images.npy",
      fromNumbers(
        "uint8",
        [40, 1, 16, 16],
        Array.from({ length: 40 * 256 }, (_, k) => k % 256),
      ),
    );
    folder.npy("grey-labels.npy", turns(40));
    const argv = [
      "train",
      "resnet20",
      "--data",
      grey,
      "--input-channels",
      1,
      "--input-size",
      16,
      "--width",
      2,
    ];
    const { settings } = await documentOf<TrainingRecord>([
      ...[...argv, "--classes", 2, "--epochs", 1, "--out", out, "--quiet", "--augment", "none"],
    ]);
    expect(settings.augmentations).toEqual([]);
    const { metadata } = await readModelFile(out);
    const note = JSON.parse(metadata.get("shapley_pruner.training")!) as {
      preprocessing: { mean: number[] };
    };
    expect(note.preprocessing.mean).toEqual([expect.closeTo(0.449, 6)]);
  });
});

test("names and defaults in --help are those of the registries", async () => {
  expect([...networkNames]).toEqual(Object.keys(networks));
  expect([...optimizerNames]).toEqual([...optimizerKinds]);
  const help = (await command(["finetune", "--help"])).out.replaceAll(/\s+/g, " ");
  const { epochs, batchSize, learningRate, schedule, weightDecay } = finetuneDefaults;
  for (const text of [epochs, batchSize, learningRate, schedule.kind, weightDecay.strength])
    expect(help).toContain(`default: ${text}`);
});

const all = refusals(folder);
const tune = (...more: readonly (string | number)[]) => [...quick, ...more];
const other = (name: string, make: () => Model) => () => [
  "finetune",
  folder.model(name, make()),
  ...data,
  "--out",
  out,
  "--workers",
  1,
];

all("options of training", [
  ["no epochs", () => tune("--epochs", 0), "usage", 2, /whole number from 1/],
  ["no batch", () => tune("--batch", 0), "usage", 2],
  ["a rate of nothing", () => tune("--lr", 0), "invalid-option", 2, /--lr: got "0"/],
  ["a rate that is none", () => tune("--lr", "fast"), "usage", 2],
  ["too much momentum", () => tune("--momentum", 1), "invalid-option", 2, /--momentum/],
  ["a look ahead without momentum", () => tune("--momentum", 0, "--nesterov"), "invalid-option", 2],
  ["momentum for Adam", () => tune("--optimizer", "adam", "--momentum", 0.9), "usage", 2, /sgd/],
  ["an optimizer that is none", () => tune("--optimizer", "adagrad"), "usage", 2, /sgd, adam, adamw/],
  ["a schedule that is none", () => tune("--schedule", "spiral"), "invalid-option", 2, /cosine/],
  ["negative decay", () => tune("--weight-decay", -1), "invalid-option", 2],
  ["a clip of nothing", () => tune("--clip", 0), "invalid-option", 2],
  ["an average that never moves", () => tune("--ema", 1), "invalid-option", 2],
  ["an augmentation that is none", () => tune("--augment", "mixup"), "invalid-option", 2],
  ["a shift out of the image", () => tune("--augment", "shift:6"), "augmentation-not-applicable", 2],
  ["a difference without patience", () => tune("--min-delta", 0.1), "usage", 2, /--patience/],
  ["patience without validation", () => tune("--patience", 2, "--validation", 0), "usage", 2, /--validation/],
  ["all for validation", () => tune("--validation", "100%"), "usage", 2],
  [
    "more for validation than there is",
    () => tune("--validation", 40),
    "invalid-option",
    2,
    /at most 34 of 40/,
  ],
  ["too much smoothing", () => tune("--label-smoothing", 1), "invalid-option", 2],
  ["a temperature without a teacher", () => tune("--temperature", 2), "usage", 2, /--teacher/],
  ["a weight without a teacher", () => tune("--distill-weight", 0.5), "usage", 2, /--teacher/],
  ["no temperature", () => tune("--teacher", model, "--temperature", 0), "invalid-option", 2],
  ["a teacher of numbers", () => tune("--teacher", model, "--loss", "squared-error"), "usage", 2],
  [
    "labels weighed that are not there",
    () => tune("--no-labels", "--teacher", model, "--distill-weight", 0.5),
    "usage",
    2,
    /without labels/,
  ],
  [
    "an operator the model does not have",
    () => tune("--treat-as-constant", "gemn"),
    "invalid-option",
    2,
    /got "gemn", expected an operator of the model, such as Gemm/,
  ],
  ["a weight nobody knows", () => tune("--freeze", "c7.*"), "unknown-weight", 2, /"c7\.\*"/],
  ["everything frozen", () => tune("--freeze", "*"), "nothing-to-train", 1],
  ["an output there is not", () => tune("--output", "y"), "output-unknown", 2],
  ["no checkpoint", () => tune("--resume"), "checkpoint-missing", 2, /out\.onnx\.checkpoint/],
  ["no place", () => quick.slice(0, -5), "usage", 2, /--out/],
  ["the model's own place", () => tune("--out", model), "usage", 2, /--out/],
  ["the teacher's place", () => tune("--teacher", lenet, "--out", lenet), "usage", 2, /--out/],
  ["data for a checkpoint", () => tune("--checkpoint", images), "usage", 2, /--checkpoint/],
  ["one place for two", () => tune("--checkpoint", out), "usage", 2, /--checkpoint/],
  [
    "a network nobody knows",
    () => ["train", "lenet-5", ...data, "--out", out],
    "unknown-network",
    2,
    /nearest names: lenet5/,
  ],
  [
    "sizes of a network without",
    () => ["train", "resnet20", ...data, "--sizes", "3-4", "--out", out],
    "invalid-option",
    2,
    /lenet5/,
  ],
  ["sizes that are none", () => ["train", "lenet5", ...data, "--sizes", "3-x", "--out", out], "usage", 2],
  ["too few sizes", () => ["train", "lenet5", ...data, "--sizes", "3", "--out", out], "invalid-option", 2],
]);

all("data to train on", [
  ["none", () => ["finetune", model, "--out", out], "usage", 2, /--data/],
  ["none for a network", () => ["train", "lenet5", "--out", out], "usage", 2, /--data/],
  [
    "no labels and no teacher",
    () => ["finetune", model, "--data", bare, "--out", out],
    "labels-missing",
    1,
    /--labels, or a network to learn from with --teacher/,
  ],
  [
    "no labels for squared error",
    () => ["finetune", model, "--data", bare, "--loss", "squared-error", "--out", out],
    "labels-missing",
    1,
  ],
  [
    "labels of no class",
    () => tune("--labels", folder.npy("high.npy", fromNumbers("uint8", [examples], Array(examples).fill(2)))),
    "labels-invalid",
    1,
    /2 classes/,
  ],
  [
    "one label of no class, by its place in the file",
    () => tune("--labels", folder.npy("one.npy", fromNumbers("uint8", [examples], oneHigh(17)))),
    "labels-invalid",
    1,
    /label 2 of example 17 /,
  ],
  [
    "labels of no class for the figures",
    () =>
      tune(
        "--test-data",
        images,
        "--test-labels",
        folder.npy("high.npy", fromNumbers("uint8", [examples], Array(examples).fill(2))),
      ),
    "labels-invalid",
    1,
  ],
  [
    "numbers of another shape",
    () => tune("--labels", folder.npy("wide.npy", noise([examples, 3]))),
    "targets-mismatch",
    1,
    /\[N, 2\].*\[N, 3\]/,
  ],
  [
    "a class for every pixel of an output without",
    () =>
      tune(
        "--labels",
        folder.npy("map.npy", fromNumbers("uint8", [examples, 6, 6], Array(36 * examples).fill(0))),
      ),
    "targets-mismatch",
    1,
    /\[N, 6, 6\]/,
  ],
  [
    "NaN",
    () => [
      "finetune",
      model,
      "--data",
      folder.npy("n-images.npy", float32([2, 1, 6, 6], new Float32Array(72).fill(NaN))),
      "--out",
      out,
    ],
    "data-not-finite",
    1,
  ],
  ["a single example", () => tune("--limit", 1), "usage", 2, /1 example is too few/],
  [
    "colours at the other end",
    () => {
      const path = folder.npy("rgb.npy", fromNumbers("uint8", [20, 32, 32, 3], Array(20 * 3072).fill(1)));
      folder.npy("rgb-y.npy", turns(20));
      return ["train", "resnet20", "--data", path, "--labels", folder.file("rgb-y.npy"), "--out", out];
    },
    "data-shape-mismatch",
    1,
    /--layout nhwc/,
  ],
  ["images of another size", () => ["train", "lenet5", ...data, "--out", out], "data-shape-mismatch", 1],
]);

all("models to train", [
  ["weights none", other("none.onnx", weightless), "nothing-to-train", 1],
  ["weights in whole numbers", other("int.onnx", quantized), "nothing-to-train", 1, /quantized/],
  [
    "a step without gradient",
    other("round.onnx", withoutGradient),
    "no-gradient",
    4,
    /LpNormalization.*--treat-as-constant/,
  ],
  ["shapes nobody can tell", other("sum.onnx", shapeless), "no-gradient", 4, /\(Add\).*Det "determinants"/],
  ["a teacher of other classes", () => tune("--teacher", lenet), "teacher-mismatch", 1],
  ["a teacher there is not", () => tune("--teacher", folder.file("no.onnx")), "file-not-found", 1],
  [
    "a rate that makes it diverge",
    () => [...tune("--lr", 1e30, "--schedule", "constant"), "--epochs", 5, "--batch", 8, "--validation", 0],
    "training-diverged",
    1,
    /No state had been saved.*--lr/,
  ],
]);

test("operators whose rule does not cover their use are passed over where that is asked for", async () => {
  const path = folder.model("sum.onnx", shapeless());
  const argv = ["finetune", path, ...data, "--epochs", 1, "--quiet", "--workers", 1, "--out", out];
  const record = await documentOf<TrainingRecord>([...argv, "--treat-as-constant", "Add"]);
  expect(record.trainedParameters).toBe(10); // the head; the convolution lies before the sum
});

test("one example is told in the singular", async () => {
  const { out: text } = await command([...quick, "--limit", 4]);
  expect(text).toMatch(/on 2 examples in .*chosen by 1 other\. Figures from 1 other\./);
});

test("a pipe or a device is not replaced by a file", async () => {
  const pipe = folder.file("pipe");
  execFileSync("mkfifo", [pipe]);
  const { code, err } = await command([...quick, "--out", pipe]);
  expect([code, err]).toEqual([
    1,
    expect.stringMatching(/pipe: cannot be written \(it is a device or a pipe/),
  ]);
  expect(statSync(pipe).isFIFO()).toBe(true);
});

/** Labels of class 0, apart from one beyond the classes. */
function oneHigh(place: number): number[] {
  return Array.from({ length: examples }, (_, k) => (k === place ? 2 : 0));
}

/** A sum with something whose shape nobody can tell. */
function shapeless(): Model {
  const g = graphBuilder();
  const x = relu(g, conv(g, g.input("x", ["N", 1, 6, 6]), "c1", 1, 4));
  const axes = g.initializer("axes", fromNumbers("int64", [2], [2, 3]));
  const determinants = g.node("Det", [x], {}, { name: "determinants" });
  head(g, g.node("Add", [x, g.node("Unsqueeze", [determinants, axes])]), 4);
  return g.build();
}

function weightless(): Model {
  const g = graphBuilder();
  const x = g.node("Flatten", [g.node("GlobalAveragePool", [g.input("x", ["N", 1, 6, 6])])]);
  g.output(g.node("Concat", [x, x], { axis: 1 }), ["N", 2]);
  return g.build();
}

/** Weights that are dequantised when they are used. */
function quantized(): Model {
  const g = graphBuilder();
  const x = g.node("Flatten", [g.input("x", ["N", 1, 6, 6])]);
  const whole = g.initializer(
    "w",
    fromNumbers(
      "int8",
      [36, 2],
      Array.from({ length: 72 }, (_, k) => (k % 7) - 3),
    ),
  );
  const scale = g.initializer("scale", float32([], Float32Array.of(0.1)));
  g.output(g.node("MatMul", [x, g.node("DequantizeLinear", [whole, scale])]), ["N", 2]);
  return g.build();
}

function withoutGradient(): Model {
  const g = graphBuilder();
  const x = relu(g, conv(g, g.input("x", ["N", 1, 6, 6]), "c1", 1, 4));
  head(g, g.node("LpNormalization", [x], { axis: 1, p: 2 }), 4);
  return g.build();
}
