/** @file Caches of keys and values that shrink with their heads, as text. */
import type { ShrunkCache } from "../passes/reopen-caches.ts";
import type { Inspection } from "./records.ts";
import { table } from "./table.ts";

/** One row for each cache that a pruning was to narrow; empty where none was. */
export function cachesText(caches: readonly ShrunkCache[] | null): string {
  if (caches === null) return "";
  const sizes = (shape: ShrunkCache["before"]) => `[${shape.map((dim) => dim ?? "?").join(", ")}]`;
  const rows = caches.map(({ past, present, before, after }) => [past, present, sizes(before), sizes(after)]);
  return table(["cache", "comes back as", "before", "after"], rows, ["left", "left", "left", "left"]);
}

/** What an inspected model has of caches, as one line; empty where it has none. */
export function cachesNote({ caches, cachesShrink }: Inspection): string {
  const [first] = caches;
  if (first === undefined) return "";
  const others = caches.length > 1 ? `, and ${caches.length - 1} more` : "";
  const named = `Caches of keys and values (${first.past}, which comes back as ${first.present}${others})`;
  return cachesShrink
    ? `${named} are taken as empty here, and shrink with the heads.`
    : `${named} have a fixed number of heads, which holds those of the network; --shrink-caches lets both go.`;
}
