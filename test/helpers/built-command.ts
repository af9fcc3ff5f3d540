/** @file The command as users start it: compiled and bundled, in a process of its own. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

const root = join(import.meta.dirname, "../..");

export interface Built {
  /** The command's file. */
  readonly file: string;
  readonly remove: () => void;
}

/** Compiles the sources to a place of their own, where they still find the packages. */
export function buildCommand(): Built {
  const cache = join(root, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "shapley-pruner-"));
  copyFileSync(join(root, "package.json"), join(folder, "package.json"));
  const compiler = createRequire(import.meta.url).resolve("typescript/package.json");
  const options = [
    "-p",
    join(root, "tsconfig.build.json"),
    "--outDir",
    join(folder, "dist"),
    "--declaration",
    "false",
  ];
  const { stdout } = spawnSync(process.execPath, [join(dirname(compiler), "bin/tsc"), ...options], {
    encoding: "utf8",
  });
  const file = join(folder, "dist/cli/main.js");
  if (!existsSync(file)) throw new Error(stdout); // mistakes in types are another check's affair
  const bundled = spawnSync(
    process.execPath,
    [join(root, "scripts/bundle-command.js"), join(folder, "dist")],
    {
      encoding: "utf8",
    },
  );
  if (bundled.status !== 0) throw new Error(bundled.stderr);
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export interface Ended {
  /** Exit status, or null when a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface Started {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
}

export function start(file: string, argv: readonly (string | number)[]): Started {
  const child = spawn(process.execPath, [file, ...argv.map(String)], { stdio: ["ignore", "pipe", "pipe"] });
  const text = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    text.out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    text.err += chunk.toString();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, ...text }));
  });
  return { process: child, ended };
}

/** Waits until something is so, at most half a minute. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let round = 0; round < 3000; round++) {
    if (isSo()) return;
    await wait(10);
  }
  throw new Error("it did not come about in half a minute");
}
