/** @file Refuses outputs that cannot be written before any work is done for them. */
import { access, constants, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { PrunerError } from "../base/problem.ts";

/**
 * Looks at the places a run is going to write to.
 * @param outputs Paths by the option that names them; undefined where the option is not used.
 * @param inputs Paths the run reads.
 * @throws {PrunerError} `file-unwritable` for a folder that is missing or may not be written to, and for a place where
 *   something other than a file is (a device would be replaced by a file, not written to); `usage` for an
 *   output that would replace an input or another output.
 */
export async function checkOutputs(
  outputs: Readonly<Record<string, string | undefined>>,
  inputs: readonly (string | false | undefined)[],
): Promise<void> {
  const taken = new Map<string, string>();
  for (const input of inputs) {
    if (typeof input === "string") taken.set(await placeOf(input), "a file this run reads");
  }
  for (const [option, path] of Object.entries(outputs)) {
    if (path === undefined) continue;
    await checkWritable(path);
    const place = await placeOf(path);
    const owner = taken.get(place);
    if (owner !== undefined)
      throw new PrunerError("usage", {
        detail: `--${option}: ${path} is ${owner}, which would be lost. Choose another name.`,
      });
    taken.set(place, `what --${option} writes`);
  }
}

async function checkWritable(path: string): Promise<void> {
  const refuse = (cause: unknown): never => {
    const { code } = cause as NodeJS.ErrnoException;
    const detail = code === "ENOENT" ? `there is no folder ${dirname(path)}` : (code ?? String(cause));
    throw new PrunerError("file-unwritable", { path, detail }, { cause });
  };
  await access(dirname(resolve(path)), constants.W_OK).catch(refuse);
  const entry = await stat(path).catch(() => undefined);
  if (entry?.isDirectory() === true)
    throw new PrunerError("file-unwritable", { path, detail: "it is a folder" });
  if (entry?.isFile() === false)
    throw new PrunerError("file-unwritable", { path, detail: "it is a device or a pipe, not a file" });
}

/** One name for one place: links are followed as far as the path exists. */
async function placeOf(path: string): Promise<string> {
  const whole = resolve(path);
  return realpath(whole).catch(async () => {
    const folder = await realpath(dirname(whole)).catch(() => dirname(whole));
    return join(folder, basename(whole));
  });
}
