/** @file Plain text tables for terminals and logs. */
import Table from "cli-table3";

const bare = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** Columns without rules: the first to the left, the others to the right unless said otherwise. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align?: readonly ("left" | "right")[],
): string {
  const drawn = new Table({
    head: [...head],
    colAligns: head.map((_, column) => align?.[column] ?? (column === 0 ? "left" : "right")),
    chars: bare,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
  });
  drawn.push(...rows.map((row) => [...row]));
  return drawn
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}
