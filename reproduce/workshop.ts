/** @file What a study works with: commands run as a user would, and pieces of work that are kept once they are finished. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { join, relative } from "node:path";
import { writeAtomically } from "../src/base/atomic-file.ts";
import { tool } from "../src/base/version.ts";
import { type GivenFolders, type NeededFile, placeOf } from "./places.ts";

/** A finished piece of work. */
export interface Piece<T> {
  /** What it was made of; a piece of other makings is made again. */
  readonly makings: unknown;
  readonly seconds: number;
  /** Processes that wanted a core when it ended, a minute's average; more than the cores there are means waiting. */
  readonly load: number;
  readonly document: T;
}

export interface WorkshopOptions extends GivenFolders {
  readonly root: string;
  /** Folder of all kept pieces. */
  readonly work: string;
  readonly study: string;
  readonly say: (line: string) => void;
  /** No progress of commands. */
  readonly quiet: boolean;
}

export interface Workshop {
  readonly say: (line: string) => void;
  /** Path of a file the study needs. */
  place(name: NeededFile): string;
  /** SHA-256 of a file the study needs. */
  hashOf(name: NeededFile): Promise<string>;
  /** Path of a file among the kept pieces, of this study or of the one named. */
  file(name: string, study?: string): string;
  /**
   * The document a command prints with `--json`, run now or kept from before.
   * It runs again when files from `place` among its arguments have changed, or files other pieces have made (`reads`).
   * @throws {Error} when the command fails; what was finished before stays.
   */
  command<T>(piece: string, argv: readonly (string | number)[], options?: CommandOptions): Promise<Piece<T>>;
  /** The result of any other work, done now or kept from before. */
  keep<T>(piece: string, makings: unknown, work: () => Promise<T>): Promise<Piece<T>>;
  /** Commands of all pieces so far, with folders replaced by names. */
  commands(): readonly string[];
  /** Seconds of all pieces so far, and the highest load. */
  spent(): { readonly seconds: number; readonly load: number };
}

interface CommandOptions {
  readonly reads?: readonly string[];
  /** Model the command writes: without it the piece is made again, and a checkpoint of it is gone on from. */
  readonly makes?: string;
  /** Kept under this study's name instead, where several share it. */
  readonly study?: string;
}

export function openWorkshop(options: WorkshopOptions): Workshop {
  const { root, work, say } = options;
  const commands = new Set<string>();
  const pieces = new Map<string, Piece<unknown>>();
  const hashes = new Map<string, Promise<string> | undefined>();
  const place = (name: NeededFile) => {
    const path = placeOf(name, root, options);
    hashes.set(path, hashes.get(path));
    return path;
  };
  const hashOfPlaced = (path: string) => {
    const hash = hashes.get(path) ?? hashOf(path);
    hashes.set(path, hash);
    return hash;
  };
  const file = (name: string, study = options.study) => join(work, study, name);

  async function keep<T>(
    piece: string,
    makings: unknown,
    act: () => Promise<T>,
    { study = options.study, makes }: CommandOptions = {},
  ): Promise<Piece<T>> {
    const path = file(`${piece}.json`, study);
    const wanted = JSON.parse(JSON.stringify({ version: tool.version, makings })) as unknown;
    const left = existsSync(path) ? (JSON.parse(await readFile(path, "utf8")) as Piece<T>) : undefined;
    const isThere = makes === undefined || existsSync(makes);
    if (isThere && left !== undefined && JSON.stringify(left.makings) === JSON.stringify(wanted)) {
      say(`${piece}: kept from before`);
      pieces.set(path, left);
      return left;
    }
    say(`${piece}: begins`);
    await mkdir(join(work, study), { recursive: true });
    const started = performance.now();
    const document = await act();
    const seconds = Number(((performance.now() - started) / 1000).toFixed(1));
    const made: Piece<T> = { makings: wanted, seconds, load: Number(loadavg()[0]!.toFixed(1)), document };
    await writeAtomically(path, `${JSON.stringify(made)}\n`);
    say(`${piece}: done in ${Math.round(seconds)} s`);
    pieces.set(path, made);
    return made;
  }

  return {
    say,
    commands: () => [...commands],
    file,
    keep: (piece, makings, act) => keep(piece, makings, act),
    place,
    hashOf: (name) => hashOfPlaced(place(name)),
    async command(piece, argv, made = {}) {
      const { reads = [], makes } = made;
      const told = commandText(argv.map(String), root, work);
      commands.add(told);
      const placed = argv.map(String).filter((argument) => hashes.has(argument));
      const makings = {
        command: told,
        reads: await Promise.all(reads.map(hashOf)),
        files: await Promise.all(placed.map(hashOfPlaced)),
      };
      const isHalfDone = makes !== undefined && existsSync(`${makes}.checkpoint`);
      const more = [...(isHalfDone ? ["--resume"] : []), ...(options.quiet ? ["--quiet"] : []), "--json"];
      const args = [...argv.map(String), ...more];
      return keep(piece, makings, () => runCommand(root, args), made);
    },
    spent: () => ({
      seconds: [...pieces.values()].reduce((sum, { seconds }) => sum + seconds, 0),
      load: Math.max(0, ...[...pieces.values()].map(({ load }) => load)),
    }),
  };
}

/** A command line as a reader may repeat it: paths inside the repository from its root, others by their last names. */
export function commandText(argv: readonly string[], root: string, work: string): string {
  const shown = argv.map((argument) => {
    if (argument.startsWith(`${work}/`)) return `reproduce/work/${relative(work, argument)}`;
    if (argument.startsWith(`${root}/`)) return relative(root, argument);
    if (argument.startsWith("/")) return argument.slice(argument.lastIndexOf("/") + 1);
    return /[*?{}()\s]/.test(argument) ? `'${argument}'` : argument;
  });
  return ["npx shapley-pruner", ...shown].join(" ");
}

async function hashOf(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}

/** Exit status of a command whose result is there, but misses a target. */
const targetMissed = 3;

/** Runs the built command in a process of its own; progress and errors go to this one's stderr. */
function runCommand<T>(root: string, argv: readonly string[]): Promise<T> {
  const child = spawn(process.execPath, [join(root, "dist/cli/main.js"), ...argv], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0 || code === targetMissed)
        resolve(JSON.parse(Buffer.concat(chunks).toString("utf8")) as T);
      else reject(new Error(`the command ended with ${signal ?? `status ${code}`}: ${argv.join(" ")}`));
    });
  });
}
