/** @file The rules of scripts/check-imports.ts on small trees, and on this repository's own. */
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findProblems, importsOf } from "../scripts/import-rules.ts";
import { isTest, readSources } from "../scripts/read-sources.ts";

const order = ["base", "math", "cli"];

function problemsOf(files: Record<string, string>): string[] {
  const folders = [
    ...new Set(
      Object.keys(files)
        .filter((file) => file.includes("/"))
        .map((file) => file.split("/")[0]!),
    ),
  ];
  const found = findProblems({ files: new Map(Object.entries(files)), folders }, order);
  return found.map(({ file, imports, rule }) => `${file} | ${imports} | ${rule}`);
}

describe("what counts as an import", () => {
  test.each([
    ['import { a } from "./a.ts";', ["./a.ts"]],
    ['import type { A } from "./a.ts";', ["./a.ts"]],
    ['import {\n  a,\n  type B,\n} from "./a.ts";', ["./a.ts"]],
    ['import "./a.ts";', ["./a.ts"]],
    ['import * as a from "./a.ts";\nimport b from "b";', ["./a.ts", "b"]],
    ['export * from "./a.ts";\nexport { type B, c } from "./b.ts";', ["./a.ts", "./b.ts"]],
    ['const a = await import("./a.ts");', ["./a.ts"]],
    ['type A = import("./a.ts").A;', ["./a.ts"]],
    ['type A = typeof import(\n  "./a.ts"\n);', ["./a.ts"]],
  ])("%j", (text, imports) => {
    expect(importsOf(text)).toEqual(imports);
  });

  test.each([
    '// import { a } from "./a.ts";',
    '/** @example import { a } from "./a.ts"; */\nconst b = 1;',
    '/**\n * import { a } from "./a.ts";\n */',
    'export const from = "./a.ts";',
    'export function f(from = "./a.ts") {}',
    'throw new Error("say import a from somewhere");',
  ])("%j is none", (text) => {
    expect(importsOf(text)).toEqual([]);
  });

  test("a glob in a string does not hide the imports behind it", () => {
    expect(importsOf('const all = "src/**";\nimport { a } from "./a.ts"; /* end */')).toEqual(["./a.ts"]);
  });
});

describe("rules", () => {
  test("upwards, sideways and from src/index.ts is fine", () => {
    const files = {
      "index.ts": 'export * from "./cli/main.ts";',
      "base/a.ts": "",
      "math/b.ts": 'import { a } from "../base/a.ts";\nimport fc from "fast-check";',
      "cli/main.ts": 'import { b } from "../math/b.ts";\nimport "./side.ts";',
      "cli/side.ts": 'import { version } from "../../package.json";',
    };
    expect(problemsOf(files)).toEqual([]);
  });

  test.each([
    [
      "a folder below, even for a type",
      { "base/a.ts": 'import type { B } from "../math/b.ts";', "math/b.ts": "" },
      /^base\/a\.ts \| \.\.\/math\/b\.ts \| base\/ may import only/,
    ],
    ["the index above", { "index.ts": "", "base/a.ts": 'import "../index.ts";' }, /imported by none/],
    ["something outside", { "base/a.ts": 'import "../../scripts/x.ts";' }, /nothing outside src/],
    ["a file that is not there", { "base/a.ts": 'import "./gone.ts";' }, /no such source file/],
    ["an ending left out", { "base/a.ts": 'import "./b";', "base/b.ts": "" }, /no such source file/],
    ["itself", { "base/a.ts": 'import "./a.ts";' }, /circle: base\/a\.ts -> base\/a\.ts/],
    ["a folder not in the list", { "extra/a.ts": "" }, /^extra\/ \| - \| the folder is missing/],
  ])("%s is refused", (_name, files, message) => {
    expect(problemsOf(files as Record<string, string>)).toEqual([expect.stringMatching(message)]);
  });

  test("a circle of three is told once, whole", () => {
    const files = {
      "base/a.ts": 'import type { B } from "./b.ts";',
      "base/b.ts": 'import type { C } from "./c.ts";',
      "base/c.ts": 'import type { A } from "./a.ts";\nimport type { D } from "./d.ts";',
      "base/d.ts": "",
    };
    expect(problemsOf(files)).toEqual([
      expect.stringContaining("base/a.ts -> base/b.ts -> base/c.ts -> base/a.ts"),
    ]);
  });
});

test("a breach ends the script with status 1", async () => {
  const root = await mkdtemp(join(tmpdir(), "imports-"));
  const script = join(import.meta.dirname, "../scripts/check-imports.ts");
  const tsx = join(import.meta.dirname, "../node_modules/tsx/dist/cli.mjs");
  try {
    await mkdir(join(root, "src/base"), { recursive: true });
    await writeFile(join(root, "src/base/a.ts"), "export const a = 1;\n");
    expect(spawnSync(process.execPath, [tsx, script, root]).status).toBe(0);
    await writeFile(join(root, "src/base/b.ts"), 'import "../cli/c.ts";\n');
    const run = spawnSync(process.execPath, [tsx, script, root], { encoding: "utf8" });
    expect(run.status).toBe(1);
    expect(run.stderr).toContain("src/base/b.ts: ../cli/c.ts");
  } finally {
    await rm(root, { recursive: true });
  }
});

test("tests are told by their names", () => {
  expect(["a.test.ts", "b.properties.ts", "c.ts", "test.ts"].map(isTest)).toEqual([true, true, false, false]);
});

test("no import line of this repository is overlooked, and the list names each folder once", async () => {
  const sources = await readSources(join(import.meta.dirname, "../src"));
  for (const [file, text] of sources.files) {
    const mentions = [...text.matchAll(/^(?:import|export|\}) .*from "(\.[^"]+)";$/gm)].map(
      (match) => match[1]!,
    );
    expect(importsOf(text), file).toEqual(expect.arrayContaining(mentions));
  }
  const list = JSON.parse(
    await readFile(join(import.meta.dirname, "../scripts/import-order.json"), "utf8"),
  ) as string[];
  expect(new Set(list).size).toBe(list.length);
});
