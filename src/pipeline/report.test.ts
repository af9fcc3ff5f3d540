/** @file Reports from a program: text of a page, or files, with what is no result refused. */
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../test/helpers/command.ts";
import { oracleRecord } from "../../test/helpers/oracle-record.ts";
import { reportHtml, writeReport } from "./report.ts";

const folder = temporaryFolder();
const result = oracleRecord(4);

test("one result, and several side by side", async () => {
  expect(await reportHtml([{ name: "conv2", result }])).toContain("<title>Oracle: conv2</title>");
  const both = await reportHtml([
    { name: "conv2", result },
    { name: "conv3", result: oracleRecord(5, "beam") },
  ]);
  expect(both).toContain("<title>2 results</title>");
  expect(both).toContain("Oracle: conv3");
});

test("files: the page, and the data it can be drawn from again", async () => {
  const page = folder.file("conv2.html");
  const { data } = await writeReport(page, result);
  const saved = JSON.parse(readFileSync(data, "utf8")) as object;
  expect(saved).toEqual(result);
  expect(await reportHtml([{ name: "conv2", result: saved }])).toBe(readFileSync(page, "utf8"));
});

test("what is no result, another ending, and nothing at all are refused before anything is written", async () => {
  await expect(reportHtml([])).rejects.toMatchObject({ code: "invalid-option" });
  await expect(reportHtml([{ name: "x", result: { some: 1 } }])).rejects.toMatchObject({
    code: "file-invalid",
    message: expect.stringMatching(/^x: /),
  });
  await expect(writeReport(folder.file("page.txt"), result)).rejects.toMatchObject({
    code: "invalid-option",
  });
  await expect(writeReport(folder.file("none.html"), { some: 1 })).rejects.toMatchObject({
    code: "file-invalid",
  });
  expect(existsSync(folder.file("none.json"))).toBe(false);
  expect(existsSync(folder.file("none.html"))).toBe(false);
});
