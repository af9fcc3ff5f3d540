/** @file Pruning as a whole: rounds, floors, plans, scores, counts, and data that stay apart. */
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { command, documentOf, temporaryFolder } from "../../test/helpers/command.ts";
import { batchNorm, conv, head, relu } from "../../test/helpers/networks.ts";
import { noise, tinyClassifier, turns } from "../../test/helpers/tiny-classifier.ts";
import type { PrunePlan } from "../channels/plan.ts";
import { criteria } from "../criteria/index.ts";
import { type Dataset, datasetFromArrays } from "../datasets/index.ts";
import { stored } from "../graph/model.ts";
import { readModelFile } from "../onnx/read.ts";
import { writeModelFile } from "../onnx/write.ts";
import { float32, toNumbers } from "../tensor/tensor.ts";
import { cutData } from "./cut-data.ts";
import type { PruneResult } from "./prune-result.ts";
import type { RankSettings } from "./rank-context.ts";
import { settingsOfRound } from "./rank-survivors.ts";

const folder = temporaryFolder();
const assets = join(import.meta.dirname, "../../assets");
const lenet = join(assets, "lenet5-mnist.onnx");
const digits = ["--data", join(assets, "mnist-rank-images.idx3-ubyte.gz"), "--pixel-scale", 255];
const some = [...digits, "--limit", 200];
const tiny = folder.model("tiny.onnx", tinyClassifier());
const noisy = ["--data", folder.npy("x-images.npy", noise([40, 1, 6, 6]))];
folder.npy("x-labels.npy", turns(40));
const bare = ["--no-latency", "--workers", 1, "--quiet"];

const prune = (argv: readonly (string | number)[], out = "out.onnx", code = 0) =>
  documentOf<PruneResult>(["prune", ...argv, "--out", folder.file(out), ...bare], code);

const kept = ({ groups }: PruneResult) => Object.fromEntries(groups.map((group) => [group.id, group.kept]));

describe("amounts", () => {
  test("exact counts by group", async () => {
    const result = await prune([lenet, "--criterion", "l1", "--keep-channels", "c1=8,c3=20,f5=50,f6=20"]);
    expect(kept(result)).toEqual({ c1: 8, c3: 20, f5: 50, f6: 20 });
    expect(result).toMatchObject({ reached: true, stoppedBy: "target", rows: 0, examples: null });
  });

  test("counts that are multiples, and no more than a share of a group", async () => {
    const rounded = kept(await prune([lenet, "--criterion", "l1", "--target-macs", "50%", "--round-to", 4]));
    for (const [id, count] of Object.entries(rounded))
      expect(count % 4 === 0 || count === { c1: 10, f6: 25 }[id]).toBe(true);
    const careful = await prune([lenet, "--criterion", "l1", "--target-params", "75%", "--max-ratio", "0.3"]);
    for (const { channels, kept: left } of careful.groups)
      expect(left).toBeGreaterThanOrEqual(0.7 * channels - 1e-9);
  });

  test("the same share of every group, or only of some", async () => {
    const even = await prune([lenet, "--criterion", "l2", "--target-macs", "50%", "--scope", "group"]);
    const shares = even.groups.map(({ channels, kept: left }) => left / channels);
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThan(0.12);
    const some = await prune([lenet, "--criterion", "l2", "--keep", 0.5, "--only", "f*", "--ignore", "f6"]);
    expect(kept(some)).toEqual({ c1: 10, c3: 20, f5: 50, f6: 25 });
  });
});

describe("rounds", () => {
  test("shares refer to the original model, however many rounds there are", async () => {
    const result = await prune([lenet, ...some, "--budget", "1500", "--target-macs", "50%", "--steps", 3]);
    expect(result).toMatchObject({ steps: 3, reached: true });
    expect(result.after.macs).toBeLessThanOrEqual(249_375);
    expect(result.after.macs).toBeGreaterThan(0.4 * 498_750);
    expect(result.rows).toBeLessThanOrEqual(3 * 4 * 1500);
    expect(result.rows).toBeGreaterThan(2 * 4 * 1000);
  });

  test("ranking again after every removal", async () => {
    const result = await prune([
      tiny,
      ...noisy,
      "--budget",
      "100",
      "--keep-channels",
      "c1=2,c2=3",
      "--steps",
      "all",
    ]);
    expect(kept(result)).toMatchObject({ c1: 2, c2: 3 });
    expect(result.steps).toBe(4); // two and two channels, one at a time
  });

  test("a time is shared out over the rounds that are left", () => {
    const settings: RankSettings = {
      criterion: "shapley",
      estimator: "permutation",
      seed: 7,
      budget: { seconds: 12 },
    };
    expect(settingsOfRound(settings, 0, 3, 0)).toEqual({ ...settings, budget: { seconds: 4 } });
    expect(settingsOfRound(settings, 1, 3, 6)).toEqual({ ...settings, seed: 8, budget: { seconds: 3 } });
    expect(settingsOfRound(settings, 2, 3, 20).budget).toEqual({ seconds: 0 });
  });

  test("rounds under a time each rank what is left", async () => {
    const argv = [tiny, ...noisy, "--budget", "0.4s", "--keep-channels", "c1=2,c2=3", "--steps", 2];
    const result = await prune([...argv, "--no-repair"]);
    expect(result).toMatchObject({ steps: 2, reached: true });
    expect(result.rows).toBeGreaterThan(0);
  });
});

describe("an accuracy floor", () => {
  test("holds, and its end is no failure without a target", async () => {
    const result = await prune([lenet, ...digits, "--budget", "2k", "--min-accuracy", "0.9"], "floor.onnx");
    expect(result.after.macs).toBeLessThan(0.9 * result.before.macs);
    expect(result.after.accuracy).toBeGreaterThan(0.85); // on other examples than those that decided
    expect(result.reached).toBe(true);
  });

  test("that keeps a target out of reach is told by the exit status, and the model is written", async () => {
    const argv = [lenet, ...digits, "--budget", "1500", "--min-accuracy", "0.95", "--target-macs", "10%"];
    const result = await prune(argv, "missed.onnx", 3);
    expect(result).toMatchObject({ reached: false, stoppedBy: "floor" });
    expect(result.after.macs).toBeGreaterThan(0.1 * 498_750);
    expect(readFileSync(folder.file("missed.onnx")).length).toBe(result.after.bytes);
  });
});

describe("plans and scores", () => {
  test("a saved plan gives the same bytes again", async () => {
    const result = await prune(
      [lenet, ...some, "--budget", "1500", "--keep", "0.6", "--save-plan", folder.file("plan.json")],
      "first.onnx",
    );
    const plan = JSON.parse(readFileSync(folder.file("plan.json"), "utf8")) as PrunePlan;
    expect(plan).toEqual(result.plan);
    const again = await prune([lenet, ...some, "--plan", folder.file("plan.json")], "again.onnx");
    expect(again).toMatchObject({ stoppedBy: "plan", rows: 0 });
    expect(readFileSync(folder.file("again.onnx")).equals(readFileSync(folder.file("first.onnx")))).toBe(
      true,
    );
    const bare = await prune([lenet, "--plan", folder.file("plan.json")], "bare.onnx");
    expect(bare.rounds).toEqual([]); // without data there is nothing to repair on
  });

  test("a plan fits a retrained model of the same graph, and keeps that model's weights", async () => {
    const retrained = await readModelFile(lenet);
    const weight = [...retrained.graph.initializers].find(
      ([, { shape }]) => shape.length === 4 && shape[0] === 10,
    )!;
    const values = toNumbers(weight[1].load()).map((value) => value + 1);
    const initializers = new Map(retrained.graph.initializers);
    initializers.set(weight[0], stored(float32(weight[1].shape, Float32Array.from(values))));
    await writeModelFile(
      { ...retrained, graph: { ...retrained.graph, initializers } },
      folder.file("retrained.onnx"),
    );
    const plan: PrunePlan = { schemaVersion: 1, groups: [{ id: "c1", channels: 10, keep: [0, 3, 9] }] };
    folder.write("c1.json", JSON.stringify(plan));
    await prune([folder.file("retrained.onnx"), "--plan", folder.file("c1.json")], "replayed.onnx");
    const small = await readModelFile(folder.file("replayed.onnx"));
    const got = toNumbers(small.graph.initializers.get(weight[0])!.load());
    const per = got.length / 3;
    [0, 3, 9].forEach((channel, k) => {
      for (let j = 0; j < per; j++) expect(got[k * per + j]).toBeCloseTo(values[channel * per + j]!, 6);
    });
  });

  test("scores of an earlier ranking give what ranking at once gives", async () => {
    await command([
      "rank",
      lenet,
      ...some,
      "--budget",
      "1500",
      "--out",
      folder.file("s.json"),
      ...bare.slice(1),
    ]);
    const fromScores = await prune(
      [lenet, "--scores", folder.file("s.json"), "--target-macs", "50%"],
      "a.onnx",
    );
    const scores = JSON.parse(readFileSync(folder.file("s.json"), "utf8")) as {
      groups: { id: string; values: number[] }[];
    };
    expect(fromScores).toMatchObject({ rows: 0 });
    for (const { id, keep } of fromScores.plan.groups) {
      const values = scores.groups.find((group) => group.id === id)!.values;
      const gone = values.filter((_, channel) => !keep.includes(channel));
      expect(Math.max(...gone)).toBeLessThanOrEqual(Math.min(...keep.map((channel) => values[channel]!)));
    }
  });

  test("scores of a criterion weigh as that criterion does when it ranks", async () => {
    await command(["rank", lenet, "--criterion", "l2", "--out", folder.file("l2.json"), "--quiet"]);
    const direct = await prune([lenet, "--criterion", "l2", "--target-macs", "50%"], "a.onnx");
    const read = await prune([lenet, "--scores", folder.file("l2.json"), "--target-macs", "50%"], "b.onnx");
    expect(read.plan).toEqual(direct.plan);
  });
});

describe("criteria", () => {
  const g = graphBuilder();
  const first = relu(g, batchNorm(g, conv(g, g.input("x", ["N", 1, 6, 6]), "c1", 1, 6), "bn", 6));
  head(g, first, 6);
  const model = folder.model("bn.onnx", g.build());

  test.each(Object.entries(criteria).filter(([, { needs }]) => needs === "nothing" || needs === "weights"))(
    "%s needs no data",
    async (criterion) => {
      const result = await prune([model, "--criterion", criterion, "--keep", "0.5"]);
      expect(kept(result)).toMatchObject({ c1: 3 });
      expect(result.before).toMatchObject({ accuracy: null, loss: null });
    },
  );

  test.each(Object.entries(criteria).filter(([, { needs }]) => needs !== "nothing" && needs !== "weights"))(
    "%s reads data",
    async (criterion) => {
      expect(kept(await prune([model, ...noisy, "--criterion", criterion, "--keep", "0.5"]))).toMatchObject({
        c1: 3,
      });
      const none = await command([
        "prune",
        model,
        "--criterion",
        criterion,
        "--keep",
        "0.5",
        "--out",
        folder.file("n.onnx"),
      ]);
      expect(none.err).toMatch(/^error \(criterion-needs-data\)/);
    },
  );
});

describe("data that rank, decide and judge", () => {
  const size = 90;
  const numbered: Dataset = datasetFromArrays({ inputs: noise([size, 2]), labels: turns(size) });
  const ranks = { rank: true, decide: false, repair: false, tune: false };
  const rowsOf = ({ rank, decide, calibrate, tune, validate, evaluate }: ReturnType<typeof cutData>) =>
    [rank, decide, ...(tune === undefined ? [calibrate] : [tune, validate]), evaluate].flatMap((part) =>
      part === undefined ? [] : [...part.rows],
    );

  test.each([true, false])("are apart from what repair and tuning (%s) learn from", (tune) => {
    const purposes = { ...ranks, decide: true, repair: true, tune };
    const parts = cutData(numbered, undefined, 3, purposes);
    const rows = rowsOf(parts);
    expect(new Set(rows).size).toBe(rows.length);
    expect(rows.length).toBe(size);
    const learned = new Set((parts.tune ?? parts.calibrate)!.rows);
    expect([...parts.calibrate!.rows].every((row) => learned.has(row))).toBe(true);
    expect(parts.validate?.size).toBe(tune ? 2 : undefined);
  });

  test("a handful of examples that would have to serve too many ends are refused with a way out", () => {
    const few = datasetFromArrays({ inputs: noise([5, 2]), labels: turns(5) });
    const cut = () => cutData(few, undefined, 0, { ...ranks, repair: true });
    expect(cut).toThrow(/cut into 3 parts that serve ranking, repair and final figures apart.*--no-repair/);
  });

  test.each([false, true])(
    "are disjoint parts of --data, a third for decisions if wanted (%s)",
    (needsDecisions) => {
      const parts = cutData(numbered, undefined, 3, { ...ranks, decide: needsDecisions });
      const rows = rowsOf(parts);
      expect(new Set(rows).size).toBe(rows.length);
      expect(rows.length).toBe(size);
      expect(parts.decide?.size).toBe(needsDecisions ? 30 : undefined);
      expect(rowsOf(cutData(numbered, undefined, 3, { ...ranks, decide: needsDecisions }))).toEqual(rows);
    },
  );

  test("with test data of its own all of it judges, and none of it ranks", () => {
    const test = datasetFromArrays({ inputs: noise([10, 2], 7), labels: turns(10) });
    const plain = cutData(numbered, test, 0, ranks);
    expect([plain.rank.size, plain.decide, plain.evaluate]).toEqual([size, undefined, test]);
    const split = cutData(numbered, test, 0, { ...ranks, decide: true });
    expect(split.evaluate).toBe(test);
    const used = [...split.rank.rows, ...split.decide!.rows];
    expect(new Set(used).size).toBe(used.length);
  });

  test("figures come from the part that ranked nothing", async () => {
    const budget = ["--budget", "200", "--keep", "0.5"];
    const none = { decide: 0, calibrate: 0, tune: 0, validate: 0 };
    const { examples } = await prune([tiny, ...noisy, ...budget, "--no-repair"]);
    expect(examples).toEqual({ ...none, rank: 20, evaluate: 20 });
    const repaired = await prune([tiny, ...noisy, ...budget]);
    expect(repaired.examples).toEqual({ ...none, rank: 13, calibrate: 13, evaluate: 14 });
    const test = folder.npy("t-images.npy", noise([14, 1, 6, 6], 8));
    folder.npy("t-labels.npy", turns(14));
    const own = await prune([
      tiny,
      ...noisy,
      "--test-data",
      test,
      "--limit",
      10,
      "--budget",
      "200",
      "--keep",
      "0.5",
    ]);
    expect(own.examples).toEqual({ ...none, rank: 5, calibrate: 5, evaluate: 14 });
    expect(own.before.accuracy! * 14).toBeCloseTo(Math.round(own.before.accuracy! * 14), 9);
  });
});

test("test data alone give figures, whatever else is left out", async () => {
  const { before, after } = await prune([
    ...[tiny, "--criterion", "l1", "--keep", "0.5", "--no-verify"],
    ...["--test-data", folder.npy("alone-images.npy", noise([12, 1, 6, 6], 3)), "--test-labels"],
    folder.npy("alone-labels.npy", turns(12)),
  ]);
  expect(before.accuracy).not.toBeNull();
  expect(after.accuracy).not.toBeNull();
});

test("external weights count among the bytes of a model and in its hash", async () => {
  const path = folder.file("ext.onnx");
  const g = graphBuilder();
  head(g, relu(g, conv(g, g.input("x", ["N", 1, 6, 6]), "c1", 1, 8192)), 8192);
  await writeModelFile(g.build(), path, { externalData: true });
  const { before, after } = await prune([path, "--criterion", "l1", "--keep", "0.5"], "ext-small.onnx");
  const bytes = (name: string) => readFileSync(folder.file(name)).length;
  expect(before.bytes).toBe(bytes("ext.onnx") + bytes("ext.onnx.data"));
  expect(after.bytes).toBe(bytes("ext-small.onnx")); // half of the weights fit into the model's own file
  const hashOf = async () => (await documentOf<{ hash: string }>(["inspect", path])).hash;
  const hash = await hashOf();
  copyFileSync(folder.file("ext.onnx.data"), folder.file("copy"));
  const data = readFileSync(folder.file("copy"));
  data[0]! ^= 1;
  folder.write("ext.onnx.data", data);
  expect(await hashOf()).not.toBe(hash);
});
