/** @file Studies of published results: what is kept between runs, what is missing, and the page. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { costTable } from "../reproduce/costs.ts";
import { resultsPage } from "../reproduce/page.ts";
import { missingFiles, placeOf } from "../reproduce/places.ts";
import { published } from "../reproduce/published.ts";
import { readResults, resultText, type StudyResult, writeResult } from "../reproduce/results.ts";
import { studies } from "../reproduce/studies/index.ts";
import { accuracyAt, errorAt, stageErrors } from "../reproduce/studies/stages.ts";
import { spread } from "../reproduce/study.ts";
import { commandText, openWorkshop } from "../reproduce/workshop.ts";
import { temporaryFolder } from "./helpers/command.ts";

const folder = temporaryFolder();
const root = join(import.meta.dirname, "..");

const result: StudyResult = {
  schemaVersion: 1,
  name: "lenet5",
  title: "LeNet-5 on MNIST",
  version: "0.1.0",
  where: { cpu: "A Processor", threads: 2, node: "v20.0.0", runtime: "onnxruntime-node 1.0.0" },
  minutes: 12.4,
  load: 1.5,
  tables: [
    {
      title: "Errors",
      columns: ["ranking", "coalitions", "error"],
      rows: [
        ["a|b", 1234567, "1.00 (0.90 to 1.10)"],
        ["before", null, "0.80"],
      ],
      notes: ["a note"],
    },
  ],
  checks: [
    { says: "error at most 1%", measured: "1.02%", met: false },
    { says: "values add up", measured: "1e-12", met: true },
  ],
  remarks: ["Three seeds."],
  commands: Array.from({ length: 10 }, (_, k) => `npx shapley-pruner prune m.onnx --seed ${k}`),
};

describe("the page", () => {
  const page = resultsPage([result]);

  test("has a section for each result: command, cost, table, checks, remarks", () => {
    expect(page).toContain(
      "## LeNet-5 on MNIST\n\n`npm run reproduce -- lenet5`, 12 minutes on 2 cores (A Processor,",
    );
    expect(page).toContain("| ranking | coalitions | error |\n| --- | ---: | ---: |");
    expect(page).toContain("| a\\|b | 1,234,567 | 1.00 (0.90 to 1.10) |\n| before | - | 0.80 |\n\na note");
    expect(page).toContain("- **missed**: error at most 1% (measured 1.02%)\n- met: values add up");
    expect(page).toContain("Three seeds.");
    expect(page.endsWith("```\n")).toBe(true);
  });

  test("shows some commands of many, and says how many more there are", () => {
    expect(page).toContain("--seed 7\n# and 2 more");
    expect(page).not.toContain("--seed 8");
  });

  test("says when other work ran beside a study, and only then", () => {
    expect(page).not.toContain("other work ran");
    expect(resultsPage([{ ...result, load: 9.3 }])).toContain("(up to 9.3 processes for 2 cores)");
  });

  test("claims nothing of studies that were not run", () => {
    const empty = resultsPage([]);
    expect(empty).not.toContain("##");
    expect(empty).toContain("# Results");
  });
});

test("results are written and read in the order of the names", async () => {
  const results = folder.file("results");
  await writeResult(results, { ...result, name: "b" });
  await writeResult(results, { ...result, name: "a" });
  const found = await readResults(results, ["a", "none", "b"]);
  expect(found.map(({ name }) => name)).toEqual(["a", "b"]);
  expect(found[1]).toEqual({ ...result, name: "b" });
});

test("text for a terminal tells a missed check", () => {
  expect(resultText(result)).toMatch(
    /Errors\nranking[\s\S]*MISSED: error at most 1% \(measured 1\.02%\)\nmet: values/,
  );
});

test("costs stand beside the published ones, with shares of the network before", () => {
  const { rows } = costTable(
    [
      { published: published.lenet, ours: { parameters: 40_165, macs: 498_750 } },
      { published: published.lenetSmall, ours: { parameters: 8_033, macs: 236_366 } },
      { published: published.lenetDefault, ours: null },
    ],
    [],
  );
  expect(rows[0]).toEqual(["LeNet-5 10-20-100-25", "40,225", "0.499 M", "40,165", "0.499 M"]);
  expect(rows[1]!.slice(1)).toEqual(["8,080 (20%)", "0.236 M (47%)", "8,033 (20%)", "0.236 M (47%)"]);
  expect(rows[2]!.slice(3)).toEqual([null, null]);
});

test("a spread is the mean with lowest and highest", () => {
  expect(spread([1, 3, 2], 1)).toBe("2.0 (1.0 to 3.0)");
  expect(spread([0.5], 2)).toBe("0.50");
  expect(spread([], 2)).toBe("-");
});

describe("stages of a pruning", () => {
  const record = (accuracy: number) => {
    const stage = { accuracy, loss: null, accuracyInterval: null, lossInterval: null };
    const stages = [{ ...stage, stage: "sliced" as const }];
    const round = { round: 1, step: 1, macs: 1, parameters: 1, repair: null, tuning: null };
    return {
      rounds: [
        { ...round, stages: [] },
        { ...round, stages },
      ],
    };
  };

  test("are those of the last round", () => {
    expect(errorAt(record(0.75), "sliced")).toBe(25);
    expect(accuracyAt(record(0.75), "sliced")).toBe("75.00%");
    expect(accuracyAt(record(0.75), "tuned")).toBeNull();
  });

  test("that are missing are no zeros", () => {
    expect(() => errorAt(record(0.75), "repaired")).toThrow(/no accuracy of the repaired network/);
    expect(() => stageErrors([record(0.75) as never])).toThrow();
  });
});

describe("a workshop", () => {
  const open = () =>
    openWorkshop({ root, work: folder.file("work"), study: "s", say: () => {}, quiet: true });

  test("does a piece of work once, and again when its makings change", async () => {
    let done = 0;
    const work = async () => ++done;
    expect((await open().keep("p", { seed: 1 }, work)).document).toBe(1);
    const second = open();
    expect((await second.keep("p", { seed: 1 }, work)).document).toBe(1);
    expect((await second.keep("p", { seed: 2 }, work)).document).toBe(2);
    expect((await second.keep("q", { seed: 2 }, work)).document).toBe(3);
    expect(second.spent().seconds).toBeGreaterThanOrEqual(0);
  });

  test("keeps nothing of work that failed", async () => {
    const workshop = open();
    await expect(workshop.keep("f", {}, async () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect((await workshop.keep("f", {}, async () => 7)).document).toBe(7);
  });

  test("tells commands without folders of this machine", () => {
    const argv = [
      "prune",
      "/r/reproduce/work/lenet5/b.onnx",
      "--data",
      "/r/node_modules/d/x",
      "--labels",
      "/else/y.npy",
    ];
    expect(commandText([...argv, "--only", "layer*"], "/r", "/r/reproduce/work")).toBe(
      "npx shapley-pruner prune reproduce/work/lenet5/b.onnx --data node_modules/d/x --labels y.npy --only 'layer*'",
    );
  });
});

describe("commands of a workshop", () => {
  /** A root whose built command prints its arguments and writes its --out, or fails when told to. */
  const root = folder.file("root");
  mkdirSync(join(root, "dist/cli"), { recursive: true });
  writeFileSync(
    join(root, "dist/cli/main.js"),
    `const { writeFileSync } = require("node:fs");
     const argv = process.argv.slice(2);
     if (argv[0] === "fail") process.exit(1);
     const out = argv[argv.indexOf("--out") + 1];
     if (argv.includes("--out")) writeFileSync(out, "model");
     console.log(JSON.stringify({ argv, pid: process.pid }));`,
  );
  const open = () =>
    openWorkshop({ root, work: folder.file("commands"), study: "s", say: () => {}, quiet: true });
  interface Printed {
    readonly argv: readonly string[];
    readonly pid: number;
  }

  test("run once, and again when what they read changes or what they made is gone", async () => {
    const read = folder.write("read.bin", "1");
    const makes = folder.file("made.onnx");
    const run = async () =>
      (await open().command<Printed>("p", ["train", "--out", makes], { reads: [read], makes })).document;
    const first = await run();
    expect(first.argv).toEqual(["train", "--out", makes, "--quiet", "--json"]);
    expect(await run()).toEqual(first);
    folder.write("read.bin", "2");
    const second = await run();
    expect(second.pid).not.toBe(first.pid);
    rmSync(makes);
    folder.write("made.onnx.checkpoint", "");
    expect((await run()).argv).toContain("--resume");
  });

  test("run again with other data of the same name, and count once however often they are asked for", async () => {
    const data = folder.file("data");
    mkdirSync(data);
    const name = "cifar10-test-labels.npy";
    const run = async (content: string) => {
      writeFileSync(join(data, name), content);
      const workshop = openWorkshop({
        ...{ root, data, work: folder.file("placed"), study: "s", say: () => {}, quiet: true },
      });
      const argv = ["prune", "--labels", workshop.place(name)];
      await workshop.command<Printed>("p", argv);
      const { pid } = (await workshop.command<Printed>("p", argv)).document;
      expect(workshop.commands()).toEqual([`npx shapley-pruner prune --labels ${name}`]);
      return pid;
    };
    const first = await run("1");
    expect(await run("1")).toBe(first);
    expect(await run("2")).not.toBe(first);
  });

  test("that fail leave nothing, and say what failed", async () => {
    await expect(open().command("f", ["fail", "here"])).rejects.toThrow(/status 1: fail here/);
    expect(existsSync(join(folder.file("commands"), "s", "f.json"))).toBe(false);
  });
});

describe("files", () => {
  test("that are missing are told with their folder and where they come from", () => {
    const [told] = missingFiles(["resnet56-cifar10.onnx"], root, { models: folder.path });
    expect(told).toMatch(/^resnet56-cifar10\.onnx is not in .*: a CIFAR ResNet.*--models DIR\.$/);
    folder.write("resnet56-cifar10.onnx", "");
    expect(missingFiles(["resnet56-cifar10.onnx"], root, { models: folder.path })).toEqual([]);
  });

  test("are looked for in the folder given, or where they usually are", () => {
    expect(placeOf("cifar10-test-labels.npy", "/r", {})).toBe("/shared/data/cifar10-test-labels.npy");
    expect(placeOf("cifar10-test-labels.npy", "/r", { data: "/d" })).toBe("/d/cifar10-test-labels.npy");
  });
});

describe("the command", () => {
  const reproduce = (...argv: readonly string[]) =>
    spawnSync(process.execPath, ["--import", "tsx", join(root, "reproduce/run.ts"), ...argv], {
      encoding: "utf8",
    });

  test("--help names every study with its minutes", () => {
    const { status, stdout } = reproduce("--help");
    expect(status).toBe(0);
    for (const [name, { title, minutes }] of Object.entries(studies))
      expect(stdout).toContain(`${name.padEnd(16)}${title} (about ${minutes} min`);
  });

  test("missing data end it with status 2 before any work", () => {
    const argv = ["resnet56", "--data", folder.path, "--work", folder.file("none")];
    const { status, stdout, stderr } = reproduce(...argv);
    expect(status).toBe(2);
    expect(stdout).toMatch(/About \d+ minutes on two quiet cores\./);
    expect(stderr).toMatch(/cifar10-train-images\.npy is not in .*--data DIR\./);
  });

  test("an unknown study is refused with those there are", () => {
    const { status, stderr } = reproduce("alexnet");
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/Allowed choices are oracle, lenet5/);
  });
});
