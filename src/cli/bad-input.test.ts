/** @file Whatever is wrong with what a user gives: one line with a code, the right exit status, nothing left behind. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { command, temporaryFolder } from "../../test/helpers/command.ts";
import { conv, dense, head, relu } from "../../test/helpers/networks.ts";
import { refusals } from "../../test/helpers/refusals.ts";
import { noise, tinyClassifier, turns } from "../../test/helpers/tiny-classifier.ts";
import type { Model } from "../graph/model.ts";
import { below, range, stream } from "../math/random.ts";
import { writeModelFile } from "../onnx/write.ts";
import { float32, fromNumbers, int64 } from "../tensor/tensor.ts";

const folder = temporaryFolder();
const assets = join(import.meta.dirname, "../../assets");
const tiny = tinyClassifier();
const model = folder.model("tiny.onnx", tiny);
const bytes = readFileSync(model);
const examples = 24;
const images = folder.npy("x-images.npy", noise([examples, 1, 6, 6]));
folder.npy("x-labels.npy", turns(examples));
const unlabelled = folder.npy("x.npy", noise([examples, 1, 6, 6]));
const data = ["--data", images];
const quick = ["--workers", 1, "--budget", 200];
const out = folder.file("out.onnx");
const half = ["--target-macs", "60%", "--out", out];

const all = refusals(folder);

all("model files", [
  ["no such file", () => ["inspect", folder.file("none.onnx")], "file-not-found", 1, /none\.onnx/],
  ["a folder", () => ["inspect", folder.path], "file-unreadable", 1],
  ["an empty file", () => ["inspect", folder.write("empty.onnx", "")], "model-not-onnx", 1],
  [
    "text",
    () => ["rank", folder.write("text.onnx", "hello, this is no model\n"), ...data],
    ["model-not-onnx", "model-damaged"],
    1,
  ],
  [
    "a picture",
    () => ["inspect", folder.write("p.onnx", Buffer.from("89504e470d0a1a0a0000000d49484452", "hex"))],
    "model-not-onnx",
    1,
  ],
  [
    "half a file",
    () => ["prune", folder.write("half.onnx", bytes.subarray(0, bytes.length >> 1)), ...data, ...half],
    ["model-damaged", "model-not-onnx"],
    1,
  ],
  [
    "a cycle",
    () => ["inspect", folder.model("cycle.onnx", cyclic())],
    "graph-cycle",
    1,
    /first.*second|second.*first/,
  ],
  ["a value nothing makes", () => ["inspect", folder.model("loose.onnx", loose())], "graph-unknown-value", 1],
  [
    "NaN in weights",
    () => ["rank", folder.model("nan.onnx", withBias(Number.NaN)), ...data, ...quick],
    "weights-not-finite",
    1,
    /"c1\.extra".*position 2/,
  ],
  [
    "infinity in weights",
    () => [
      "prune",
      folder.model("inf.onnx", withBias(Number.POSITIVE_INFINITY)),
      "--criterion",
      "l1",
      ...half,
    ],
    "weights-not-finite",
    1,
  ],
  ["nothing prunable", () => ["rank", folder.model("linear.onnx", single()), ...data], "nothing-prunable", 4],
  [
    "nothing prunable, pruned",
    () => ["prune", folder.model("linear.onnx", single()), "--criterion", "l1", ...half],
    "nothing-prunable",
    4,
  ],
  [
    "external data gone",
    async () => ["rank", await external("gone", (path) => rmSync(path)), ...data],
    "external-data-missing",
    1,
    /gone\.onnx\.data/,
  ],
  [
    "external data too short",
    async () => [
      "prune",
      await external("short", (path) => writeFileSync(path, "abc")),
      "--criterion",
      "l1",
      ...half,
    ],
    "external-data-too-short",
    1,
    /short\.onnx\.data has 3 bytes/,
  ],
  [
    "a shape for an input there is not",
    () => ["inspect", model, "--input-shape", "y:N,3"],
    "invalid-option",
    2,
  ],
]);

test("damaged and random bytes always end with a code, never with a defect", async () => {
  const draw = stream(7, 0);
  for (let round = 0; round < 60; round++) {
    const hostile = Buffer.from(bytes);
    if (round % 3 === 0) for (let k = 0; k < 400; k++) hostile[k] = below(256, draw);
    else for (let k = 0; k < 3; k++) hostile[below(hostile.length, draw)]! ^= 1 << (round & 7);
    const outcome = await command(["inspect", folder.write("hostile.onnx", hostile), "--quiet"]);
    expect(outcome.err).not.toMatch(/defect|\n/);
    expect([0, 1, 4]).toContain(outcome.code);
  }
});

const x = (shape: readonly number[]) => noise(shape);
all("data", [
  ["none at all", () => ["rank", model], "criterion-needs-data", 2, /--data|data/i],
  ["none to evaluate on", () => ["evaluate", model], "usage", 2, /--data/],
  ["no such file", () => ["rank", model, "--data", folder.file("no.npy")], "file-not-found", 1],
  [
    "no data format",
    () => ["evaluate", model, "--data", folder.write("d.npy", "some text")],
    "data-format-unknown",
    1,
  ],
  [
    "half an array",
    () => ["rank", model, "--data", folder.write("h.npy", readFileSync(images).subarray(0, 500))],
    "data-file-corrupt",
    1,
  ],
  [
    "a wrong shape",
    () => ["rank", model, "--data", folder.npy("w.npy", x([4, 1, 7, 6]))],
    "data-shape-mismatch",
    1,
    /\[N, 1, 6, 6\].*\[N, 1, 7, 6\]/,
  ],
  [
    "the other layout",
    () => ["rank", folder.model("rgb.onnx", coloured()), "--data", folder.npy("l.npy", x([4, 6, 6, 3]))],
    "data-shape-mismatch",
    1,
    /--layout nhwc/,
  ],
  ["a layout that is none", () => ["rank", model, ...data, "--layout", "hwc"], "usage", 2, /nhwc, nchw/],
  [
    "an element type we do not read",
    () => [
      "rank",
      model,
      "--data",
      folder.write(
        "c.npy",
        Buffer.concat([
          Buffer.from("\x93NUMPY\x01\x00", "latin1"),
          Buffer.from([118, 0]),
          Buffer.from(`${"{'descr': '<c8', 'fortran_order': False, 'shape': (1, 1, 6, 6), }".padEnd(117)}\n`),
          Buffer.alloc(288),
        ]),
      ),
    ],
    "data-dtype-unsupported",
    1,
  ],
  [
    "NaN",
    () => [
      "rank",
      model,
      "--data",
      folder.npy(
        "n.npy",
        float32(
          [2, 1, 6, 6],
          Float32Array.from({ length: 72 }, (_, k) => (k === 40 ? Number.NaN : 1)),
        ),
      ),
    ],
    "data-not-finite",
    1,
    /example 1/,
  ],
  ["no examples", () => ["evaluate", model, "--data", folder.npy("e.npy", x([0, 1, 6, 6]))], "data-empty", 1],
  [
    "a label out of range",
    () => [
      "rank",
      model,
      "--data",
      unlabelled,
      "--labels",
      folder.npy("o.npy", fromNumbers("uint8", [examples], range(examples))),
      ...quick,
    ],
    "labels-invalid",
    1,
    /label 2 of example 2.*2 classes/,
  ],
  [
    "a label out of range, evaluated",
    () => [
      "evaluate",
      model,
      "--data",
      unlabelled,
      "--labels",
      folder.npy("o.npy", fromNumbers("uint8", [examples], range(examples))),
      "--no-latency",
      "--workers",
      1,
    ],
    ["labels-invalid", "targets-mismatch"],
    1,
    /label 2/,
  ],
  [
    "a negative label",
    () => [
      "evaluate",
      model,
      "--data",
      unlabelled,
      "--labels",
      folder.npy(
        "g.npy",
        int64(
          [examples],
          Array.from({ length: examples }, () => -1),
        ),
      ),
    ],
    "labels-invalid",
    1,
  ],
  [
    "another number of labels",
    () => ["rank", model, "--data", unlabelled, "--labels", folder.npy("m.npy", turns(examples - 1))],
    "data-counts-differ",
    1,
    /24 inputs, 23 labels/,
  ],
  [
    "no labels for cross-entropy",
    () => ["rank", model, "--data", unlabelled, "--payoff", "cross-entropy", "--workers", 1],
    "labels-missing",
    1,
    /--labels/,
  ],
  [
    "no labels for an accuracy floor",
    () => ["prune", model, "--data", unlabelled, "--min-accuracy", "0.9", ...quick, "--out", out],
    "labels-missing",
    1,
  ],
  ["an image size that is none", () => ["rank", model, "--image-size", "32"], "usage", 2, /224x224/],
  [
    "a payoff to evaluate by",
    () => ["evaluate", model, ...data, "--payoff", "margin"],
    "usage",
    2,
    /unknown option/,
  ],
  [
    "a limit on another estimator",
    () => ["rank", model, ...data, "--partial", 2],
    "usage",
    2,
    /estimator partial/,
  ],
  ["a limit of nothing", () => ["rank", model, ...data, "--limit", 0], "usage", 2, /--limit/],
  [
    "activations beyond the memory allowed",
    () => ["rank", model, ...data, ...quick, "--memory", "0.001"],
    "activations-too-large",
    1,
    /--limit.*--memory/,
  ],
  ["no memory", () => ["rank", model, ...data, ...quick, "--memory", "0"], "usage", 2, /512MiB/],
  ["memory below none", () => ["rank", model, ...data, ...quick, "--memory=-3"], "usage", 2, /512MiB/],
  ["memory in words", () => ["oracle", model, ...data, "--memory", "plenty"], "usage", 2, /512MiB/],
  ["memory in bits", () => ["compare", model, ...data, "--memory", "3Gbit"], "usage", 2, /2GiB/],
  [
    "one example for ranking and for figures",
    () => ["prune", model, ...data, "--limit", 1, ...quick, ...half],
    "usage",
    2,
    /--test-data/,
  ],
]);

all("budgets", [
  ["none", () => ["prune", model, ...data, "--out", out], "budget-missing", 2],
  [
    "one MAC",
    () => ["prune", model, ...data, "--target-macs", "1e0M", "--target-params", "2", "--out", out],
    "impossible-budget",
    3,
    /at least \d+ of/,
  ],
  ["1.5 MACs", () => ["prune", model, ...data, "--target-macs", "1.5", "--out", out], "impossible-budget", 3],
  ["words", () => ["prune", model, ...data, "--target-macs", "half", "--out", out], "invalid-option", 2],
  ["nothing kept", () => ["prune", model, ...data, "--keep", "0", "--out", out], "invalid-option", 2],
  ["more than all kept", () => ["prune", model, ...data, "--keep", "1.2", "--out", out], "invalid-option", 2],
  [
    "an unknown group",
    () => ["prune", model, ...data, "--keep-channels", "c3=2", "--out", out],
    "unknown-group",
    2,
    /c1|c2/,
  ],
  [
    "a group emptied",
    () => ["prune", model, ...data, "--keep-channels", "c1=0", "--out", out],
    "contradictory-budget",
    2,
  ],
  [
    "more channels than there are",
    () => ["prune", model, ...data, "--keep-channels", "c1=9", "--out", out],
    "contradictory-budget",
    2,
  ],
  [
    "counts against a ratio",
    () => ["prune", model, ...data, "--keep-channels", "c1=1", "--max-ratio", "0.5", "--out", out],
    "contradictory-budget",
    2,
  ],
  [
    "everything kept",
    () => ["prune", model, "--criterion", "l1", "--keep", "1", "--out", out, "--no-latency", "--no-verify"],
    "nothing-removed",
    1,
  ],
  [
    "a target that is met already",
    () => ["prune", model, ...data, ...quick, "--no-latency", "--target-macs", "100%", "--out", out],
    "nothing-removed",
    1,
  ],
  [
    "a floor above the model's own accuracy",
    () => ["prune", model, ...data, ...quick, "--min-accuracy", "1", "--out", out],
    "floor-not-held",
    3,
  ],
  [
    "too few rows",
    () => ["rank", model, ...data, "--workers", 1, "--budget", 3],
    "budget-too-small",
    2,
    /at least \d+ rows/,
  ],
  ["rows in words", () => ["rank", model, ...data, "--budget", "many"], "usage", 2, /100k/],
  ["no rows", () => ["rank", model, ...data, "--budget", "0"], "usage", 2],
  [
    "time for every removal",
    () => ["prune", model, ...data, ...half, "--steps", "all", "--budget", "5s"],
    "usage",
    2,
    /rows/,
  ],
  ["no groups left", () => ["rank", model, ...data, "--ignore", "*"], "nothing-selected", 2],
  ["a pattern without a group", () => ["rank", model, ...data, "--only", "c7"], "unknown-group", 2],
]);

const plan = (groups: unknown) => JSON.stringify({ schemaVersion: 1, groups });
all("plans and scores", [
  ["no JSON", () => ["prune", model, "--plan", folder.write("p.json", "{"), "--out", out], "file-invalid", 1],
  [
    "no plan",
    () => ["prune", model, "--plan", folder.write("p.json", "null"), "--out", out],
    "file-invalid",
    1,
  ],
  [
    "no such file",
    () => ["prune", model, "--plan", folder.file("no.json"), "--out", out],
    "file-not-found",
    1,
  ],
  [
    "a plan for another model",
    () => [
      "prune",
      model,
      "--plan",
      folder.write("p.json", plan([{ id: "fc", channels: 4, keep: [1] }])),
      "--out",
      out,
    ],
    "invalid-plan",
    2,
    /"fc"/,
  ],
  [
    "another number of channels",
    () => [
      "prune",
      model,
      "--plan",
      folder.write("p.json", plan([{ id: "c1", channels: 8, keep: [1] }])),
      "--out",
      out,
    ],
    "invalid-plan",
    2,
  ],
  [
    "a channel there is not",
    () => [
      "prune",
      model,
      "--plan",
      folder.write("p.json", plan([{ id: "c1", channels: 4, keep: [4] }])),
      "--out",
      out,
    ],
    "invalid-plan",
    2,
  ],
  [
    "an emptied group",
    () => [
      "prune",
      model,
      "--plan",
      folder.write("p.json", plan([{ id: "c1", channels: 4, keep: [] }])),
      "--out",
      out,
    ],
    "invalid-plan",
    2,
  ],
  [
    "a plan that removes nothing",
    () => ["prune", model, "--plan", folder.write("p.json", plan([])), "--out", out],
    "nothing-removed",
    1,
  ],
  [
    "a plan and a target",
    () => ["prune", model, "--plan", folder.write("p.json", plan([])), ...half],
    "usage",
    2,
  ],
  [
    "a plan and a selection",
    () => ["prune", model, "--plan", folder.write("p.json", plan([])), "--only", "c1", "--out", out],
    "usage",
    2,
    /--only/,
  ],
  [
    "scores that are none",
    () => ["prune", model, "--scores", folder.write("s.json", "null"), ...half],
    "file-invalid",
    1,
  ],
  [
    "scores of another model",
    async () => ["prune", model, "--scores", await scoresOfAnother(), ...half],
    "usage",
    2,
    /another model/,
  ],
]);

all("places", [
  [
    "a missing folder",
    () => ["prune", model, ...data, "--target-macs", "60%", "--out", folder.file("no/such/out.onnx")],
    "file-unwritable",
    1,
    /there is no folder .*no\/such\)/,
  ],
  [
    "a folder in place of a file",
    () => ["prune", model, ...data, "--target-macs", "60%", "--out", folder.path],
    "file-unwritable",
    1,
  ],
  ["below a file", () => ["rank", model, ...data, "--out", `${model}/scores.json`], "file-unwritable", 1],
  [
    "the model itself",
    () => ["prune", model, ...data, "--target-macs", "60%", "--out", model],
    "usage",
    2,
    /--out/,
  ],
  ["the data", () => ["rank", model, ...data, "--out", images], "usage", 2],
  [
    "the external weights",
    async () => {
      const path = await external("apart", () => undefined);
      return ["rank", path, "--criterion", "l1", "--out", `${path}.data`];
    },
    "usage",
    2,
    /would be lost/,
  ],
  [
    "plan and model in one place",
    () => ["prune", model, ...data, ...half, "--save-plan", out],
    "usage",
    2,
    /--save-plan/,
  ],
  [
    "a place for the plan that is missing",
    () => ["prune", model, ...data, ...half, "--save-plan", folder.file("no/p.json")],
    "file-unwritable",
    1,
  ],
  ["resuming nothing", () => ["rank", model, ...data, "--resume"], "usage", 2, /--out/],
  ["the demo, in a file", () => ["demo", "--out", model], "file-unwritable", 1],
]);

test.skipIf(process.getuid?.() === 0)(
  "a folder that may not be written to (skipped for root, who may)",
  async () => {
    const closed = folder.file("closed");
    mkdirSync(closed);
    chmodSync(closed, 0o500);
    const outcome = await command([
      "prune",
      model,
      ...data,
      "--target-macs",
      "60%",
      "--out",
      `${closed}/out.onnx`,
    ]);
    chmodSync(closed, 0o700);
    expect(outcome.err).toMatch(/^error \(file-unwritable\): .*EACCES/);
  },
);

const small = smallDisk();
test.skipIf(small === undefined)(
  "a full disk (skipped where no tiny file system can be mounted)",
  async () => {
    const argv = [
      "prune",
      join(assets, "lenet5-mnist.onnx"),
      "--criterion",
      "l1",
      "--keep",
      0.6,
      "--no-latency",
      "--no-verify",
    ];
    const outcome = await command([...argv, "--out", join(small!, "out.onnx")]);
    expect(outcome).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^error \(file-unwritable\): .*ENOSPC/),
    });
    expect(readdirSync(small!)).toEqual([]);
  },
);

all("options", [
  ["an unknown command", () => ["prone", model], "usage", 2, /prune/],
  ["an unknown option", () => ["rank", model, "--limits", 3], "usage", 2, /--limit\b/],
  [
    "an unknown estimator",
    () => ["rank", model, "--estimator", "permutations"],
    "usage",
    2,
    /permutation, exact/,
  ],
  ["an unknown criterion", () => ["rank", model, "--criterion", "l3"], "usage", 2, /l1, l2/],
  ["an unknown payoff", () => ["rank", model, "--payoff", "f1"], "usage", 2, /margin/],
  ["no model", () => ["rank"], "usage", 2, /model/],
  ["no output for prune", () => ["prune", model, "--keep", "0.5"], "usage", 2, /--out/],
  ["an argument too many", () => ["inspect", model, model], "usage", 2],
  ["half a worker", () => ["rank", model, ...data, "--workers", "0.5"], "usage", 2],
  [
    "an output there is not",
    () => ["rank", model, ...data, "--workers", 1, "--output", "probs"],
    "output-unknown",
    2,
  ],
  [
    "a provider there is not",
    () => ["rank", model, ...data, ...quick, "--provider", "abacus"],
    "provider-unavailable",
    2,
    /cpu/,
  ],
  [
    "a weighting the estimator lacks",
    () => ["rank", model, ...data, ...quick, "--estimator", "kernel-shap", "--weighting", "banzhaf"],
    "weighting-not-supported",
    2,
  ],
  [
    "too many coalitions",
    () => ["rank", folder.model("wide.onnx", wide()), ...data, "--workers", 1, "--estimator", "exact"],
    "too-many-coalitions",
    2,
    /permutation/,
  ],
  [
    "batch-norm scales without batch norms",
    () => ["rank", model, "--criterion", "bn-scale"],
    "criterion-not-applicable",
    2,
  ],
  [
    "a comparison with a model of other outputs",
    () => [
      "evaluate",
      model,
      ...data,
      "--no-latency",
      "--workers",
      1,
      "--against",
      folder.model("three.onnx", threeLogits()),
    ],
    "usage",
    2,
    /3 numbers.*this one 2/,
  ],
]);

test("a stack is printed with --debug only, help goes to stdout", async () => {
  const argv = ["inspect", folder.file("none.onnx")];
  expect((await command(argv)).err.split("\n")).toHaveLength(1);
  expect((await command([...argv, "--debug"])).err).toMatch(/\n +at /);
  const help = await command(["rank", "--help"]);
  expect(help).toMatchObject({ code: 0, err: "" });
  expect(help.out).toMatch(/--estimator/);
  expect((await command(["--version"])).out).toMatch(/^\d+\.\d+\.\d+/);
});

test("an operator nobody knows locks what it touches; the rest is pruned", async () => {
  const path = folder.model("unknown-op.onnx", withUnknownOperator());
  const found = JSON.parse((await command(["inspect", path, "--json"])).out) as {
    groups: { id: string; locked: boolean; reason: string | null }[];
  };
  const byId = new Map(found.groups.map((group) => [group.id, group]));
  expect(byId.get("c2")).toMatchObject({ locked: true, reason: expect.stringMatching(/Det/) });
  expect(byId.get("c1")).toMatchObject({ locked: false, reason: null });
  const pruned = await command([
    "prune",
    path,
    "--criterion",
    "l1",
    "--keep",
    "0.5",
    "--out",
    out,
    "--no-latency",
    "--workers",
    1,
  ]);
  expect(pruned).toMatchObject({ code: 0, err: "" });
});

/** A file system of 40 KiB, where this user may mount one. */
function smallDisk(): string | undefined {
  const place = folder.file("small");
  mkdirSync(place);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=40k", "tmpfs", place]).status === 0;
  if (!mounted) return undefined;
  afterAll(() => void spawnSync("umount", [place]));
  return place;
}

function coloured(): Model {
  const g = graphBuilder();
  head(g, relu(g, conv(g, g.input("x", ["N", 3, 6, 6]), "c1", 3, 4)), 4);
  return g.build();
}

function wide(): Model {
  const g = graphBuilder();
  head(g, relu(g, conv(g, g.input("x", ["N", 1, 6, 6]), "c1", 1, 40)), 40);
  return g.build();
}

function single(): Model {
  const g = graphBuilder();
  g.output(dense(g, g.node("Flatten", [g.input("x", ["N", 1, 6, 6])]), "out", 36, 2), ["N", 2]);
  return g.build();
}

function threeLogits(): Model {
  const g = graphBuilder();
  g.output(dense(g, g.node("Flatten", [g.input("x", ["N", 1, 6, 6])]), "out", 36, 3), ["N", 3]);
  return g.build();
}

function cyclic(): Model {
  const g = graphBuilder();
  const x = g.input("x", ["N", 1, 6, 6]);
  g.node("Add", [x, "b"], {}, { name: "first", outputs: ["a"] });
  g.node("Relu", ["a"], {}, { name: "second", outputs: ["b"] });
  g.output("a", ["N", 1, 6, 6]);
  return g.build();
}

function loose(): Model {
  const g = graphBuilder();
  g.output(g.node("Add", [g.input("x", ["N", 4]), "nowhere"]), ["N", 4]);
  return g.build();
}

function withBias(value: number): Model {
  const g = graphBuilder();
  const x = relu(g, conv(g, g.input("x", ["N", 1, 6, 6]), "c1", 1, 4));
  head(g, g.node("Add", [x, g.weight([4, 1, 1], [0, 0, value, 0], { name: "c1.extra" })]), 4);
  return g.build();
}

/** Normalising along the channels looks at all of them together. */
function withUnknownOperator(): Model {
  const g = graphBuilder();
  const first = relu(g, conv(g, g.input("x", ["N", 1, 6, 6]), "c1", 1, 4));
  const determinants = g.node("Det", [conv(g, first, "c2", 4, 5)]);
  const axes = g.initializer("axes", fromNumbers("int64", [2], [2, 3]));
  head(g, g.node("Unsqueeze", [determinants, axes]), 5);
  return g.build();
}

async function external(name: string, spoil: (dataFile: string) => void): Promise<string> {
  const path = folder.file(`${name}.onnx`);
  const g = graphBuilder();
  head(g, relu(g, conv(g, g.input("x", ["N", 1, 6, 6]), "c1", 1, 8192)), 8192);
  await writeModelFile(g.build(), path, { externalData: true });
  spoil(`${path}.data`);
  return path;
}

async function scoresOfAnother(): Promise<string> {
  const scores = folder.file("other-scores.json");
  await command(["rank", folder.model("rgb.onnx", coloured()), "--criterion", "l1", "--out", scores]);
  return scores;
}
