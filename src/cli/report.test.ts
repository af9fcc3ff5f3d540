/** @file Reports of commands: written with their data, drawn again to the same bytes, refused where they would harm. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { command, documentOf, temporaryFolder } from "../../test/helpers/command.ts";
import { refusals } from "../../test/helpers/refusals.ts";
import { noise, tinyClassifier, turns } from "../../test/helpers/tiny-classifier.ts";
import type { PruneResult } from "../pipeline/prune-result.ts";
import type { LockedGroup, RunRecord } from "../report/records.ts";
import { openerOf } from "./open-file.ts";

const folder = temporaryFolder();
const model = folder.model("tiny.onnx", tinyClassifier());
const images = folder.npy("x-images.npy", noise([120, 1, 6, 6]));
folder.npy("x-labels.npy", turns(120));
const data = ["--data", images, "--workers", 1];
const fast = ["--budget", 300];
const page = (name: string) => folder.file(`${name}.html`);
const out = (name: string) => ["--out", folder.file(`${name}.onnx`)];

type Argv = readonly (string | number)[];

const commands: Readonly<Record<string, Argv>> = {
  rank: ["rank", model, ...data, ...fast],
  prune: ["prune", model, ...data, ...fast, "--keep", 0.5, "--steps", 2, "--finetune", 1, ...out("p")],
  "prune without data": ["prune", model, "--criterion", "l1", "--keep", 0.5, "--workers", 1, ...out("l1")],
  oracle: ["oracle", model, ...data, "--group", "c1"],
  evaluate: ["evaluate", model, ...data, "--against", model],
  finetune: ["finetune", model, ...data, "--epochs", 2, "--batch", 8, ...out("f")],
  train: [
    "train",
    "lenet5",
    "--sizes",
    "2-2-4-4",
    "--classes",
    2,
    ...trainingData(),
    "--epochs",
    1,
    ...out("t"),
  ],
};

function trainingData(): Argv {
  const digits = folder.npy("d-images.npy", noise([60, 1, 28, 28]));
  folder.npy("d-labels.npy", turns(60));
  return ["--data", digits, "--workers", 1];
}

describe.each(Object.entries(commands))("%s --report", (name, argv) => {
  test("writes a page and its data, which is what --json prints and gives the same page again", async () => {
    const target = page(name);
    const printed = await documentOf<{ run: RunRecord }>([...argv, "--report", target]);
    const beside = target.replace(".html", ".json");
    expect(JSON.parse(readFileSync(beside, "utf8"))).toEqual(printed);
    const html = readFileSync(target, "utf8");
    expect(html).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
    expect(html).toContain(name === "train" ? "Training: lenet5" : "tiny.onnx");
    const again = page(`${name} again`);
    expect(await command(["report", beside, "--out", again])).toMatchObject({ code: 0, err: "" });
    expect(readFileSync(again).equals(readFileSync(target))).toBe(true);
    const { run } = printed;
    expect(run).toMatchObject({ command: argv[0], subject: argv[1] });
    expect(run.arguments).toEqual([...argv, "--report", target, "--json"].map(String));
    expect(run.options).not.toHaveProperty("json");
    expect(run.seconds).toBeGreaterThan(0);
    expect(Object.keys(run.machine).sort()).toEqual(["cores", "node", "runtime"]);
  });
});

test("without --json the page is named after the result", async () => {
  const target = page("told");
  const done = await command([...commands["rank"]!, "--report", target]);
  expect(done.out).toMatch(/\n.*told\.html: report written, its data in .*told\.json\.$/);
});

describe("what prune records for reports", () => {
  test("the last score of every channel, and the ranking after which it went", async () => {
    const argv = ["prune", model, ...data, ...fast, "--keep", 0.4, "--steps", 2, "--no-latency", ...out("s")];
    const { plan, scores, scoring, rounds, before, after, locked } = await documentOf<
      PruneResult & { readonly locked: readonly LockedGroup[] }
    >(argv);
    expect(scoring).toMatchObject({
      criterion: "shapley",
      estimator: "permutation",
      payoff: "cross-entropy",
    });
    expect(scores!.map(({ id, channels }) => [id, channels])).toEqual([
      ["c1", 4],
      ["c2", 5],
    ]);
    for (const { id, values, standardErrors, removedAfter } of scores!) {
      const stays = [...removedAfter.keys()].filter((channel) => removedAfter[channel] === null);
      expect(stays).toEqual(plan.groups.find((group) => group.id === id)!.keep);
      expect(new Set(removedAfter)).toEqual(new Set([null, 1, 2]));
      expect(values.every((value) => Number.isFinite(value))).toBe(true);
      expect(standardErrors.some((error) => error! > 0)).toBe(true);
      const first = [...removedAfter.keys()].filter((channel) => removedAfter[channel] === 1);
      expect(first.length).toBeGreaterThan(0);
    }
    const macs = rounds.map((round) => round.macs);
    expect([before.macs, ...macs]).toEqual([...new Set([before.macs, ...macs])].sort((a, b) => b - a));
    expect(macs.at(-1)).toBe(after.macs);
    for (const { stages } of rounds)
      for (const { accuracy, accuracyInterval } of stages) {
        expect(accuracyInterval![0]).toBeLessThanOrEqual(accuracy!);
        expect(accuracyInterval![1]).toBeGreaterThanOrEqual(accuracy!);
      }
    expect(locked).toMatchObject([{ id: "out", prunable: 0, reason: expect.stringMatching(/output/) }]);
  });

  test("scores of an earlier ranking, with what they were made with", async () => {
    const ranked = folder.file("ranked.json");
    await documentOf(["rank", model, ...data, ...fast, "--out", ranked]);
    const argv = ["prune", model, "--scores", ranked, "--keep", 0.5, "--workers", 1, ...out("from")];
    const { scores, scoring } = await documentOf<PruneResult>(argv);
    expect(scoring).toEqual({
      criterion: "shapley",
      estimator: "shrinkage",
      payoff: "cross-entropy",
      data: { examples: 120 },
    });
    const saved = JSON.parse(readFileSync(ranked, "utf8")) as { groups: { values: number[] }[] };
    expect(scores!.map(({ values }) => values)).toEqual(saved.groups.map(({ values }) => values));
  });

  test("no scores where a plan decided", async () => {
    const plan = folder.file("plan.json");
    await documentOf([...commands["prune without data"]!, "--save-plan", plan]);
    const argv = [
      "prune",
      model,
      "--plan",
      plan,
      "--workers",
      1,
      ...out("planned"),
      "--report",
      page("planned"),
    ];
    expect(await documentOf<PruneResult>(argv)).toMatchObject({ scores: null, scoring: null });
    expect(readFileSync(page("planned"), "utf8")).toContain("A plan said which channels stay.");
  });
});

describe("report", () => {
  const results = folder.file("results");

  test("a folder of results becomes one page; what is none is left out with a remark", async () => {
    mkdirSync(results);
    const ranked = await command([...commands["rank"]!, "--json"]);
    writeFileSync(join(results, "b-rank.json"), ranked.out);
    const evaluated = await command([...commands["evaluate"]!, "--json"]);
    writeFileSync(join(results, "a-evaluate.json"), evaluated.out);
    writeFileSync(join(results, "plan.json"), `{"schemaVersion":1,"groups":[]}`);
    writeFileSync(join(results, "notes.txt"), "no JSON");
    const done = await command(["report", results, "--out", page("several"), "--json"]);
    expect(done.err).toBe(`${join(results, "plan.json")}: left out, it is no result`);
    expect(JSON.parse(done.out)).toMatchObject({
      results: [
        { name: "a-evaluate", command: "evaluate" },
        { name: "b-rank", command: "rank" },
      ],
    });
    expect(readFileSync(page("several"), "utf8")).toContain("2 results");
  });

  test("a list of results is several results with their names", async () => {
    const one = JSON.parse((await command([...commands["rank"]!, "--json"])).out) as object;
    const list = folder.write("list.json", JSON.stringify([{ name: "first", ...one }, one]));
    const done = await documentOf<{ results: object[] }>(["report", list, "--out", page("list")]);
    expect(done.results).toMatchObject([{ name: "first" }, { name: "list 2" }]);
  });

  test("scores files are results too", async () => {
    const ranked = folder.file("scores.json");
    await documentOf(["rank", model, ...data, ...fast, "--out", ranked]);
    expect(await command(["report", ranked, "--out", page("scores")])).toMatchObject({ code: 0 });
    expect(readFileSync(page("scores"), "utf8")).toContain("Ranking: scores");
  });

  test.skipIf(process.platform !== "linux")("--open starts the desktop's opener (Linux only)", async () => {
    const bin = folder.file("bin");
    mkdirSync(bin);
    const seen = folder.file("seen");
    writeFileSync(join(bin, "xdg-open"), `#!/bin/sh\nprintf %s "$1" > '${seen}'\n`, { mode: 0o755 });
    const before = process.env["PATH"];
    try {
      const argv = [...commands["rank"]!, "--report", page("opened"), "--open"];
      process.env["PATH"] = bin;
      expect(await command(argv)).toMatchObject({ code: 0, err: "" });
      expect(readFileSync(seen, "utf8")).toBe(page("opened"));
      process.env["PATH"] = folder.path; // nothing there
      const missing = await command(argv);
      expect(missing).toMatchObject({
        code: 0,
        err: expect.stringMatching(/^warning \(cannot-open\): .*xdg-open/),
      });
    } finally {
      process.env["PATH"] = before;
    }
  });

  test("the opener of each desktop gets the name as one argument", () => {
    expect(openerOf("darwin", "a b.html")).toEqual(["open", "a b.html"]);
    expect(openerOf("win32", "a b.html")).toEqual(["explorer.exe", "a b.html"]);
    expect(openerOf("linux", "a b.html")).toEqual(["xdg-open", "a b.html"]);
  });
});

const saved = (name: string, change: (document: Record<string, unknown>) => void): string => {
  const document = JSON.parse(readFileSync(folder.file("prune.json"), "utf8")) as Record<string, unknown>;
  change(document);
  return folder.write(name, JSON.stringify(document));
};

const all = refusals(folder);
const drawn = ["--out", page("never")];

all("refused before work", [
  [
    "another ending",
    () => [...commands["rank"]!, "--report", folder.file("r.onnx")],
    "invalid-option",
    2,
    /\.html/,
  ],
  [
    "a missing folder",
    () => [...commands["rank"]!, "--report", folder.file("no/r.html")],
    "file-unwritable",
    1,
  ],
  ["--open alone", () => [...commands["rank"]!, "--open"], "usage", 2, /--report FILE/],
  ["--open alone, of oracle", () => [...commands["oracle"]!, "--open"], "usage", 2, /--report FILE/],
  [
    "a demo whose report has no folder",
    () => ["demo", "--out", folder.path, "--report", folder.file("no/r.html")],
    "file-unwritable",
    1,
  ],
  [
    "data over another output",
    () => [...commands["rank"]!, "--out", folder.file("r.json"), "--report", folder.file("r.html")],
    "usage",
    2,
    /r\.json is what --out writes/,
  ],
]);

all("documents that are no results", [
  ["no file", () => ["report", folder.file("none.json"), ...drawn], "file-not-found", 1],
  ["no JSON", () => ["report", folder.write("text.json", "{"), ...drawn], "file-invalid", 1, /is not JSON/],
  [
    "another document",
    () => ["report", folder.write("o.json", "[1]"), ...drawn],
    "file-invalid",
    1,
    /is no result/,
  ],
  ["null", () => ["report", folder.write("null.json", "null"), ...drawn], "file-invalid", 1, /is no result/],
  [
    "a folder without any",
    () => {
      mkdirSync(folder.file("hollow"), { recursive: true });
      return ["report", folder.file("hollow"), ...drawn];
    },
    "file-invalid",
    1,
    /holds no results/,
  ],
  [
    "a later schema",
    () => ["report", saved("later.json", (document) => (document["schemaVersion"] = 2)), ...drawn],
    "file-invalid",
    1,
    /schemaVersion 2/,
  ],
  [
    "a wrong type, with its place",
    () => {
      const wrong = saved("wrong.json", ({ rounds }) => {
        (rounds as { stages: { accuracy: unknown }[] }[])[0]!.stages[0]!.accuracy = "97%";
      });
      return ["report", wrong, ...drawn];
    },
    "file-invalid",
    1,
    /rounds\[0\]\.stages\[0\]\.accuracy: expected a number, got string/,
  ],
  [
    "too few scores",
    () => {
      const short = saved("short.json", ({ scores }) => (scores as { values: number[] }[])[1]!.values.pop());
      return ["report", short, ...drawn];
    },
    "file-invalid",
    1,
    /scores\[1\]\.values: expected one entry for each channel/,
  ],
  [
    "a page over its own data",
    () => ["report", folder.file("prune.json"), "--out", folder.file("prune.json")],
    "invalid-option",
    2,
    /\.html/,
  ],
]);
