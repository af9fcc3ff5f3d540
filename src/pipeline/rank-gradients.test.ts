/** @file Ranking by gradients from the command line: labels or their stand-ins, aggregates, equal bytes. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { command, documentOf, temporaryFolder } from "../../test/helpers/command.ts";
import { dense, relu } from "../../test/helpers/networks.ts";
import { sharedData, sharedModel } from "../../test/helpers/shared.ts";
import { drawTiny, noise, tinyClassifier, turns } from "../../test/helpers/tiny-classifier.ts";
import { spearman } from "../math/ranks.ts";
import { fromNumbers } from "../tensor/tensor.ts";
import type { Scores } from "./scores-file.ts";

const folder = temporaryFolder();
const tiny = folder.model("tiny.onnx", tinyClassifier());
const images = folder.npy("x-images.npy", noise([40, 1, 6, 6]));
folder.npy("x-labels.npy", turns(40));
const labelled = ["--data", images, "--workers", 1, "--quiet"];

const rank = (argv: readonly (string | number)[], code = 0) => documentOf<Scores>(["rank", ...argv], code);
const valuesOf = ({ groups }: Scores) => groups.flatMap(({ values }) => [...values]);

describe("labels", () => {
  test("class labels give cross-entropy, and the record says so", async () => {
    const scores = await rank([tiny, "--criterion", "taylor", ...labelled]);
    expect(scores).toMatchObject({ criterion: "taylor", payoff: "cross-entropy", estimator: null, rows: 0 });
    expect(scores.labels).toBeUndefined();
    expect(scores.groups.map(({ id, values }) => [id, values.length])).toEqual([
      ["c1", 4],
      ["c2", 5],
    ]);
    for (const value of valuesOf(scores)) expect(value).toBeGreaterThanOrEqual(0);
  });

  test("without labels the model's own predictions stand in, told on stderr and in the record", async () => {
    const argv = [tiny, "--criterion", "taylor", "--data", images, "--no-labels", "--workers", 1];
    const scores = await rank([...argv, "--quiet"]);
    expect(scores).toMatchObject({ payoff: "cross-entropy", labels: "own predictions" });
    expect(Math.max(...valuesOf(scores))).toBeGreaterThan(0);
    const { err } = await command(["rank", ...argv]);
    expect(err).toMatch(/no labels: gradients are taken of .* the class the model itself predicts/);
  });

  test("own predictions are those of two logits, their softmax, and of a single logit", async () => {
    const g = graphBuilder();
    g.output(g.node("Softmax", [drawTiny(g)], { axis: 1 }), ["N", 2]);
    const softmax = folder.model("softmax.onnx", g.build());
    const h = graphBuilder();
    const hidden = relu(h, dense(h, h.node("Flatten", [h.input("x", ["N", 1, 6, 6])]), "f1", 36, 4));
    h.output(dense(h, hidden, "out", 4, 1), ["N", 1]);
    const single = folder.model("single.onnx", h.build());
    const own = ["--criterion", "taylor-signed", "--data", images, "--no-labels", "--workers", 1, "--quiet"];
    const [a, b] = [valuesOf(await rank([tiny, ...own])), valuesOf(await rank([softmax, ...own]))];
    expect(b).toEqual(a.map((value) => expect.closeTo(value, 5)));
    expect(valuesOf(await rank([single, ...own])).some((value) => value !== 0)).toBe(true);
  });

  test("a single output, before or behind its sigmoid, speaks for class 1 of two", async () => {
    const withEnd = (name: string, ends: readonly string[]): string => {
      const g = graphBuilder();
      const hidden = relu(g, dense(g, g.node("Flatten", [g.input("x", ["N", 1, 6, 6])]), "f1", 36, 4));
      const logit = dense(g, hidden, "out", 4, 1);
      g.output(
        ends.reduce((value, opType) => g.node(opType, [value]), logit),
        ["N", 1],
      );
      return folder.model(name, g.build());
    };
    const signed = (path: string) => rank([path, "--criterion", "taylor-signed", ...labelled]);
    const logit = await signed(withEnd("logit.onnx", []));
    const sigmoid = await signed(withEnd("sigmoid.onnx", ["Sigmoid"]));
    const passed = await signed(withEnd("passed.onnx", ["Sigmoid", "Identity"]));
    expect(valuesOf(logit).some((value) => value !== 0)).toBe(true);
    for (const other of [sigmoid, passed])
      expect(valuesOf(other)).toEqual(valuesOf(logit).map((value) => expect.closeTo(value, 5)));
  });

  test("numbers give squared error", async () => {
    const held = folder.npy(
      "numbers.npy",
      fromNumbers("float32", [40, 2], noise([40, 2], 9).data as Float32Array),
    );
    const scores = await rank([tiny, "--criterion", "fisher", ...labelled, "--labels", held]);
    expect(scores.payoff).toBe("squared-error");
  });

  test.each(["agreement", "accuracy", "margin"])("--payoff %s has no gradient here", async (payoff) => {
    const { code, err } = await command([
      "rank",
      tiny,
      "--criterion",
      "snip",
      ...labelled,
      "--payoff",
      payoff,
    ]);
    expect(code).toBe(2);
    expect(err).toMatch(/^error \(payoff-not-differentiable\)/);
  });
});

describe("aggregates", () => {
  test("percentiles, means with deviations, and the record of which", async () => {
    const at = async (name: string) =>
      rank([tiny, "--criterion", "taylor", ...labelled, "--aggregate", name]);
    const [mean, wide, top] = [await at("mean"), await at("mean+2std"), await at("p99.5")];
    expect(wide.settings.aggregate).toBe("mean+2std");
    valuesOf(mean).forEach((value, channel) => {
      expect(valuesOf(wide)[channel]!).toBeGreaterThanOrEqual(value);
      expect(valuesOf(top)[channel]!).toBeGreaterThanOrEqual(value);
    });
  });

  test.each([
    [["--criterion", "taylor", "--aggregate", "median"], /Expected mean, abs-mean/],
    [["--criterion", "taylor", "--aggregate", "p101"], /Expected mean, abs-mean/],
    [["--aggregate", "mean"], /--aggregate mean is for criteria with gradients/],
    [["--criterion", "snip", "--aggregate", "mean"], /no scores of single examples/],
  ] as const)("%j is refused", async (argv, message) => {
    const { code, err } = await command(["rank", tiny, ...labelled, ...argv]);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });
});

test.each(["taylor", "sensitivity", "snip", "grasp", "synflow"])(
  "%s: equal bytes for any number of workers",
  async (criterion) => {
    const bytes = [];
    for (const workers of [1, 2]) {
      const out = folder.file(`scores-${workers}.json`);
      const argv = ["rank", tiny, "--criterion", criterion, "--data", images, "--out", out, "--quiet"];
      expect(await command([...argv, "--workers", workers])).toMatchObject({ code: 0 });
      bytes.push(readFileSync(out, "utf8"));
    }
    expect(bytes[0]).toBe(bytes[1]);
  },
);

const resnet = sharedModel("resnet20-cifar10");
const cifar = sharedData("cifar10-test-images.npy");
const isThere = resnet.path !== undefined && cifar.path !== undefined;
test.skipIf(!isThere)(
  `ResNet-20: signed Taylor orders channels much as leave-one-out does ${resnet.reason ?? cifar.reason ?? ""}`,
  async () => {
    const scale = ["--pixel-scale", 255, "--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"];
    const argv = [
      resnet.path!,
      "--data",
      cifar.path!,
      ...scale,
      "--limit",
      64,
      "--only",
      "layer3.1.conv1",
      "--quiet",
    ];
    const taylor = valuesOf(await rank([...argv, "--criterion", "taylor-signed"]));
    const exact = valuesOf(await rank([...argv, "--estimator", "leave-one-out"]));
    expect(spearman(taylor, exact)).toBeGreaterThan(0.5);
  },
);
