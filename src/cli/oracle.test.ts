/** @file shapley-pruner oracle as users call it: sets, scores, stores, interruptions, refusals. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { command, documentOf, temporaryFolder } from "../../test/helpers/command.ts";
import { dense, relu } from "../../test/helpers/networks.ts";
import { refusals } from "../../test/helpers/refusals.ts";
import { noise, tinyClassifier, turns } from "../../test/helpers/tiny-classifier.ts";
import { sum } from "../math/sums.ts";
import type { OracleRecord } from "../report/oracle-records.ts";

const folder = temporaryFolder();
const assets = join(import.meta.dirname, "../../assets");
const digits = ["--data", join(assets, "mnist-rank-images.idx3-ubyte.gz"), "--pixel-scale", 255];
const lenet = ["oracle", join(assets, "lenet5-mnist.onnx"), ...digits, "--workers", 2];

const tinyModel = folder.model("tiny.onnx", tinyClassifier());
folder.npy("x-labels.npy", turns(40));
const tiny = [
  "oracle",
  tinyModel,
  "--data",
  folder.npy("x-images.npy", noise([40, 1, 6, 6])),
  "--workers",
  1,
];

/** 27 units: too many for every coalition. */
function wide() {
  const g = graphBuilder();
  const x = g.input("x", ["N", 4]);
  g.output(dense(g, relu(g, dense(g, x, "hidden", 4, 27)), "out", 27, 2), ["N", 2]);
  return g.build();
}
const wideModel = folder.model("wide.onnx", wide());
folder.npy("w-labels.npy", turns(12));
const wideData = ["--data", folder.npy("w-images.npy", noise([12, 4])), "--workers", 1];

describe("the bundled LeNet-5, c1", () => {
  test("oracle sets, exact Shapley values, and rankings judged; the same bytes for one worker", async () => {
    const found = await documentOf<OracleRecord>([...lenet, "--group", "c1", "--limit", 120]);
    expect(found).toMatchObject({
      schemaVersion: 1,
      group: "c1",
      channels: 10,
      search: "exhaustive",
      method: "added",
      coalitions: 1024,
      rows: 1024 * 120,
      payoff: "cross-entropy",
    });
    const { oracle, sets } = found;
    expect(sets.map(({ size, keep, remove }) => [size, keep.length, remove.length])).toEqual(
      Array.from({ length: 11 }, (_, size) => [size, size, 10 - size]),
    );
    for (const { worth, mean, worst, guarantee } of sets) {
      expect(worth).toBeGreaterThanOrEqual(mean! - 1e-12);
      expect(mean).toBeGreaterThanOrEqual(worst! - 1e-12);
      expect(guarantee).toEqual({ kind: "exact" });
    }
    expect(sum(oracle!.shapley)).toBeCloseTo(sets[10]!.worth - sets[0]!.worth, 9);
    const names = oracle!.rankings.map(({ name }) => name);
    expect(names).toEqual(["oracle", "shapley", "leave-one-out", "l1", "taylor", "random"]);
    const shapley = oracle!.rankings[1]!;
    expect(shapley.values).toEqual(oracle!.shapley);
    expect(oracle!.randomScore).toBeCloseTo(55 / 150, 12);
    expect(shapley.judgement.add).toBeGreaterThan(1.5 * oracle!.randomScore);
    expect(shapley.judgement.remove).toBeGreaterThan(1.5 * oracle!.randomScore);
    expect(oracle!.rankings[2]!.rows).toBe(11 * 120);
    const alone = ["--workers", 1, "--group", "c1", "--limit", 120];
    expect(resultOf(await documentOf<OracleRecord>([...lenet, ...alone]))).toEqual(resultOf(found));
  });

  test("as text: sets, nesting, the table of rankings", async () => {
    const { out, code, err } = await command([
      ...lenet,
      "--group",
      "c1",
      "--limit",
      30,
      "--criteria",
      "shapley,l2",
    ]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^c1: 10 channels, every coalition: 1,024 coalitions on 30 examples/);
    expect(out).toMatch(/best set to keep +best set to remove/);
    expect(out).toMatch(/\nThe oracle sets are (not )?nested/);
    expect(out).toMatch(/\nshapley +0\.\d{3} /);
    expect(out).toMatch(/\nl2 +0\.\d{3} /);
    expect(out).toMatch(/\nrandom, expected +0\.367 +0\.367 +1\.00/);
    expect(out).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe("the store", () => {
  test("serves the next run, and what another payoff or fewer examples ask for is computed", async () => {
    const store = folder.file("kept.store");
    const first = await documentOf<OracleRecord>([...tiny, "--group", "c2", "--store", store]);
    const again = await documentOf<OracleRecord>([...tiny, "--group", "c2", "--store", store]);
    expect(resultOf(again)).toEqual(resultOf(first));
    for (const other of [
      ["--payoff", "accuracy"],
      ["--limit", 20],
      ["--group", "c1"],
    ]) {
      const args = ["--group", "c2", ...other];
      const withStore = await documentOf<OracleRecord>([...tiny, ...args, "--store", store]);
      expect(resultOf(withStore)).toEqual(resultOf(await documentOf<OracleRecord>([...tiny, ...args])));
    }
  });

  test("lies beside --out, and an interrupted run continues from it", async () => {
    const out = folder.file("c2.json");
    const control = new AbortController();
    control.abort();
    const stopped = await command([...tiny, "--group", "c2", "--out", out], { signal: control.signal });
    expect(stopped.code).toBe(130);
    expect(existsSync(out)).toBe(false);
    const done = await command([...tiny, "--group", "c2", "--out", out]);
    expect(done.code).toBe(0);
    expect(done.out).toContain("c2.json: written.");
    expect(existsSync(`${out}.store`)).toBe(true);
    const written = JSON.parse(readFileSync(out, "utf8")) as OracleRecord;
    expect(written).toEqual(resultOf(await documentOf<OracleRecord>([...tiny, "--group", "c2"])));
  });

  test("--out may be the data of the report: the result with its circumstances", async () => {
    const out = folder.file("both.json");
    const argv = [...tiny, "--group", "c2", "--out", out, "--report", folder.file("both.html")];
    expect(await command(argv)).toMatchObject({ code: 0, err: "" });
    const written = JSON.parse(readFileSync(out, "utf8")) as OracleRecord & { readonly run: object };
    expect(written.run).toMatchObject({ command: "oracle" });
    expect(resultOf(written)).toEqual(resultOf(await documentOf<OracleRecord>([...tiny, "--group", "c2"])));
  });

  test("a damaged one is refused with the next step", async () => {
    const store = folder.file("spoiled.store");
    await documentOf([...tiny, "--group", "c2", "--store", store]);
    writeFileSync(join(store, "data.mdb"), "no database");
    const { code, err } = await command([...tiny, "--group", "c2", "--store", store]);
    expect(code).toBe(1);
    expect(err).toMatch(/^error \(store-corrupt\): .*Delete the folder and run again/);
  });
});

describe("groups too large for every coalition", () => {
  test("beam search says what it is", async () => {
    const args = ["oracle", wideModel, ...wideData, "--group", "hidden", "--search", "beam", "--width", 2];
    const found = await documentOf<OracleRecord>(args);
    expect(found.sets).toHaveLength(28);
    expect(found.oracle).toBeNull();
    expect(found.sets.every(({ guarantee }) => guarantee.kind === "none")).toBe(true);
    const { out } = await command(args);
    expect(out).toMatch(/These are the best sets found, not oracle sets/);
  });

  test("branch and bound says what it proved under which assumption", async () => {
    const search = ["--search", "branch-and-bound", "--sizes", "26,24", "--max-coalitions", 400];
    const args = ["oracle", wideModel, ...wideData, "--group", "hidden", ...search];
    const found = await documentOf<OracleRecord>(args);
    expect(found.sets.map(({ size }) => size)).toEqual([26, 24]);
    for (const { guarantee, worth } of found.sets) {
      if (guarantee.kind !== "if-monotone") throw new Error(guarantee.kind);
      expect(guarantee.bound).toBeGreaterThanOrEqual(worth);
    }
    const { out } = await command(args);
    expect(out).toMatch(/holds if removing channels never raises the payoff by more than/);
  });
});

/** What was found, without the circumstances of the run. */
function resultOf({ run: _, ...found }: OracleRecord & { readonly run?: unknown }): OracleRecord {
  return found;
}

const oracleOf = (...args: (string | number)[]) => [...tiny, ...args];

refusals(folder)("oracle refuses", [
  ["an unknown group", () => oracleOf("--group", "c7"), "unknown-group", 2, /nearest names: c[12], c[12]/],
  ["a pattern of several groups", () => oracleOf("--group", "c*"), "invalid-option", 2, /c1, c2/],
  ["a locked group", () => oracleOf("--group", "out"), "group-locked", 2, /Choose one of: c1, c2/],
  ["no group", () => oracleOf(), "usage", 2],
  ["no data", () => ["oracle", tinyModel, "--group", "c1"], "usage", 2, /--data/],
  [
    "empty data",
    () => [
      "oracle",
      tinyModel,
      "--group",
      "c1",
      "--data",
      folder.npy("none.npy", noise([0, 1, 6, 6])),
      "--no-labels",
    ],
    "data-empty",
    1,
  ],
  [
    "an unknown criterion",
    () => oracleOf("--group", "c1", "--criteria", "shaply,l1"),
    "unknown-criterion",
    2,
    /nearest names: shapley/,
  ],
  [
    "a criterion that does not apply, when asked for",
    () => oracleOf("--group", "c1", "--criteria", "bn-scale"),
    "criterion-not-applicable",
    2,
  ],
  [
    "criteria without a table",
    () => oracleOf("--group", "c1", "--search", "beam", "--criteria", "l1"),
    "usage",
    2,
    /oracle sets/,
  ],
  [
    "a group too large",
    () => ["oracle", wideModel, ...wideData, "--group", "hidden"],
    "oracle-too-large",
    2,
    /27 channels: .* takes [\d.e+]+ rows, about \S+ .*--search beam/,
  ],
  [
    "branch and bound without sizes",
    () => oracleOf("--group", "c1", "--search", "branch-and-bound"),
    "usage",
    2,
    /--sizes/,
  ],
  [
    "sizes that are all or none",
    () => oracleOf("--group", "c1", "--search", "branch-and-bound", "--sizes", "4"),
    "invalid-option",
    2,
    /from 1 to 3/,
  ],
  [
    "a negative slack",
    () => oracleOf("--group", "c1", "--search", "branch-and-bound", "--sizes", "2", "--slack=-1"),
    "invalid-option",
    2,
  ],
  [
    "a store inside a folder that is not there",
    () => oracleOf("--group", "c1", "--store", folder.file("no/where")),
    "store-unusable",
    1,
  ],
  ["a store that is a file", () => oracleOf("--group", "c1", "--store", tinyModel), "store-unusable", 1],
  ["an output over the model", () => oracleOf("--group", "c1", "--out", tinyModel), "usage", 2],
]);
