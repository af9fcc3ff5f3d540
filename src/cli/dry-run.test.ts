/** @file --dry-run: what it foretells comes to pass, it writes nothing, and it refuses what the real run refuses. */
import { describe, expect, test } from "vitest";
import { command, documentOf, temporaryFolder } from "../../test/helpers/command.ts";
import { noise, tinyClassifier, turns } from "../../test/helpers/tiny-classifier.ts";
import { labelOf } from "../report/compare-conclusions.ts";
import type { CompareRecord } from "../report/compare-records.ts";
import type { DryRun } from "../report/dry-run-records.ts";

const folder = temporaryFolder();
const model = folder.model("tiny.onnx", tinyClassifier());
const images = folder.npy("x-images.npy", noise([120, 1, 6, 6]));
folder.npy("x-labels.npy", turns(120));
const data = ["--data", images, "--workers", 1];
const out = ["--out", folder.file("out.onnx")];

type Planned = DryRun & { readonly writes: readonly string[] };

/** What a dry run prints, once it is sure that it left nothing behind. */
async function planned(argv: readonly (string | number)[]): Promise<Planned> {
  const before = folder.names();
  const plan = await documentOf<Planned>([...argv, "--dry-run"]);
  expect(folder.names()).toEqual(before);
  expect(plan.seconds).toBeCloseTo(
    plan.stages.reduce((sum, { seconds }) => sum + seconds, 0),
    9,
  );
  for (const { seconds } of plan.stages) expect(seconds).toBeGreaterThan(0);
  return plan;
}

describe("foretells", () => {
  test("rank: rows of each group, and files", async () => {
    const argv = ["rank", model, ...data, "--budget", 500, "--out", folder.file("scores.json")];
    const plan = await planned(argv);
    const real = await documentOf<{ groups: { id: string; rows: number }[] }>([...argv.slice(0, -2)]);
    expect(plan.groups.map(({ id }) => id)).toEqual(real.groups.map(({ id }) => id));
    for (const [k, { rows }] of plan.groups.entries()) {
      expect(real.groups[k]!.rows).toBeLessThanOrEqual(rows!);
      expect(real.groups[k]!.rows).toBeGreaterThan(0.8 * rows!);
    }
    expect(plan).toMatchObject({
      command: "rank",
      scoring: { criterion: "shapley", estimator: "shrinkage", payoff: "cross-entropy" },
      examples: { "to rank on": 120 },
      writes: [folder.file("scores.json")],
    });
    expect(plan.memoryBytes).toBeGreaterThan(120 * 36 * 4 - 1); // at least the images themselves
  });

  test("rank: exact values take every coalition of every group", async () => {
    const { groups } = await planned(["rank", model, ...data, "--estimator", "exact"]);
    const real = await documentOf<{ groups: { rows: number }[] }>([
      "rank",
      model,
      ...data,
      "--estimator",
      "exact",
    ]);
    expect(groups.map(({ rows }) => rows)).toEqual(real.groups.map(({ rows }) => rows));
  });

  test("prune by counts: channels, MACs, parameters, examples and steps", async () => {
    const argv = [
      "prune",
      model,
      ...data,
      "--keep-channels",
      "c1=2,c2=3",
      "--budget",
      300,
      "--finetune",
      2,
      "--batch",
      16,
    ];
    const plan = await planned([...argv, ...out]);
    const real = await documentOf<{
      before: { macs: number; parameters: number };
      after: { macs: number; parameters: number };
      groups: { id: string; channels: number; kept: number }[];
      examples: Record<string, number>;
      rounds: object[];
    }>([...argv, "--out", folder.file("real.onnx"), "--no-latency"]);
    expect(plan.before).toEqual({ macs: real.before.macs, parameters: real.before.parameters });
    expect(plan.after).toEqual({ macs: real.after.macs, parameters: real.after.parameters, isExact: true });
    expect(plan.groups.map(({ id, kept }) => [id, kept])).toEqual(
      real.groups.map(({ id, kept }) => [id, kept]),
    );
    expect(Object.values(plan.examples)).toEqual(
      ["rank", "calibrate", "tune", "validate", "evaluate"].map((end) => real.examples[end]),
    );
    const stepsPerEpoch = Math.floor(real.examples["tune"]! / 16);
    expect(plan.training).toEqual({ epochs: 2, stepsPerEpoch, batch: 16, teacher: true });
    expect(plan.stages.find(({ name }) => name === "training")!.amount).toBe(2 * stepsPerEpoch);
    expect(plan.rounds).toBe(real.rounds.length);
  });

  test("prune by weights: the very channels, without data", async () => {
    const argv = ["prune", model, "--criterion", "l1", "--target-macs", "60%"];
    const plan = await planned([...argv, ...out]);
    const real = await documentOf<{ after: { macs: number; parameters: number } }>([
      ...argv,
      "--no-latency",
      ...out,
    ]);
    expect(plan.after).toEqual({ macs: real.after.macs, parameters: real.after.parameters, isExact: true });
    expect(plan.stages).toEqual([]);
  });

  test("prune by a target in rounds: within the target, and says that scores decide", async () => {
    const plan = await planned([
      "prune",
      model,
      ...data,
      "--target-macs",
      "60%",
      "--steps",
      3,
      "--budget",
      300,
      ...out,
    ]);
    expect(plan.after).toMatchObject({ isExact: false });
    expect(plan.after!.macs).toBeLessThanOrEqual(0.6 * plan.before.macs);
    expect(plan).toMatchObject({ rounds: 3 });
    expect(plan.groups.map(({ kept }) => kept)).toEqual([null, null]);
  });

  test("finetune and train: steps and examples", async () => {
    const settings = ["--epochs", 3, "--batch", 32];
    expect(await planned(["finetune", model, ...data, ...settings, ...out])).toMatchObject({
      command: "finetune",
      training: { epochs: 3, stepsPerEpoch: 3, batch: 32, teacher: false },
      examples: { "to learn from": 96, "to choose the best epoch": 12, "for the final figures": 12 },
    });
    const sizes = ["--sizes", "6-4", "--input-size", 6, "--classes", 4];
    expect(await planned(["train", "lenet-300-100", ...sizes, ...data, ...settings, ...out])).toMatchObject({
      command: "train",
      training: { epochs: 3, stepsPerEpoch: 3 },
    });
  });

  test("what --save-config would write", async () => {
    const saved = folder.file("saved.json");
    const { writes } = await planned(["rank", model, ...data, "--criterion", "apoz", "--save-config", saved]);
    expect(writes).toEqual([saved]);
  });

  test("oracle: coalitions", async () => {
    const argv = ["oracle", model, ...data, "--group", "c2"];
    const { stages } = await planned(argv);
    const { coalitions } = await documentOf<{ coalitions: number }>(argv);
    expect(stages[0]).toMatchObject({ amount: coalitions, unit: "coalitions" });
  });

  test("compare: rankings, rows, examples, cut networks and steps", async () => {
    const settings = ["--seeds", 2, "--budget", 300, "--finetune", 1, "--batch", 8, "--shares", "50%"];
    const argv = ["compare", model, ...data, ...settings, "--oracle-channels", 4];
    const plan = await planned([...argv, "--out", folder.file("compare.json")]);
    const real = await documentOf<CompareRecord>(argv);
    const fitting = real.entries.filter(({ runs }) => runs.length > 0);
    const { rankings, seeds, networks, shares } = plan.comparison!;
    expect(rankings).toEqual(fitting.map(({ name, budget }) => labelOf(name, budget)));
    expect([seeds, shares]).toEqual([2, [0.5]]);
    const cut = fitting.flatMap(({ runs }) => runs.flatMap(({ network }) => network));
    expect(networks).toBe(cut.length);
    expect(Object.values(plan.examples)).toEqual([
      real.examples.rank / 2,
      real.examples.curves / 2,
      real.examples.calibrate,
      real.examples.tune,
      real.examples.validate,
      real.examples.evaluate,
    ]);
    for (const { name, budget, runs } of fitting) {
      const stage = plan.stages.find((one) => one.name === `rank by ${labelOf(name, budget)}`);
      const rows = runs.reduce((sum, run) => sum + run.rows, 0);
      if (name !== "oracle" && rows > 0) expect(stage!.amount).toBeGreaterThanOrEqual(rows);
    }
    expect(plan.stages.find(({ name }) => name === "every coalition of small groups")!.amount).toBe(
      real.groups.find(({ id }) => id === "c1")!.reference!.rows,
    );
    const steps = networks * Math.floor(real.examples.tune / 8);
    expect(plan.stages.find(({ name }) => name === "training")!.amount).toBe(steps);
    expect(plan.comparison!.rows).toBe(plan.groups.reduce((sum, { rows }) => sum + rows!, 0));
  });
});

test.each([
  ["an unknown group", ["rank", model, ...data, "--only", "c7"]],
  ["a budget too small", ["rank", model, ...data, "--budget", 1]],
  ["activations too large", ["rank", model, ...data, "--budget", 300, "--memory", 0.001]],
  ["no data", ["prune", model, "--keep", 0.5, ...out]],
  ["a target out of reach", ["prune", model, ...data, "--target-macs", "0.01%", ...out]],
  ["nothing removed", ["prune", model, "--criterion", "l1", "--keep", 1, ...out]],
  ["an output that is an input", ["prune", model, ...data, "--keep", 0.5, "--out", model]],
  ["a folder that is missing", ["finetune", model, ...data, "--out", folder.file("no/x.onnx")]],
  ["weights that are not there", ["finetune", model, ...data, "--freeze", "nowhere*", ...out]],
  ["an aggregate without gradients", ["rank", model, ...data, "--aggregate", "mean"]],
  [
    "a weighting that the estimator lacks",
    ["rank", model, ...data, "--estimator", "kernel-shap", "--weighting", "banzhaf"],
  ],
  ["rows too few to compare", ["compare", model, ...data, "--seeds", 2, "--budget", 1]],
  ["too many seeds", ["compare", model, ...data, "--seeds", 40]],
  ["a share that nothing is left of", ["compare", model, ...data, "--seeds", 2, "--shares", "100%"]],
  ["a group that is locked", ["oracle", model, ...data, "--group", "out"]],
])("refuses as the real run does: %s", async (_, argv) => {
  const [dry, real] = [await command([...argv, "--dry-run", "--json"]), await command([...argv, "--json"])];
  expect(real.code).not.toBe(0);
  expect(dry).toEqual(real);
});

test("is told to people", async () => {
  const { code, out: text } = await command([
    "prune",
    model,
    ...data,
    "--keep",
    0.5,
    "--budget",
    300,
    ...out,
    "--dry-run",
  ]);
  expect(code).toBe(0);
  expect(text).toMatch(/^group +channels +stay +rows\nc1 +4 +2 +300\nc2 +5 +\d +300\n/);
  expect(text).toMatch(/All in all about .* on 1 thread, judged by a short trial/);
  expect(text).toContain(`It would write ${folder.file("out.onnx")}.\nNothing was written.`);
});
