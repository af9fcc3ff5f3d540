/**
 * @file Packs the package, installs it in an empty folder as a user would, and uses it there: the command line, the
 * library from TypeScript, and what happens without the runtime. Usage: `npm run check:package`.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CommandOptions, command, type Finished } from "./shell.ts";

const repository = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "shapley-pruner-package-"));
const installed = join(folder, "node_modules/shapley-pruner");
const model = join(installed, "assets/lenet5-mnist.onnx");
const digits = join(installed, "assets/mnist-rank-images.idx3-ubyte.gz");

function check(claim: string, holds: boolean, evidence: unknown): void {
  if (!holds) throw new Error(`Not so: ${claim}\n${String(evidence)}`);
  console.log(`  ok  ${claim}`);
}

function pruner(args: readonly string[], options: Omit<CommandOptions, "cwd"> = {}): Finished {
  return command("npx", ["--no", "--", "shapley-pruner", ...args], { ...options, cwd: folder });
}

function pack(): string {
  command("npm", ["run", "build"], { cwd: repository });
  const { stdout } = command("npm", ["pack", "--json", "--pack-destination", folder], { cwd: repository });
  const [packed] = JSON.parse(stdout) as [{ filename: string; size: number; files: { path: string }[] }];
  const paths = packed.files.map(({ path }) => path);
  const stray = paths.filter((path) => /\.test\.|\.properties\.|^src\/|^test\/|\.tgz$|\.map$/.test(path));
  check(`${packed.filename}: ${paths.length} files, ${Math.round(packed.size / 1024)} KiB`, true, "");
  check("no tests, sources or leftovers are packed", stray.length === 0, stray);
  for (const path of [
    "dist/cli/main.js",
    "dist/valuation/worker.js",
    "assets/lenet5-mnist.onnx",
    "LICENSE",
    "schema/config.schema.json",
    "recipes/lenet5-8-20-50-20.json",
  ])
    check(`${path} is packed`, paths.includes(path), paths);
  return join(folder, packed.filename);
}

function install(tarball: string): void {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  // A runtime that downloads nothing at install time; its CPU provider is inside its package.
  const env = { ONNXRUNTIME_NODE_INSTALL: "skip" };
  command("npm", ["install", "--no-audit", "--no-fund", tarball], { cwd: folder, env });
  command("npx", ["--no", "publint", "run", tarball, "--strict"], { cwd: repository });
  check("installs, and publint finds nothing", true, "");
}

function useCommandLine(): void {
  const { version } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
    version: string;
  };
  check("--version prints the version", pruner(["--version"]).stdout.trim() === version, version);
  const help = pruner(["--help"]).stdout;
  for (const name of ["inspect", "rank", "prune", "evaluate", "demo"])
    check(`--help names ${name}`, help.includes(name), help);
  const inspected = JSON.parse(pruner(["inspect", model, "--json"]).stdout) as { groups: unknown[] };
  check(`inspect finds ${inspected.groups.length} groups`, inspected.groups.length > 0, inspected);

  const data = ["--data", digits, "--pixel-scale", "255", "--limit", "50", "--workers", "2", "--json"];
  const scores = join(folder, "scores.json");
  pruner(["rank", model, ...data, "--budget", "1000", "--out", scores]);
  const first = readFileSync(scores, "utf8");
  pruner(["rank", model, ...data, "--budget", "1000", "--out", scores, "--workers", "1"]);
  check("rank gives the same bytes with two threads and one", readFileSync(scores, "utf8") === first, scores);
  const small = join(folder, "small.onnx");
  const pruned = JSON.parse(
    pruner(["prune", model, ...data, "--scores", scores, "--target-macs", "50%", "--out", small]).stdout,
  ) as { before: { macs: number }; after: { macs: number } };
  check("prune halves the MACs", pruned.after.macs <= pruned.before.macs / 2, pruned.after.macs);
  pruner(["inspect", small]);
  const missing = pruner(["inspect", "missing.onnx"], { expected: 1 });
  check("a missing file is named", missing.stderr.includes("file-not-found"), missing.stderr);
}

function useLibrary(): void {
  mkdirSync(join(folder, "src"));
  copyFileSync(join(import.meta.dirname, "package-check/consumer.ts"), join(folder, "src/consumer.ts"));
  const compilerOptions = {
    module: "nodenext",
    moduleResolution: "nodenext",
    target: "es2023",
    strict: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false, // the package's own declarations are what is under test
    typeRoots: [join(repository, "node_modules/@types")],
    types: ["node"],
    rootDir: "src",
    outDir: "out",
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["src"] }));
  command(process.execPath, [join(repository, "node_modules/typescript/bin/tsc"), "-p", folder], {
    cwd: folder,
  });
  const { stdout } = command(process.execPath, ["out/consumer.js", model], { cwd: folder });
  check(
    `the library compiles under nodenext and runs (${stdout.trim()})`,
    stdout.includes("f5: 100"),
    stdout,
  );
}

function goWithoutRuntime(): void {
  rmSync(join(folder, "node_modules/onnxruntime-node"), { recursive: true });
  pruner(["inspect", model]);
  const args = ["rank", model, "--data", digits, "--pixel-scale", "255", "--limit", "50", "--json"];
  const { stdout } = pruner(args, { expected: 1 });
  const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
  check(
    "without the runtime, rank says how to install it",
    error.code === "engine-missing" && error.message.includes("npm install onnxruntime-node"),
    stdout,
  );
}

try {
  install(pack());
  useCommandLine();
  useLibrary();
  goWithoutRuntime();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
