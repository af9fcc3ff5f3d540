/** @file --memory: the same scores under a ceiling, told beforehand and afterwards. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { command, documentOf, temporaryFolder } from "../../test/helpers/command.ts";
import { conv, head, relu } from "../../test/helpers/networks.ts";
import { noise, turns } from "../../test/helpers/tiny-classifier.ts";
import type { DryRun } from "../report/dry-run-records.ts";
import { memoryOption } from "./values.ts";

const folder = temporaryFolder();
const g = graphBuilder();
const first = relu(g, conv(g, g.input("x", ["N", 3, 16, 16]), "first", 3, 12));
head(g, relu(g, conv(g, relu(g, conv(g, first, "inner", 12, 12)), "outer", 12, 4)), 4);
const model = folder.model("net.onnx", g.build());
const images = folder.npy("x-images.npy", noise([1200, 3, 16, 16]));
folder.npy("x-labels.npy", turns(1200));
/** A batch of rows reads 8 MiB; the activations of all examples are 14 MiB. */
const ranking = ["rank", model, "--data", images, "--only", "inner", "--budget", 6000, "--workers", 2];

describe("a ceiling", () => {
  test("changes no digit", async () => {
    const wide = folder.file("wide.json");
    const narrow = folder.file("narrow.json");
    await documentOf([...ranking, "--out", wide]);
    await documentOf([...ranking, "--memory", "12MiB", "--out", narrow]);
    expect(readFileSync(narrow, "utf8")).toBe(readFileSync(wide, "utf8"));
  });

  test("is told beforehand: what is kept, and what is computed again", async () => {
    const plan = await documentOf<DryRun>([...ranking, "--memory", "10MiB", "--dry-run"]);
    expect(plan.memoryBytes).toBe(10 * 2 ** 20);
    expect(plan.notes.join()).toMatch(/"inner": activations of 853 of 1,200 examples are kept/);
    const enough = await documentOf<DryRun>([...ranking, "--memory", "1GiB", "--dry-run"]);
    expect(enough.notes).toEqual([]);
  });

  test("is told afterwards where it costs much", async () => {
    const argv = ["rank", model, "--data", images, "--only", "inner", "--estimator", "leave-one-out"];
    const { err } = await command([...argv, "--memory", "10MiB", "--workers", 1]);
    expect(err).toMatch(/^inner: activations of 683 of 1,200 examples fit .*--limit.*--memory/m);
  });
});

test.each([
  ["512", 512 * 2 ** 20],
  ["1.5GiB", 1.5 * 2 ** 30],
  ["20kib", 20 * 2 ** 10],
  [".5 TiB", 2 ** 39],
])("--memory %s", (text, bytes) => {
  expect(memoryOption(text)).toBe(bytes);
});

test.each(["0", "0GiB", "-1", "2GB", "", "GiB", "1e3", "0.0000001"])("--memory %j is refused", (text) => {
  expect(() => memoryOption(text)).toThrow(/512MiB/);
});
