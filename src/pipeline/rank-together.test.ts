/** @file All groups at once: the same bytes for any number of workers and after any interruption, rows where doubt is. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PrunerError } from "../base/problem.ts";
import { spearman } from "../math/ranks.ts";
import { mean } from "../math/sums.ts";
import { loadModel } from "./load-model.ts";
import { type RankOptions, rank } from "./rank.ts";

const assets = join(import.meta.dirname, "../../assets");
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "together-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function options(out: string, more: Partial<RankOptions["settings"]> = {}): Promise<RankOptions> {
  return {
    model: await loadModel(join(assets, "lenet5-mnist.onnx")),
    data: {
      path: join(assets, "mnist-rank-images.idx3-ubyte.gz"),
      labels: join(assets, "mnist-rank-labels.idx1-ubyte.gz"),
      pixelScale: 255,
      limit: 300,
    },
    settings: {
      criterion: "shapley",
      estimator: "permutation",
      allocation: "open",
      seed: 3,
      budget: { rows: 6_000 },
      ...more,
    },
    out: join(folder, out),
    workers: 2,
    saveEveryMs: 0,
  };
}

describe.each([
  { estimator: "permutation" },
  { estimator: "stratified" },
  { estimator: "leverage" },
  { estimator: "permutation", settleOrder: 0.97 },
  { estimator: "stratified", settleOrder: 0.9 },
] as const)("with %o", (aim) => {
  test("gives the same bytes for any number of workers, within the rows of all groups", async () => {
    const scores = await rank(await options("two.json", aim));
    await rank({ ...(await options("one.json", aim)), workers: 1 });
    expect(await readFile(join(folder, "one.json"))).toEqual(await readFile(join(folder, "two.json")));
    expect(scores.rows).toBeLessThanOrEqual(4 * 6_000);
    for (const { stoppedBy, values } of scores.groups) {
      expect(["settled", "budget"]).toContain(stoppedBy);
      expect(values.every(Number.isFinite)).toBe(true);
    }
  });

  test("goes on after an interruption to the bytes of an unbroken run", async () => {
    await rank(await options("whole.json", aim));
    for (const steps of [1, 2, 6, 9]) {
      const stop = new AbortController();
      let seen = 0;
      const broken = rank({
        ...(await options("broken.json", aim)),
        signal: stop.signal,
        onProgress: ({ unit, note }) => {
          if (unit === "rows") expect(note).toMatch(/of 4 groups settled/);
          if (unit === "rows" && ++seen === steps) stop.abort();
        },
      });
      await expect(broken).rejects.toMatchObject({ code: "interrupted" });
      await rank({ ...(await options("broken.json", aim)), resume: true });
      expect(await readFile(join(folder, "broken.json"))).toEqual(await readFile(join(folder, "whole.json")));
    }
  });
});

test("rows go where the cut is in doubt, and stay where it is settled", async () => {
  const even = await rank(await options("even.json", { allocation: undefined, settleAt: 0.5 }));
  const open = await rank(await options("open.json", { settleAt: 0.5 }));
  const settled = open.groups.filter(({ stoppedBy }) => stoppedBy === "settled");
  const before = even.groups.filter(({ stoppedBy }) => stoppedBy === "settled");
  expect(settled.length).toBeGreaterThanOrEqual(before.length);
  expect(new Set(open.groups.map(({ rows }) => Math.round(rows / 2048))).size).toBeGreaterThan(1);
});

test("rows go where the order is unsure, until it is likely to be right", async () => {
  const notes: (string | undefined)[] = [];
  const scores = await rank({
    ...(await options("order.json", { settleOrder: 0.95, budget: { rows: 400_000 } })),
    onProgress: ({ unit, note }) => unit === "rows" && notes.push(note),
  });
  expect(scores.groups.map(({ stoppedBy }) => stoppedBy)).toEqual(Array(4).fill("settled"));
  expect(notes.at(-1)).toMatch(/^4 of 4 groups settled, the least sure order at 0\.9[5-9]$/);
  const long = await rank(
    await options("long.json", { seed: 4, budget: { rows: 400_000 }, settleOrder: 0.995 }),
  );
  const agreements = scores.groups.map(({ values }, k) => spearman(values, long.groups[k]!.values));
  expect(Math.min(...agreements)).toBeGreaterThan(0.85);
  expect(mean(agreements)).toBeGreaterThan(0.9);
});

test.each([
  [{ criterion: "l1" }, /l1/],
  [{ players: "joint" }, /joint/],
  [{ estimator: "greedy" }, /greedy/],
  [{ criterion: "l1", allocation: "even", settleAt: 0.5 }, /--settle-at .* l1/],
  [{ criterion: "taylor", allocation: "even", settleOrder: 0.9 }, /--settle-order .* taylor/],
] as const)("refuses %o", async (more, message) => {
  const refused = await rank(await options("no.json", more)).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(PrunerError);
  expect(refused).toMatchObject({ code: "usage", message: expect.stringMatching(message) });
});
