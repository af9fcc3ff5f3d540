/** @file Tables as people see them. */
import { expect, test } from "vitest";
import { duration, percent, short, whole } from "./format.ts";
import type { ModelFigures } from "./records.ts";
import { examplesText, figuresTable, scoresNote, scoresText } from "./text.ts";

const group = { id: "c1", channels: 4, rows: 12_000, stoppedBy: "budget" };

test("scores: the least useful channels with their errors, and how many are tied with the lowest", () => {
  const text = scoresText([
    { ...group, values: [0.5, 0.012345, 0.02, 0.9], standardErrors: [0.1, 0.01, 0.01, 0.1] },
  ]);
  const [, line] = text.split("\n");
  expect(line).toMatch(
    /^c1 +4 +1: 0\.012 ±0\.01, 2: 0\.02 ±0\.01, 0: 0\.5 ±0\.1, 3: 0\.9 ±0\.1 +0\.9 +2 +12,000$/,
  );
  expect(text).toMatch(/tied: .*--budget/);
});

test("scores without errors say nothing of ties", () => {
  const text = scoresText([{ ...group, values: [3, 1, 2, 4], standardErrors: [null, null, null, null] }], 2);
  expect(text.split("\n")[1]).toMatch(/^c1 +4 +1: 1, 2: 2, \.\.\. +4 +- +12,000$/);
  expect(text).not.toMatch(/tied:/);
});

test("numbers as people read them", () => {
  expect([
    whole(498_750),
    percent(0.9936),
    short(0),
    short(1.5e-7),
    short(4.104e-4, 2),
    duration(59.7),
    duration(119.6),
  ]).toEqual(["498,750", "99.36%", "0", "1.5e-7", "4.1e-4", "1 min 0 s", "2 min 0 s"]);
});

test("what examples served for, whatever was done", () => {
  const none = { rank: 0, decide: 0, calibrate: 0, tune: 0, validate: 0 };
  expect(examplesText({ ...none, rank: 200, decide: 150, evaluate: 1000 }, 19_760)).toBe(
    "Ranked on 200 examples with 19,760 rows. Accuracy floor held on 150 others. Figures from 1,000 others.",
  );
  expect(examplesText({ ...none, evaluate: 300 }, 0)).toBe("Figures from 300 examples.");
  expect(examplesText({ ...none, rank: 20, evaluate: 30 }, 0)).toBe(
    "Ranked on 20 examples. Figures from 30 others.",
  );
  expect(examplesText({ ...none, calibrate: 40, evaluate: 30 }, 0)).toBe(
    "Repaired on 40 examples. Figures from 30 others.",
  );
  expect(examplesText({ ...none, calibrate: 40, tune: 90, validate: 10, evaluate: 30 }, 0)).toBe(
    "Tuned on 90 examples (repaired on 40 of them). Best epoch chosen on 10 others. Figures from 30 others.",
  );
});

test("what scores are, in which unit and over what", () => {
  const shapley = { criterion: "shapley", estimator: "permutation", payoff: "cross-entropy" } as const;
  expect(scoresNote({ ...shapley, data: { examples: 300 } })).toMatch(
    /"negative cross-entropy" \(nats\), averaged over 300 examples \(permutation\)\.\nrows: /,
  );
  expect(scoresNote({ ...shapley, players: "joint", data: { examples: 300 } })).toMatch(
    /share out one sum\. rows:/,
  );
  expect(scoresNote({ criterion: "l1", estimator: null, payoff: null, data: null })).toBe(
    "value: sum of absolute weights that make the channel.",
  );
});

test("figures name their loss and what stands in brackets", () => {
  const sizes = { divergence: null, parameters: 10, macs: 20, bytes: 30 };
  const unmeasured = { accuracy: null, accuracyInterval: null, loss: null, lossInterval: null };
  const timed = { latencyMs: { 1: 0.5 }, latencyQuartilesMs: { 1: [0.4, 0.6] } } as const;
  const bare: ModelFigures = { ...sizes, ...unmeasured, latencyMs: null, latencyQuartilesMs: null };
  expect(figuresTable(null, bare)).not.toMatch(/brackets/);
  expect(figuresTable(null, { ...bare, ...timed })).toMatch(/In brackets: quartiles of the runs/);
  const regression: ModelFigures = { ...bare, ...timed, loss: 0.5, lossInterval: [0.4, 0.6] };
  expect(figuresTable(null, regression)).toMatch(
    /squared error +0\.5 [\s\S]*brackets: 95% intervals, for latency/,
  );
  const classified: ModelFigures = { ...regression, accuracy: 0.9, accuracyInterval: [0.8, 1] };
  expect(figuresTable(null, classified)).toMatch(/cross-entropy \(nats\) +0\.5 /);
});
