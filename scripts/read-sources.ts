/** @file Reads the source files below a folder, without tests. */
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";

export interface Sources {
  /** Text of each file by its path below the folder, with forward slashes. */
  readonly files: ReadonlyMap<string, string>;
  /** Folders directly below, in order of their names. */
  readonly folders: readonly string[];
}

export function isTest(file: string): boolean {
  return /\.(test|properties)\.ts$/.test(file);
}

export async function readSources(root: string): Promise<Sources> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !isTest(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const files = new Map<string, string>();
  for (const path of paths)
    files.set(relative(root, path).split(sep).join("/"), await readFile(path, "utf8"));
  const folders = entries
    .filter((entry) => entry.isDirectory() && entry.parentPath === root)
    .map(({ name }) => name);
  return { files, folders: folders.sort() };
}
