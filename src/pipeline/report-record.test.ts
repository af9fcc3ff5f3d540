/** @file Documents from files: drawn or refused with a code, whatever was done to them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { comparison } from "../../test/helpers/compare-record.ts";
import { oracleRecord } from "../../test/helpers/oracle-record.ts";
import { PrunerError } from "../base/problem.ts";
import { reportPage } from "../report/html/page.ts";
import { reportRecordOf } from "./report-record.ts";

const figures = {
  accuracy: 0.9,
  accuracyInterval: [0.88, 0.92],
  loss: 0.3,
  lossInterval: [0.2, 0.4],
  divergence: null,
  parameters: 100,
  macs: 1000,
  bytes: 500,
  latencyMs: { "1": 0.2 },
  latencyQuartilesMs: { "1": [0.1, 0.3] },
};

const quality = { accuracy: 0.8, accuracyInterval: [0.7, 0.9], loss: 0.5, lossInterval: [0.4, 0.6] };
const epoch = {
  epoch: 1,
  loss: 0.4,
  penalties: {},
  learningRate: 0.1,
  validation: { loss: 0.5, accuracy: 0.8 },
};
const change = {
  difference: { value: 0, low: -0.1, high: 0.1, level: 0.95 },
  lost: 1,
  gained: 1,
  byPosition: false,
};
const run = {
  tool: "shapley-pruner",
  version: "1.0.0",
  command: "prune",
  subject: "a/net.onnx",
  arguments: ["prune", "a/net.onnx"],
  options: { seed: 1 },
  seconds: 2,
  machine: { cores: 2, node: "v20", runtime: null },
};

const pruned = {
  schemaVersion: 1,
  before: figures,
  after: { ...figures, macs: 600 },
  plan: { schemaVersion: 1, groups: [] },
  groups: [{ id: "c1", channels: 3, kept: 2 }],
  check: { difference: 1e-7, tolerance: 1e-4, examples: 8 },
  rounds: [
    {
      round: 1,
      step: 1,
      macs: 600,
      parameters: 60,
      stages: [
        { stage: "sliced", ...quality },
        { stage: "repaired", ...quality },
      ],
      repair: [
        { node: "c2", kind: "Conv", residualBefore: 0.5, residualAfter: 0.1, ridge: 0.1, accepted: true },
      ],
      tuning: { epochs: [epoch], bestEpoch: 1, stoppedBy: "epochs" },
    },
  ],
  scores: [
    {
      id: "c1",
      channels: 3,
      values: [1, 2, 3],
      standardErrors: [0.1, null, 0.1],
      removedAfter: [1, null, null],
    },
  ],
  scoring: { criterion: "shapley", estimator: "permutation", payoff: "margin", data: { examples: 9 } },
  accuracyChange: change,
  rows: 10,
  reached: true,
  stoppedBy: "target",
  examples: { rank: 9 },
  locked: [{ id: "out", channels: 2, prunable: 0, reason: "it is an output", lockedBy: null }],
  run,
} as const;

const documents = {
  prune: pruned,
  demo: {
    schemaVersion: 1,
    contenders: [
      { ...pruned, name: "one", target: "half" },
      { ...pruned, name: "other", target: "half" },
    ],
    run: { ...run, command: "demo" },
  },
  oracle: oracleRecord(4),
  "oracle by beam search": oracleRecord(5, "beam"),
  "oracle by branch and bound": oracleRecord(5, "branch-and-bound"),
  compare: comparison({ methods: 5, groups: 1, seeds: 2, budgets: [100] }),
  rank: {
    schemaVersion: 1,
    criterion: "l1",
    estimator: null,
    payoff: null,
    data: null,
    seed: 0,
    settings: {},
    rows: 0,
    groups: [
      { id: "c1", channels: 2, values: [1, 2], standardErrors: [null, null], rows: 0, stoppedBy: null },
    ],
  },
  evaluate: { schemaVersion: 1, before: null, after: figures, examples: 40, accuracyChange: null },
  finetune: {
    schemaVersion: 1,
    command: "finetune",
    teacher: null,
    examples: { train: 30, validate: 4, test: 4 },
    settings: { seed: 0 },
    lesson: {},
    history: { epochs: [epoch], losses: [1, 0.5, 0.25] },
    bestEpoch: 1,
    before: figures,
    after: figures,
    accuracyChange: change,
  },
} as const;

test.each(Object.entries(documents))("%s is drawn", (name, document) => {
  const record = reportRecordOf(document, "folder/some.json");
  expect(record).toMatchObject({
    command: name.split(" ")[0],
    name: "run" in document ? "net.onnx" : "some",
  });
  expect(reportPage([record])).toContain("</html>");
});

/** Every place in a document that holds no list and no object, and the lists and objects as well. */
function placesOf(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== "object" || value === null) return [path];
  const inside = Object.entries(value).flatMap(([name, entry]) => placesOf(entry, [...path, name]));
  return path.length === 0 ? inside : [path, ...inside];
}

function replaced(document: unknown, path: readonly (string | number)[], value: unknown): unknown {
  const copy = structuredClone(document) as Record<string, unknown>;
  const last = path.slice(0, -1).reduce((at: never, name) => at[name], copy as never) as Record<
    string,
    unknown
  >;
  if (value === undefined) delete last[path.at(-1)!];
  else last[path.at(-1)!] = value;
  return JSON.parse(JSON.stringify(copy)); // as a file would hold it
}

const odd = fc.constantFrom<unknown>(
  undefined,
  null,
  0,
  -1,
  0.5,
  1e300,
  Number.MAX_SAFE_INTEGER,
  true,
  "",
  "x",
  "__proto__",
  [],
  {},
  [null],
  [[]],
  { constructor: 1 },
);

describe.each(Object.entries(documents))("%s, spoilt anywhere", (name, document) => {
  const places = placesOf(document);
  test("is drawn or refused with its place", () => {
    fc.assert(
      fc.property(fc.constantFrom(...places), odd, (path, value) => {
        const spoilt = replaced(document, path, value);
        try {
          expect(reportPage([reportRecordOf(spoilt, "spoilt.json")])).toContain("</html>");
        } catch (error) {
          expect(error).toBeInstanceOf(PrunerError);
          expect((error as PrunerError).code).toBe("file-invalid");
          expect((error as PrunerError).message).toMatch(/^spoilt\.json: /);
        }
      }),
      { numRuns: name === "compare" ? 30 : 80 },
    );
  });
});
