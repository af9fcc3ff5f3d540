/** @file Finds the image files of a folder with one sub-folder per class; classes are numbered in the order of their names. */
import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { PrunerError } from "../base/problem.ts";

const endings = new Set([".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif"]);

export interface Listing {
  readonly classNames: readonly string[];
  /** Paths by class, then by name. */
  readonly files: readonly string[];
  readonly labels: Int32Array;
}

/** @throws {PrunerError} `file-unreadable`, `data-empty` for a folder without images. */
export async function listImages(root: string): Promise<Listing> {
  const classNames = await listFolders(root);
  const files: string[] = [];
  const labels: number[] = [];
  for (const [label, className] of classNames.entries()) {
    const names = (await list(join(root, className))).filter((name) =>
      endings.has(extname(name).toLowerCase()),
    );
    for (const name of names.sort()) {
      files.push(join(root, className, name));
      labels.push(label);
    }
  }
  if (files.length === 0) throw new PrunerError("data-empty", { path: root });
  return { classNames, files, labels: Int32Array.from(labels) };
}

/** Class folders, links to folders included, by code unit: numbers must not depend on the machine's language. */
async function listFolders(root: string): Promise<string[]> {
  const names = (await list(root)).filter((name) => !name.startsWith("."));
  const entries = await Promise.all(names.map((name) => stat(join(root, name)).catch(() => undefined))); // a dead link
  return names.filter((_, k) => entries[k]?.isDirectory()).sort();
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    const detail = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PrunerError("file-unreadable", { path: folder, detail }, { cause });
  }
}
