/** @file Runs programs from scripts: quiet while they do well, telling when they do not. */
import { spawnSync } from "node:child_process";

export interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Exit status to insist on; default 0. */
  readonly expected?: number;
}

/** @throws {Error} with both outputs when the exit status is another one. */
export function command(
  program: string,
  args: readonly string[],
  { cwd, env, expected = 0 }: CommandOptions,
): Finished {
  const { error, status, stdout, stderr } = spawnSync(program, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...env },
    maxBuffer: 2 ** 28,
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (error !== undefined) throw error;
  if (status !== expected) {
    const line = [program, ...args].join(" ");
    throw new Error(`${line}\nended with ${status} where ${expected} was due\n${stdout}\n${stderr}`);
  }
  return { status, stdout, stderr };
}
