/** @file Opens a file with the program the desktop has for it. */
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { PrunerError } from "../base/problem.ts";
import type { Io } from "./io.ts";

/** Milliseconds after which an opener that still runs has evidently found a program to show the file. */
const patience = 3000;

/** Opens a page that was written. Where that fails the page is there all the same, so it is a warning. */
export async function showPage(io: Io, path: string): Promise<void> {
  try {
    await openFile(path);
  } catch (error) {
    if (!(error instanceof PrunerError)) throw error;
    io.err(`warning (${error.code}): ${error.message}`);
  }
}

/** @throws {PrunerError} `cannot-open` where the desktop's opener is missing or refuses. */
async function openFile(path: string): Promise<void> {
  const { platform } = process;
  const [program, ...argv] = openerOf(platform, resolve(path));
  await new Promise<void>((done, refuse) => {
    const opener = spawn(program, argv, { stdio: "ignore", detached: true });
    opener.unref();
    const fail = (detail: string, cause?: unknown) =>
      refuse(new PrunerError("cannot-open", { path, program, detail }, { cause }));
    const timer = setTimeout(done, patience);
    opener.once("error", (cause: NodeJS.ErrnoException) => fail(cause.code ?? cause.message, cause));
    opener.once("exit", (code) => {
      clearTimeout(timer);
      if (code === 0 || platform === "win32")
        done(); // the Explorer reports 1 whatever happens
      else fail(`exit code ${code}`);
    });
  });
}

/** The opener and its arguments; names go through no shell. */
export function openerOf(platform: NodeJS.Platform, path: string): [program: string, ...argv: string[]] {
  if (platform === "darwin") return ["open", path];
  if (platform === "win32") return ["explorer.exe", path];
  return ["xdg-open", path];
}
