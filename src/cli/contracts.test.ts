/** @file What scripts rely on: the JSON of every command, equal bytes for any number of workers, a quiet stderr. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { npyBytes } from "../../test/helpers/array-files.ts";
import { graphBuilder } from "../../test/helpers/build.ts";
import { command, documentOf, temporaryFolder } from "../../test/helpers/command.ts";
import { conv, dense, head, relu } from "../../test/helpers/networks.ts";
import { sharedData, sharedModel } from "../../test/helpers/shared.ts";
import { noise, tinyClassifier, turns } from "../../test/helpers/tiny-classifier.ts";
import { criteria } from "../criteria/index.ts";
import { estimators } from "../estimators/index.ts";
import { metrics } from "../metrics/index.ts";
import { criterionNames, estimatorNames, payoffNames } from "./arguments.ts";

const sharp = await import("sharp").then(
  (found) => found.default,
  () => undefined,
);

const folder = temporaryFolder();
const assets = join(import.meta.dirname, "../../assets");
const lenet = join(assets, "lenet5-mnist.onnx");
const digits = [
  "--data",
  join(assets, "mnist-rank-images.idx3-ubyte.gz"),
  "--pixel-scale",
  255,
  "--limit",
  120,
];
const tiny = folder.model("tiny.onnx", tinyClassifier());
const data = ["--data", folder.npy("x-images.npy", noise([40, 1, 6, 6]))];
folder.npy("x-labels.npy", turns(40));
const fast = ["--workers", 1, "--budget", 300];

interface Figures {
  readonly accuracy: number;
  readonly loss: number;
  readonly parameters: number;
  readonly macs: number;
  readonly bytes: number;
  readonly latencyMs: Readonly<Record<string, number>> | null;
}

describe("JSON", () => {
  test("inspect: figures and groups of LeNet-5", async () => {
    const found = await documentOf<{
      parameters: number;
      macs: number;
      prunableParameters: number;
      groups: object[];
    }>(["inspect", lenet]);
    expect(found).toMatchObject({ parameters: 40_165, macs: 498_750 });
    expect(found.prunableParameters).toBe(40_165 - 10); // the biases of the output stay whatever goes
    expect(found.groups).toMatchObject([
      { id: "c1", channels: 10, locked: false, reason: null },
      { id: "c3", channels: 20, locked: false, reason: null },
      { id: "f5", channels: 100, locked: false, reason: null },
      { id: "f6", channels: 25, locked: false, reason: null },
      { id: "out", channels: 10, locked: true, reason: expect.stringMatching(/output/) },
    ]);
  });

  test("rank: values, errors and rows of each group", async () => {
    const ranked = await documentOf<{
      rows: number;
      groups: { id: string; values: number[]; standardErrors: number[]; rows: number }[];
    }>(["rank", tiny, ...data, ...fast]);
    expect(ranked.groups.map(({ id, values }) => [id, values.length])).toEqual([
      ["c1", 4],
      ["c2", 5],
    ]);
    for (const { values, standardErrors, rows } of ranked.groups) {
      expect(standardErrors).toHaveLength(values.length);
      expect(Math.max(...standardErrors)).toBeGreaterThan(0);
      expect(rows).toBeGreaterThan(200);
      expect(rows).toBeLessThanOrEqual(300);
    }
    expect(ranked.rows).toBe(ranked.groups.reduce((sum, { rows }) => sum + rows, 0));
  });

  test("prune and evaluate: figures before and after, which agree", async () => {
    const out = folder.file("json.onnx");
    const argv = [
      "prune",
      lenet,
      ...digits,
      "--target-macs",
      "50%",
      "--budget",
      "2k",
      "--workers",
      2,
      "--out",
      out,
    ];
    const pruned = await documentOf<{ before: Figures; after: Figures }>(argv);
    for (const figures of [pruned.before, pruned.after]) {
      for (const key of ["accuracy", "loss", "parameters", "macs", "bytes"] as const)
        expect(figures[key]).toEqual(expect.any(Number));
      expect(Object.keys(figures.latencyMs!)).toEqual(["1", "32"]);
      for (const ms of Object.values(figures.latencyMs!)) expect(ms).toBeGreaterThan(0);
    }
    expect(pruned.before).toMatchObject({ parameters: 40_165, macs: 498_750 });
    expect(pruned.after.macs).toBeLessThanOrEqual(249_375);
    const found = await documentOf<Figures>(["inspect", out]);
    expect(pruned.after).toMatchObject({ macs: found.macs, parameters: found.parameters });
    expect(pruned.after.bytes).toBe(readFileSync(out).length);
    const evaluation = ["evaluate", out, "--against", lenet, ...digits, "--workers", 1, "--no-latency"];
    const { before, after } = await documentOf<{ before: Figures; after: Figures }>(evaluation);
    expect(before.macs).toBe(498_750);
    expect(after).toMatchObject({ macs: found.macs, bytes: pruned.after.bytes, latencyMs: null });
  });

  test("the metadata of the output name tool, plan and parent", async () => {
    const out = folder.file("meta.onnx");
    const argv = [
      "prune",
      tiny,
      "--criterion",
      "l1",
      "--keep",
      0.5,
      "--out",
      out,
      "--no-latency",
      "--no-verify",
    ];
    const { plan } = await documentOf<{ plan: object }>(argv);
    const { hash } = await documentOf<{ hash: string }>(["inspect", tiny]);
    const text = readFileSync(out, "latin1");
    for (const part of [`shapley-pruner `, JSON.stringify(plan), hash]) expect(text).toContain(part);
  });

  test("several inputs from an .npz with labels", async () => {
    const g = graphBuilder();
    const image = relu(g, conv(g, g.input("image", ["N", 1, 6, 6]), "c1", 1, 4));
    const pooled = g.node("Flatten", [g.node("GlobalAveragePool", [image])]);
    g.output(dense(g, g.node("Concat", [pooled, g.input("extra", ["N", 3])], { axis: 1 }), "out", 7, 2), [
      "N",
      2,
    ]);
    const arrays = {
      "image.npy": npyBytes(noise([12, 1, 6, 6])),
      "extra.npy": npyBytes(noise([12, 3])),
      "labels.npy": npyBytes(turns(12)),
    };
    const path = folder.write("two.npz", zipSync(arrays));
    const model = folder.model("two.onnx", g.build());
    const ranked = await documentOf<{ payoff: string }>(["rank", model, "--data", path, ...fast]);
    expect(ranked.payoff).toBe("cross-entropy");
    const unlabelled = await documentOf<{ payoff: string }>([
      "rank",
      model,
      "--data",
      path,
      "--no-labels",
      ...fast,
    ]);
    expect(unlabelled.payoff).toBe("agreement");
  });

  test("a regression network has a loss, and neither accuracy nor divergence", async () => {
    const labels = folder.npy("numbers.npy", noise([40, 2], 4));
    const out = folder.file("regression.onnx");
    const argv = [
      "prune",
      tiny,
      ...data,
      "--labels",
      labels,
      "--keep",
      0.5,
      ...fast,
      "--no-latency",
      "--out",
      out,
    ];
    const { before, after } = await documentOf<{ before: object; after: object }>(argv);
    for (const figures of [before, after])
      expect(figures).toMatchObject({ accuracy: null, divergence: null, loss: expect.any(Number) });
  });
});

describe("the same seed gives the same bytes with 1, 2 and 4 workers", () => {
  const bytesBy = async (argv: readonly (string | number)[], names: readonly string[]) => {
    const results: Buffer[][] = [];
    for (const workers of [1, 2, 4]) {
      const done = await command([...argv, "--workers", workers, "--quiet"]);
      expect(done).toMatchObject({ code: 0, err: "" });
      results.push(names.map((name) => readFileSync(folder.file(name))));
    }
    for (const one of results.slice(1))
      one.forEach((bytes, k) => {
        expect(bytes.equals(results[0]![k]!), names[k]).toBe(true);
      });
  };

  test("rank, LeNet-5", async () => {
    await bytesBy(["rank", lenet, ...digits, "--budget", "3k", "--out", folder.file("s.json")], ["s.json"]);
  });

  test("prune in two steps, LeNet-5", async () => {
    const argv = [
      "prune",
      lenet,
      ...digits,
      "--budget",
      "2k",
      "--target-macs",
      "50%",
      "--steps",
      2,
      "--no-latency",
    ];
    const files = ["--out", folder.file("p.onnx"), "--save-plan", folder.file("p.json")];
    await bytesBy([...argv, ...files], ["p.onnx", "p.json"]);
  });

  test("finetune, LeNet-5", async () => {
    const argv = ["finetune", lenet, ...digits, "--epochs", 2, "--batch", 32, "--shard-size", 6];
    const teaching = ["--teacher", lenet, "--augment", "shift:2", "--ema", 0.9];
    await bytesBy([...argv, ...teaching, "--out", folder.file("t.onnx")], ["t.onnx"]);
  });

  const resnet = sharedModel("resnet20-cifar10");
  const images = sharedData("cifar10-test-images.npy");
  const isThere = resnet.path !== undefined && images.path !== undefined;
  test.skipIf(!isThere)(`rank, ResNet-20 ${resnet.reason ?? images.reason ?? ""}`, async () => {
    const scale = ["--pixel-scale", 255, "--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"];
    const argv = ["rank", resnet.path!, "--data", images.path!, ...scale, "--limit", 16, "--budget", 300];
    await bytesBy([...argv, "--only", "layer3.*", "--out", folder.file("r.json")], ["r.json"]);
  });
});

test("names in --help are those of the registries", () => {
  expect([...estimatorNames].sort()).toEqual(Object.keys(estimators).sort());
  expect([...criterionNames].sort()).toEqual(["shapley", ...Object.keys(criteria)].sort());
  expect([...payoffNames].sort()).toEqual(Object.keys(metrics).sort());
});

test("without --quiet remarks go to stderr, with it nothing does, and stdout is the same", async () => {
  const argv = [
    "prune",
    tiny,
    ...data,
    ...fast,
    "--keep",
    0.4,
    "--steps",
    2,
    "--no-latency",
    "--out",
    folder.file("q.onnx"),
  ];
  const loud = await command(argv);
  const quiet = await command([...argv, "--quiet"]);
  expect(loud.err).toMatch(/step 1: .* MACs left/);
  expect(quiet).toMatchObject({ code: 0, err: "", out: loud.out });
});

test.skipIf(sharp === undefined)(
  "images of any size serve at the size asked for (skipped without sharp)",
  async () => {
    const g = graphBuilder();
    head(g, relu(g, conv(g, g.input("x", ["N", 3, 6, 6]), "c1", 3, 4)), 4);
    const model = folder.model("rgb.onnx", g.build());
    for (const [name, width] of Object.entries({ cat: 8, dog: 12 })) {
      mkdirSync(folder.file(`pets/${name}`), { recursive: true });
      const picture = sharp!({ create: { width, height: 8, channels: 3, background: "#336699" } });
      await picture.png().toFile(folder.file(`pets/${name}/1.png`));
    }
    const argv = ["evaluate", model, "--data", folder.file("pets"), "--workers", 1, "--no-latency"];
    expect(await command(argv)).toMatchObject({ code: 1, err: expect.stringContaining("--image-size") });
    const { examples } = await documentOf<{ examples: number }>([...argv, "--image-size", "6x6"]);
    expect(examples).toBe(2);
  },
);
