/** @file --activations: told in what is written, kept apart from runs in float32, and refused where nothing is kept. */
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { command, documentOf, temporaryFolder } from "../../test/helpers/command.ts";
import { conv, dense, head, relu } from "../../test/helpers/networks.ts";
import { noise, tinyClassifier, turns } from "../../test/helpers/tiny-classifier.ts";
import { spearman } from "../math/ranks.ts";
import type { Scores } from "../pipeline/scores-file.ts";
import type { CompareRecord } from "../report/compare-records.ts";
import type { DryRun } from "../report/dry-run-records.ts";
import type { OracleRecord } from "../report/oracle-records.ts";

const folder = temporaryFolder();
const half = ["--activations", "float16"];

function convolutions() {
  const g = graphBuilder();
  const first = relu(g, conv(g, g.input("x", ["N", 3, 16, 16]), "first", 3, 12));
  head(g, relu(g, conv(g, relu(g, conv(g, first, "inner", 12, 12)), "outer", 12, 4)), 4);
  return g.build();
}
const model = folder.model("net.onnx", convolutions());
const images = folder.npy("x-images.npy", noise([1200, 3, 16, 16]));
folder.npy("x-labels.npy", turns(1200));
/** A batch of rows reads 8 MiB in float32; the activations of all examples are 14 MiB. */
const ranking = ["rank", model, "--data", images, "--only", "inner", "--budget", 6000, "--workers", 2];

const tiny = folder.model("tiny.onnx", tinyClassifier());
const data = ["--data", folder.npy("y-images.npy", noise([120, 1, 6, 6])), "--workers", 1];
folder.npy("y-labels.npy", turns(120));

describe("rank", () => {
  test("gives the same bytes for any ceiling, near those of float32, and says what they are from", async () => {
    const [single, wide, narrow] = ["single.json", "wide.json", "narrow.json"].map((name) =>
      folder.file(name),
    );
    const exact = await documentOf<Scores>([...ranking, "--out", single!]);
    const found = await documentOf<Scores>([...ranking, ...half, "--out", wide!]);
    await documentOf([...ranking, ...half, "--memory", "6MiB", "--workers", 1, "--out", narrow!]);
    expect(readFileSync(narrow!, "utf8")).toBe(readFileSync(wide!, "utf8"));
    expect(found.settings).toMatchObject({ activations: "float16" });
    expect(exact.settings).not.toHaveProperty("activations");
    const [values, wanted] = [found.groups[0]!.values, exact.groups[0]!.values];
    expect(values).not.toEqual(wanted);
    expect(spearman(values, wanted)).toBeGreaterThan(0.95);
  });

  test("--activations float32 is what holds anyway", async () => {
    const [plain, named] = [folder.file("plain.json"), folder.file("named.json")];
    await documentOf(["rank", tiny, ...data, "--budget", 300, "--out", plain]);
    await documentOf(["rank", tiny, ...data, "--budget", 300, "--activations", "float32", "--out", named]);
    expect(readFileSync(named, "utf8")).toBe(readFileSync(plain, "utf8"));
  });

  test("a dry run counts halves: twice as many examples are kept", async () => {
    const foretold = (argv: readonly (string | number)[]) =>
      documentOf<DryRun>([...ranking, ...argv, "--dry-run"]);
    const single = await foretold(["--memory", "10MiB"]);
    expect(single.notes.join()).toMatch(/activations of 853 of 1,200 examples are kept/);
    expect(single.memoryBytes).toBe(10 * 2 ** 20);
    const all = await foretold(["--memory", "10MiB", ...half]);
    expect(all.notes).toEqual([]);
    expect(all.memoryBytes).toBe(1200 * 2 * 12 * 16 * 16);
    const some = await foretold(["--memory", "5MiB", ...half]);
    expect(some.notes.join()).toMatch(
      /activations of 853 of 1,200 examples are kept \(all take 7(\.\d)? MiB\)/,
    );
    const refused = async (argv: readonly string[]) =>
      command([...ranking, ...argv, "--memory", "3MiB", "--dry-run"]);
    const [wide, narrow] = [await refused([]), await refused(half)];
    expect([wide.code, narrow.code]).toEqual([1, 1]);
    expect(wide.err).toMatch(/activations-too-large.* 8 MiB.*--limit.*--activations float16.*--memory/);
    expect(narrow.err).toMatch(/activations-too-large.* 4 MiB.*--limit\) than that or raise --memory/);
  });

  test("where much is computed again, halves are suggested unless they are in use", async () => {
    const argv = ["rank", model, "--data", images, "--only", "inner", "--estimator", "leave-one-out"];
    const single = await command([...argv, "--memory", "10MiB", "--workers", 1]);
    expect(single.err).toMatch(
      /^inner: activations of 683 of 1,200 .*--limit.*--activations float16.*--memory/m,
    );
    const halves = await command([...argv, "--memory", "5MiB", ...half, "--workers", 1]);
    expect(halves.err).toMatch(/^inner: activations of 853 of 1,200 .*--limit\) or raise --memory/m);
  });

  test("--resume refuses what a run with the other type left", async () => {
    const out = folder.file("resumed.json");
    const argv = ["rank", tiny, ...data, "--budget", 300, "--out", out];
    const { groups: _, rows: __, ...header } = await documentOf<Scores>([...argv, ...half]);
    const left = () =>
      writeFileSync(`${out}.partial`, JSON.stringify({ header, finished: [], current: null }));
    const wanted = readFileSync(out, "utf8");
    left();
    const { code, err } = await command([...argv, "--resume"]);
    expect([code, err]).toEqual([
      expect.any(Number),
      expect.stringMatching(/state-mismatch.*its settings differs/),
    ]);
    expect(code).not.toBe(0);
    left();
    await documentOf([...argv, ...half, "--resume"]);
    expect(readFileSync(out, "utf8")).toBe(wanted);
  });
});

describe("other commands", () => {
  test("prune ranks by it", async () => {
    const out = folder.file("small.onnx");
    const argv = ["prune", tiny, ...data, "--budget", 300, "--target-macs", "60%", ...half, "--out", out];
    const found = await documentOf<{
      readonly settings?: unknown;
      readonly run?: { readonly options: object };
    }>(argv);
    expect(JSON.stringify(found)).toContain('"activations":"float16"');
  });

  test("oracle names it, and takes no coalitions from a store of the other type", async () => {
    const store = ["--store", folder.file("coalitions")];
    const argv = ["oracle", tiny, ...data, "--group", "c1", ...store];
    const single = await documentOf<OracleRecord>(argv);
    const first = await command([...argv, ...half, "--json"]);
    expect(first.err).not.toContain("in the store");
    expect((await command([...argv, ...half])).err).toContain("16 of 16 coalitions were in the store");
    const found = JSON.parse(first.out) as OracleRecord;
    expect([single.activations, found.activations]).toEqual([undefined, "float16"]);
    const worths = (record: OracleRecord) => record.sets.map(({ worth }) => worth);
    expect(worths(found)).not.toEqual(worths(single));
    worths(found).forEach((worth, k) => {
      expect(Math.abs(worth - worths(single)[k]!)).toBeLessThan(1e-3);
    });
  });

  test("compare names it, and takes no pieces of the other type", async () => {
    const store = ["--store", folder.file("pieces")];
    const how = ["--budget", 100, "--seeds", 1, "--no-network", "--curve-examples", 8, "--points", 2];
    const argv = ["compare", tiny, ...data, ...how, ...store];
    const single = await documentOf<CompareRecord>(argv);
    const found = await documentOf<CompareRecord>([...argv, ...half]);
    expect([single.activations, found.activations]).toEqual([undefined, "float16"]);
    const curves = ({ entries }: CompareRecord) =>
      entries.find(({ name }) => name === "l1")!.runs[0]!.groups.map(({ lowestGone }) => lowestGone);
    expect(curves(found)).not.toEqual(curves(single));
    const again = await documentOf<CompareRecord>(argv);
    expect(curves(again)).toEqual(curves(single));
  });

  test.each(["rank", "prune", "oracle", "compare"])("%s refuses other types", async (name) => {
    const { code, err } = await command([name, tiny, ...data, "--activations", "bfloat16"]);
    expect(code).toBe(2);
    expect(err).toMatch(/--activations <type>.*bfloat16.*float32, float16/s);
  });
});

describe("refused", () => {
  test.each(["l1", "taylor", "random"])("with the criterion %s, which plays no game", async (criterion) => {
    const argv = ["rank", tiny, ...data, "--criterion", criterion];
    const { code, err } = await command([...argv, ...half]);
    expect(code).toBe(2);
    expect(err).toMatch(new RegExp(`usage.*--activations float16.*${criterion}`));
    expect((await command([...argv, "--activations", "float32"])).code).toBe(0);
  });

  test("where activations leave the range of float16, with the value, the group and what to do", async () => {
    const g = graphBuilder();
    const x = g.input("x", ["N", 4]);
    const large = g.weight([1], [1e6], { name: "factor" });
    const hidden = relu(g, dense(g, g.node("Mul", [x, large]), "hidden", 4, 6));
    g.output(dense(g, hidden, "out", 6, 2), ["N", 2]);
    const loud = folder.model("loud.onnx", g.build());
    const argv = ["rank", loud, "--data", folder.npy("z-images.npy", noise([20, 4])), "--budget", 200];
    folder.npy("z-labels.npy", turns(20));
    const { code, err } = await command([...argv, ...half]);
    expect(code).toBe(1);
    expect(err).toMatch(
      /activation-overflow.*Group "hidden": ".*" reaches -?\d.*65504.*--activations float32/,
    );
    expect((await command([...argv, "--json"])).code).toBe(0);
  });
});
