/** @file Findings as tables for people. */
import { table } from "../src/report/table.ts";
import type { Findings } from "./record.ts";

export function printFindings({ rows, claims }: Findings): void {
  const columns = Object.keys(rows[0] ?? {});
  const cells = rows.map((row) => columns.map((column) => String(row[column] ?? "")));
  console.log(
    table(
      columns,
      cells,
      columns.map((column) => (typeof rows[0]?.[column] === "number" ? "right" : "left")),
    ),
  );
  for (const { claim, measured, met } of claims)
    console.log(`${met ? "met" : "MISSED"}: ${claim} (measured ${Number(measured.toPrecision(4))})`);
}
