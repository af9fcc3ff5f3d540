/** @file The built command in processes of their own, timed. */
import { spawn } from "node:child_process";
import { join } from "node:path";

export const builtCommand = join(import.meta.dirname, "../../dist/cli/main.js");

/**
 * Seconds from the start of a process to its end.
 * @param argv Arguments of Node: a script and what it is given.
 */
export function secondsOf(argv: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(process.execPath, argv, { stdio: ["ignore", "ignore", "inherit"] });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve((performance.now() - started) / 1000);
      else reject(new Error(`node ${argv.join(" ")} ended with ${code}`));
    });
  });
}
