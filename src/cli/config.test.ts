/** @file Configuration files: what is wrong with them, what they say, and that what is saved is what was told. */
import { mkdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { Ajv } from "ajv";
import type { Command } from "commander";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { command, documentOf, temporaryFolder } from "../../test/helpers/command.ts";
import { refusals } from "../../test/helpers/refusals.ts";
import { noise, tinyClassifier, turns } from "../../test/helpers/tiny-classifier.ts";
import { type Field, fieldsOf } from "./config-fields.ts";
import { configSchema, schemaText } from "./config-schema.ts";
import { commandsWithConfig } from "./program.ts";

const folder = temporaryFolder();
const model = folder.model("tiny.onnx", tinyClassifier());
folder.npy("x-images.npy", noise([40, 1, 6, 6]));
folder.npy("x-labels.npy", turns(40));
const silent = { out: () => {}, err: () => {}, isTerminal: false, signal: new AbortController().signal };

let files = 0;
/** A configuration in the folder, as JSON or as the very text. */
function config(content: object | string): string {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  return folder.write(`config-${files++}.json`, text);
}

const rank = { command: "rank", model: "tiny.onnx", data: "x-images.npy", workers: 1, budget: 300 };

refusals(folder)("configurations", [
  ["no such file", () => ["rank", "--config", folder.file("none.json")], "file-not-found", 1, /none\.json/],
  ["not JSON", () => ["rank", "--config", config("{ command")], "config-invalid", 2, /expected JSON \(/],
  [
    "no object",
    () => ["rank", "--config", config("[1]")],
    "config-invalid",
    2,
    /expected an object, got \[1\]/,
  ],
  [
    "an unknown key",
    () => ["rank", "--config", config({ ...rank, citerion: "l1" })],
    "config-invalid",
    2,
    /"citerion": expected a key .*, got "l1"; nearest names: criterion/,
  ],
  [
    "an option of another command",
    () => ["rank", "--config", config({ ...rank, finetune: 3 })],
    "config-invalid",
    2,
    /"finetune"/,
  ],
  [
    "no command",
    () => ["rank", "--config", config({ model })],
    "config-invalid",
    2,
    /"command": expected "rank", got nothing/,
  ],
  [
    "a file of another command",
    () => ["prune", "--config", config(rank)],
    "config-invalid",
    2,
    /"command": expected "prune".*, got "rank"/,
  ],
  [
    "a wrong type",
    () => ["rank", "--config", config({ ...rank, limit: "many" })],
    "config-invalid",
    2,
    /"limit": expected a whole number from 1, got "many"/,
  ],
  [
    "a number out of range",
    () => ["rank", "--config", config({ ...rank, limit: 0 })],
    "config-invalid",
    2,
    /a whole number from 1, got 0/,
  ],
  [
    "a wrong element",
    () => ["rank", "--config", config({ ...rank, mean: [0.5, "x"] })],
    "config-invalid",
    2,
    /"mean\[1\]": expected a number, got "x"/,
  ],
  [
    "a wrong value",
    () => ["prune", "--config", config({ command: "prune", "keep-channels": { c1: 0.5 } })],
    "config-invalid",
    2,
    /"keep-channels\.c1": expected a whole number from 0, got 0\.5/,
  ],
  [
    "a wrong choice",
    () => ["rank", "--config", config({ ...rank, criterion: "tailor" })],
    "config-invalid",
    2,
    /"criterion": expected one of .*, got "tailor"; nearest names: taylor/,
  ],
  [
    "true for a path",
    () => ["rank", "--config", config({ ...rank, labels: true })],
    "config-invalid",
    2,
    /"labels": expected text or false, got true/,
  ],
  [
    "a list for a flag",
    () => ["rank", "--config", config({ ...rank, json: [] })],
    "config-invalid",
    2,
    /"json": expected true or false/,
  ],
  [
    "what only the flag's parser refuses",
    () => ["rank", "--config", config({ ...rank, budget: "soon" })],
    "config-invalid",
    2,
    /"budget": expected rows for each group .*, got "soon"/,
  ],
  [
    "what only the option's own parser refuses",
    () => ["prune", "--config", config({ command: "prune", model, out: "o.onnx", keep: 2 })],
    "config-invalid",
    2,
    /"keep": expected a share above 0 and up to 1.*, got 2/,
  ],
  [
    "neither argument nor key",
    () => ["rank", "--config", config({ command: "rank" })],
    "usage",
    2,
    /rank needs a model.*"model"/,
  ],
  [
    "a required option in neither",
    () => ["prune", model, "--keep", 0.5],
    "usage",
    2,
    /prune needs --out.*"out"/,
  ],
  ["saved over the model", () => ["rank", model, "--save-config", model], "usage", 2, /--save-config/],
  [
    "saved over the file itself",
    () => {
      const path = config(rank);
      return ["rank", "--config", path, "--save-config", path];
    },
    "usage",
    2,
    /--save-config/,
  ],
  [
    "saved where there is no folder",
    () => ["rank", model, "--save-config", folder.file("no/c.json")],
    "file-unwritable",
    1,
  ],
  [
    "run: no such command",
    () => ["run", config({ command: "rnak" })],
    "config-invalid",
    2,
    /"command": expected one of inspect, rank/,
  ],
  ["run: a command without configurations", () => ["run", config({ command: "demo" })], "config-invalid", 2],
]);

describe("a run told by a file", () => {
  test("is the run that flags tell, paths beside the file", async () => {
    const path = config({ ...rank, only: ["c2"], labels: "x-labels.npy" });
    const flags = ["--data", folder.file("x-images.npy"), "--workers", 1, "--budget", 300, "--only", "c2"];
    const told = await documentOf<{ groups: object[] }>(["rank", "--config", path]);
    const given = await documentOf<{ groups: object[] }>(["rank", model, ...flags]);
    expect(told.groups).toEqual(given.groups);
    expect((await documentOf<{ groups: object[] }>(["run", path])).groups).toEqual(given.groups);
  });

  test("heeds the command line before the file: lists are replaced, flags turned round", async () => {
    const path = config({ ...rank, only: ["c1"], seed: 3, labels: false });
    const other = await documentOf<{ groups: { id: string }[]; seed: number; payoff: string }>([
      "rank",
      "--config",
      path,
      "--only",
      "c2",
      "--labels",
      folder.file("x-labels.npy"),
    ]);
    expect(other).toMatchObject({ groups: [{ id: "c2" }], seed: 3, payoff: "cross-entropy" });
  });

  test("says so as JSON where the file asks for that, errors included", async () => {
    const told = await command([
      "inspect",
      "--config",
      config({ command: "inspect", model: "none.onnx", json: true }),
    ]);
    expect(JSON.parse(told.out)).toMatchObject({ error: { code: "file-not-found" } });
  });

  test("is repeated byte for byte by what --save-config wrote", async () => {
    mkdirSync(folder.file("saved"), { recursive: true });
    const saved = folder.file("saved/again.json");
    const [out, plan] = [folder.file("again.onnx"), folder.file("again-plan.json")];
    const here = (path: string) => relative("", path); // what is given as relative stays so
    const argv = ["prune", here(model), "--data", here(folder.file("x-images.npy")), "--no-labels"];
    const counts = ["--keep-channels", "c1=2,c2=3", "--budget", 300, "--no-repair", "--no-latency"];
    const rest = ["--workers", 1, "--out", here(out), "--save-plan", plan];
    expect(await command([...argv, ...counts, ...rest, "--save-config", saved])).toMatchObject({ code: 0 });
    const first = [readFileSync(out), readFileSync(plan)];
    expect(await command(["run", saved])).toMatchObject({ code: 0 });
    expect([readFileSync(out), readFileSync(plan)]).toEqual(first);
    expect(JSON.parse(readFileSync(saved, "utf8"))).toEqual({
      $schema: "./node_modules/shapley-pruner/schema/config.schema.json",
      command: "prune",
      model: "../tiny.onnx",
      data: "../x-images.npy",
      labels: false,
      "keep-channels": { c1: 2, c2: 3 },
      budget: 300,
      workers: 1,
      repair: false,
      latency: false,
      "save-plan": plan, // and what is given as absolute
      out: "../again.onnx",
    });
  });
});

test("the published schema is what the options say (npm run schema)", () => {
  const path = join(import.meta.dirname, "../../schema/config.schema.json");
  expect(readFileSync(path, "utf8")).toBe(schemaText(configSchema()));
});

test("the published schema tells commands apart", () => {
  const validate = new Ajv({ allowUnionTypes: true }).compile(configSchema());
  expect(validate({ command: "rank", model: "m.onnx", limit: 5 })).toBe(true);
  expect(validate({ command: "rank", epochs: 5 })).toBe(false);
  expect(validate({ command: "train", epochs: 5 })).toBe(true);
  expect(validate({ command: "report" })).toBe(false);
});

/** Values for options whose texts have a form of their own; every option has to take one of them. */
const words = [
  "0.5",
  "2",
  "50%",
  "100k",
  "60s",
  "all",
  "p99",
  "mean+2std",
  "0.4-0.8",
  "banzhaf",
  "2:addition",
  "step:10,15:0.1",
  "warm-up:2+cosine",
  "32x32",
  "crop:4,flip",
  "none",
];

/** Flags that give a field a value; undefined where none of the words suits it. */
function flagsFor({ positive, negative, form, schema }: Field): fc.Arbitrary<string[]> | undefined {
  const ways: fc.Arbitrary<string[]>[] = [];
  if (negative !== undefined) ways.push(fc.constant([negative.long!]));
  if (positive !== undefined && form === undefined) ways.push(fc.constant([positive.long!]));
  const texts = positive === undefined || form === undefined ? undefined : textsFor();
  if (texts !== undefined) ways.push(texts.map((text) => [positive!.long!, text]));
  return ways.length === 0 ? undefined : fc.oneof(...ways);

  function textsFor(): fc.Arbitrary<string> | undefined {
    const name = fc.stringMatching(/^[a-z][a-z0-9.*_-]{0,8}$/);
    const {
      type,
      items,
      minimum = 0,
    } = schema as { type?: unknown; items?: { type: unknown }; minimum?: number };
    if (positive!.argChoices !== undefined) return fc.constantFrom(...positive!.argChoices);
    if (form!.path !== undefined)
      return fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
    if (type === "integer") return fc.integer({ min: minimum, max: 5000 }).map(String);
    if (type === "number") return fc.double({ noNaN: true, min: 0, max: 1e6 }).map(String);
    if (type === "object") return fc.tuple(name, fc.nat(99)).map(([key, count]) => textOfEntry(key, count));
    if (items?.type === "number")
      return fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 }).map(String);
    if (items?.type === "integer") return fc.array(fc.nat(500), { minLength: 1 }).map(String);
    if (items !== undefined) return fc.array(name, { minLength: 1, maxLength: 4 }).map(String);
    const suitable = words.filter(isTaken);
    return suitable.length === 0 ? undefined : fc.constantFrom(...suitable);
  }

  function textOfEntry(key: string, count: number): string {
    return isTaken("a=1") ? `${key}=${count}` : `${key}:N,${count}`;
  }

  function isTaken(text: string): boolean {
    try {
      positive!.parseArg?.(text, undefined);
      return true;
    } catch {
      return false;
    }
  }
}

interface Heard {
  readonly subject: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** What a command hears, without doing it. Paths are made whole, since only their beginnings may differ. */
async function heardBy(name: string, argv: readonly string[]): Promise<Heard> {
  let heard: Heard | undefined;
  const listener = commandsWithConfig(silent).find((one) => one.name() === name)!;
  const fields = [...fieldsOf(listener).values()];
  const paths = new Set(
    fields.filter(({ form }) => form?.path !== undefined).map(({ attribute }) => attribute),
  );
  const [subject] = fields;
  listener.action((given: string, options: Record<string, unknown>) => {
    const entries = Object.entries(options).map(([key, value]) => [
      key,
      paths.has(key) && typeof value === "string" ? resolve(value) : value,
    ]);
    heard = {
      subject: subject!.form!.path === undefined ? given : resolve(given),
      options: Object.fromEntries(entries),
    };
  });
  await listener.exitOverride().parseAsync(argv, { from: "user" });
  return heard!;
}

const commands: readonly (readonly [string, Command])[] = commandsWithConfig(silent).map((one) => [
  one.name(),
  one,
]);

describe.each(commands)("%s", (name, definition) => {
  const fields = [...fieldsOf(definition).values()].filter(
    ({ attribute, key }) => attribute !== undefined && key !== "resume",
  );

  test("has a value to try for every option", () => {
    expect(fields.filter((field) => flagsFor(field) === undefined).map(({ key }) => key)).toEqual([]);
  });

  test("hears from a saved file what it heard from flags, whatever they were", async () => {
    const flags = fields.map((field) => fc.option(flagsFor(field)!, { nil: [] as string[], freq: 1 }));
    const required = definition.options.some(({ long }) => long === "--group") ? ["--group", "g"] : [];
    const property = fc.asyncProperty(fc.tuple(...flags), async (chosen) => {
      const [saved, again] = [folder.file(`${name}-1.json`), folder.file(`${name}-2.json`)];
      const argv = ["some/model.onnx", "--out", "o", ...required, ...chosen.flat()].filter(
        (flag, at, all) =>
          fields.some(({ key }) => key === "out") || (flag !== "--out" && all[at - 1] !== "--out"),
      );
      const first = await heardBy(name, [...argv, "--save-config", saved]);
      expect(await heardBy(name, ["--config", saved, "--save-config", again])).toEqual(first);
      expect(readFileSync(again, "utf8")).toBe(readFileSync(saved, "utf8"));
    });
    await fc.assert(property, { numRuns: 6 });
  });
});
