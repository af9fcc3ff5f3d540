/** @file shapley-pruner compare as users call it: records, entries, interruptions, stores, refusals. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { command, documentOf, temporaryFolder } from "../../test/helpers/command.ts";
import { refusals } from "../../test/helpers/refusals.ts";
import { drawTiny, noise, tinyClassifier, turns } from "../../test/helpers/tiny-classifier.ts";
import { criteria } from "../criteria/index.ts";
import { estimators } from "../estimators/index.ts";
import { below, stream } from "../math/random.ts";
import type { CompareRecord } from "../report/compare-records.ts";

const folder = temporaryFolder();
const tiny = folder.model("tiny.onnx", tinyClassifier());
const images = folder.npy("x-images.npy", noise([120, 1, 6, 6]));
folder.npy("x-labels.npy", turns(120));
const bare = folder.npy("y-images.npy", noise([120, 1, 6, 6], 2));
const base = ["compare", tiny, "--data", images, "--budget", "200", "--seeds", 2];
const quick = [...base, "--shares", "50%", "--curve-examples", 8, "--workers", 1];

const apart = [
  ...quick.filter((_, k) => k !== quick.indexOf("--shares") && k !== quick.indexOf("50%")),
  "--no-network",
];

/** What the quick command finds, computed once. */
let found: Promise<CompareRecord> | undefined;
const quickRecord = (): Promise<CompareRecord> => {
  found ??= documentOf<CompareRecord>(quick);
  return found;
};

const usual = ["random", "l1", "taylor", "greedy", "shapley", "sequential", "oracle"];

/** The record without what differs from run to run. */
function timeless({ run: _, ...record }: CompareRecord & { readonly run?: unknown }): unknown {
  const text = JSON.stringify(record, (name, value: unknown) =>
    name === "seconds" || name === "memoryBytes" ? null : value,
  );
  return JSON.parse(text.replace(/(rows) and [^;"]*?( s| min| h)(?=[;.])/g, "$1"));
}

describe("a record", () => {
  test("of every usual method: orders, curves, areas, agreement, networks", async () => {
    const record = await documentOf<CompareRecord>([...base, "--workers", 1]);
    expect(record.entries.map(({ name }) => name).sort()).toEqual([...usual].sort());
    expect(record).toMatchObject({ seeds: [0, 1], budgets: [200], shares: [0.25, 0.5, 0.75] });
    const { rank, curves, calibrate, evaluate, tune } = record.examples;
    expect(rank + curves + calibrate + evaluate).toBe(120);
    expect(tune).toBe(0);
    expect(record.groups).toMatchObject([
      { id: "c1", channels: 4, sizes: [0, 1, 2, 3, 4], reference: { kind: "exact" }, isOracleKnown: true },
      { id: "c2", channels: 5, sizes: [0, 1, 2, 3, 4, 5], isOracleKnown: true },
    ]);
    for (const { runs, summary, missing, budget, name } of record.entries) {
      expect(missing).toBeNull();
      expect(budget).toBe(["greedy", "shapley", "sequential"].includes(name) ? 200 : null);
      expect(runs.map(({ seed }) => seed)).toEqual([0, 1]);
      expect(summary!.network.map(({ tuned }) => tuned)).toEqual([null, null, null]);
      for (const { groups, network, rows } of runs) {
        if (budget !== null) expect(rows).toBeLessThanOrEqual(2 * budget);
        if (budget !== null) expect(rows).toBeGreaterThan(budget);
        for (const [k, group] of groups.entries()) {
          const { channels } = record.groups[k]!;
          expect([...group.order].sort()).toEqual(Array.from({ length: channels }, (_, c) => c));
          expect(group.lowestGone[0]).toBe(group.highestGone[0]); // nothing gone
          expect(group.lowestGone.at(-1)).toBe(group.highestGone.at(-1)); // everything gone
          expect(group.oracle!.regret).toBeGreaterThanOrEqual(-1e-12);
        }
        for (const { parameters, cut, repaired, tuned } of network) {
          expect(parameters).toBeLessThanOrEqual(record.original.parameters);
          expect(cut.accuracy).toBeGreaterThanOrEqual(0);
          expect(repaired!.accuracy).toBeLessThanOrEqual(1);
          expect(tuned).toBeNull();
        }
      }
    }
    const find = (wanted: string) => record.entries.find(({ name }) => name === wanted)!;
    const [first, second] = find("l1").runs.map(({ groups }) => groups.map(({ order }) => order));
    expect(first).toEqual(second); // weights know no seeds
    expect(find("oracle").summary!.oracleAdd!.mean).toBeGreaterThan(find("random").summary!.oracleAdd!.mean);
    expect(record.contrasts).toHaveLength((6 + 5) * (1 + 3 * 2));
  });

  test("has the same bytes for any number of workers", async () => {
    const three = await documentOf<CompareRecord>([...quick, "--workers", 3]);
    expect(timeless(three)).toEqual(timeless(await quickRecord()));
  });

  test("ranks again on other examples with every seed, and every end has examples of its own", async () => {
    const record = await documentOf<CompareRecord>([...quick, "--no-repair", "--seeds", 3]);
    const curves = record.entries
      .find(({ name }) => name === "l1")!
      .runs.map(({ groups }) => groups[0]!.lowestGone[0]);
    expect(new Set(curves).size).toBe(3); // the whole network on three sets of examples
    expect(record.examples).toMatchObject({ curves: 24, calibrate: 0 });
  });

  test("with several budgets has an entry for each, and curves with fewer points", async () => {
    const argv = [...apart, "--budget", "100,400", "--points", 2, "--seeds", 1];
    const record = await documentOf<CompareRecord>(argv);
    const budgets = (wanted: string) =>
      record.entries.filter(({ name }) => name === wanted).map(({ budget }) => budget);
    expect([budgets("shapley"), budgets("greedy"), budgets("l1")]).toEqual([[100, 400], [100, 400], [null]]);
    expect(record.groups.map(({ sizes }) => sizes)).toEqual([
      [0, 2, 4],
      [0, 3, 5],
    ]);
    expect(record).toMatchObject({ shares: [], contrasts: [], original: { accuracy: null } });
    expect(record.conclusions[0]).toMatch(/^One seed says nothing about noise/);
  });

  test("of groups too large for every coalition: a long reference, and the oracle of the others", async () => {
    const record = await documentOf<CompareRecord>([...quick, "--oracle-channels", 4, "--reference", 500]);
    expect(record.groups).toMatchObject([
      { reference: { kind: "exact" }, isOracleKnown: true },
      { reference: { kind: "long" }, isOracleKnown: false },
    ]);
    expect(record.groups[1]!.reference!.rows).toBeGreaterThan(400);
    const oracle = record.entries.find(({ name }) => name === "oracle")!;
    expect(oracle.missing).toMatch(/c2/);
    expect(oracle.summary).toBeNull();
    expect(oracle.runs.map(({ groups }) => groups.map(({ id }) => id))).toEqual([["c1"], ["c1"]]);
    const measures = record.contrasts
      .filter(({ second }) => second === "oracle")
      .map(({ measure }) => measure);
    expect(measures).toEqual(["area of c1", "area of c1"]);
    const without = await documentOf<CompareRecord>([...apart, "--oracle-channels", 0, "--reference", 0]);
    expect(without.groups.map(({ reference }) => reference)).toEqual([null, null]);
    expect(without.entries.every(({ summary }) => summary?.spearman === null || summary === null)).toBe(true);
  });

  test("of all methods: what does not apply is missing, with the reason", async () => {
    const argv = [...apart, "--criteria", "all", "--seeds", 1, "--oracle-channels", 4];
    const record = await documentOf<CompareRecord>(argv);
    const names = new Set([...usual, ...Object.keys(criteria), ...Object.keys(estimators)]);
    names.delete("permutation"); // is called shapley here
    names.add("joint"); // Shapley values of all groups in one game
    expect(new Set(record.entries.map(({ name }) => name))).toEqual(names);
    const missing = new Map(record.entries.map(({ name, missing: why }) => [name, why]));
    expect(missing.get("bn-scale")).toMatch(/does not apply/);
    expect(missing.get("exact")).toMatch(/32/);
    expect(missing.get("leverage")).toBeNull();
  });

  test("without labels: agreement is what coalitions are worth, and networks keep to the original", async () => {
    const argv = ["compare", tiny, "--data", bare, "--no-labels", ...quick.slice(4)];
    const record = await documentOf<CompareRecord>(argv);
    expect(record.payoff).toBe("agreement");
    expect(record.original).toMatchObject({ accuracy: null, loss: expect.closeTo(0, 6) });
    for (const { runs, missing } of record.entries) {
      expect(missing).toBeNull();
      for (const { network } of runs) expect(network[0]!.cut.loss).toBeGreaterThan(0);
    }
    expect(record.contrasts.map(({ measure }) => measure)).toContain("loss after repair, 50% gone");
  });

  test("of numbers instead of classes: every method plays for squared error", async () => {
    folder.npy("n-labels.npy", noise([60, 2], 3));
    const numbers = ["compare", tiny, "--data", folder.npy("n-images.npy", noise([60, 1, 6, 6]))];
    const record = await documentOf<CompareRecord>([...numbers, ...apart.slice(4), "--seeds", 1]);
    expect(record.payoff).toBe("squared-error");
    expect(record.entries.every(({ missing }) => missing === null)).toBe(true);
  });

  test("with fine-tuning has a third stage", async () => {
    const argv = [...quick, "--finetune", 1, "--batch", 8, "--criteria", "l2"];
    const record = await documentOf<CompareRecord>(argv);
    expect(record.examples.tune).toBeGreaterThan(0);
    for (const { summary } of record.entries) expect(summary!.network[0]!.tuned!.count).toBe(2);
    expect(record.contrasts.map(({ measure }) => measure)).toContain("accuracy after tuning, 50% gone");
  });

  test("as text: tables, what is missing, conclusions; the same in the written file", async () => {
    const out = folder.file("text.json");
    const { out: text, code } = await command([...quick, "--out", out, "--store", folder.file("text.store")]);
    expect(code).toBe(0);
    expect(text).toMatch(
      /method +area lost +from the top +Spearman +Kendall +add +remove +regret +rows +time +MiB/,
    );
    expect(text).toMatch(/method +50% cut +50% repaired/);
    expect(text).toMatch(/\n- .*A ranking of all groups took: .*random no rows/s);
    expect(text).toMatch(/over all 33 comparisons together/);
    const written = JSON.parse(readFileSync(out, "utf8")) as CompareRecord;
    for (const sentence of written.conclusions) expect(text).toContain(sentence);
  });
});

describe("an interrupted comparison", () => {
  test("goes on where it was, and ends as an unbroken one", async () => {
    const expected = timeless(await quickRecord());
    const argv = [...quick, "--out", folder.file("broken.json")];
    const random = stream(11, 0);
    let interrupted = 0;
    for (let attempt = 0; attempt < 4; attempt++) {
      const wait = 30 + below(500, random);
      const { code, err } = await command(argv, { signal: AbortSignal.timeout(wait) });
      if (code === 0) continue;
      interrupted++;
      expect(err).toContain("error (interrupted)");
      expect(code).toBe(130);
    }
    expect(interrupted).toBeGreaterThan(0);
    expect(timeless(await documentOf<CompareRecord>(argv))).toEqual(expected);
  });

  test("can have lost any of its pieces", async () => {
    const store = folder.file("pieces");
    const argv = [...quick, "--store", store];
    const expected = timeless(await quickRecord());
    expect(timeless(await documentOf<CompareRecord>(argv))).toEqual(expected);
    const random = stream(12, 0);
    const pieces = readdirSync(store).filter((name) => name.endsWith(".json"));
    expect(pieces.length).toBeGreaterThan(20);
    for (const name of pieces) if (below(2, random) === 0 && name !== "owner.json") rmSync(join(store, name));
    expect(timeless(await documentOf<CompareRecord>(argv))).toEqual(expected);
    const further = await documentOf<CompareRecord>([...argv, "--criteria", "l2"]);
    expect(further.entries).toHaveLength(8);
  });

  test("a store of another comparison or a damaged one is refused", async () => {
    const store = folder.file("owned");
    await documentOf([...apart, "--store", store, "--seeds", 1]);
    const foreign = ["compare", tiny, "--data", bare, "--no-labels", ...quick.slice(4), "--store", store];
    const { err, code } = await command(foreign);
    expect(err).toMatch(/^error \(pieces-foreign\): .*another data.*Name another place/);
    expect(code).toBe(2);
    for (const name of readdirSync(store).filter((one) => one.endsWith(".json"))) {
      const damaged = folder.file(`damaged-${name}`);
      mkdirSync(damaged);
      cpSync(store, damaged, { recursive: true });
      const bytes = readFileSync(join(damaged, name));
      writeFileSync(join(damaged, name), bytes.subarray(0, bytes.length - 2));
      const outcome = await command([...apart, "--store", damaged, "--seeds", 1]);
      expect(outcome.err).toMatch(/^error \(pieces-corrupt\): .*damaged.*run again/);
      if (name !== "owner.json") break;
    }
  });
});

const single = folder.npy("s-images.npy", noise([1, 1, 6, 6]));
folder.npy("s-labels.npy", turns(1));

function normless(): string {
  const g = graphBuilder();
  g.output(drawTiny(g), ["N", 2]);
  return folder.model("normless.onnx", g.build());
}

refusals(folder)("compare refuses", [
  [
    "a criterion nobody knows",
    () => [...quick, "--criteria", "shaply"],
    "unknown-criterion",
    2,
    /nearest names: shapley/,
  ],
  ["a group nobody knows", () => [...quick, "--only", "c9"], "unknown-group", 2, /c1|c2/],
  [
    "one example",
    () => ["compare", tiny, "--data", single, ...quick.slice(4)],
    "usage",
    2,
    /1 example is too few/,
  ],
  ["a budget too small for Shapley values", () => [...quick, "--budget", "5"], "budget-too-small", 2],
  ["a share of everything", () => [...quick, "--shares", "100%"], "invalid-option", 2, /between 0 and 1/],
  ["no data", () => ["compare", tiny], "usage", 2, /--data/],
  ["no examples of that kind", () => ["compare", tiny, "--data", "nowhere.npy"], "file-not-found", 1],
  [
    "named criteria that do not apply",
    () => ["compare", normless(), ...quick.slice(2), "--criteria", "bn-scale"],
    "criterion-not-applicable",
    2,
  ],
  ["shares without a network", () => [...quick, "--no-network"], "usage", 2, /--no-network/],
  [
    "training options without training",
    () => [...quick, "--lr", "0.1"],
    "usage",
    2,
    /--lr is for --finetune/,
  ],
  [
    "a folder that is not there",
    () => [...quick, "--out", folder.file("none/out.json")],
    "file-unwritable",
    1,
  ],
]);
