/** @file The loop as a library user drives it: settings out of range, projections, events. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noise, tinyClassifier, turns } from "../../test/helpers/tiny-classifier.ts";
import { datasetFromArrays, fitToInputs } from "../datasets/index.ts";
import { toNumbers } from "../tensor/tensor.ts";
import { type Runner, startRunner } from "../valuation/runner.ts";
import { type FitOptions, type FitResult, fitNetwork } from "./fit.ts";
import type { TrainSettings } from "./settings.ts";
import type { TrainEvent } from "./train.ts";

const model = tinyClassifier();
const dataset = fitToInputs(
  datasetFromArrays({ inputs: noise([24, 1, 6, 6]), labels: turns(24) }),
  model.graph.inputs,
);
const settings: TrainSettings = {
  epochs: 2,
  batchSize: 8,
  shardSize: 8,
  optimizer: { kind: "sgd" },
  learningRate: 0.1,
  schedule: { kind: "constant" },
  weightDecay: { strength: 0 },
  augmentations: [],
  seed: 0,
};

let runner: Runner;
beforeAll(async () => {
  runner = await startRunner({ workers: 1 });
});
afterAll(() => runner.close());

async function train(options: Partial<FitOptions>): Promise<{ result: FitResult; events: TrainEvent[] }> {
  const run = fitNetwork({ runner, model, dataset, settings, ...options });
  const events: TrainEvent[] = [];
  for (;;) {
    const next = await run.next();
    if (next.done === true) return { result: next.value, events };
    events.push(next.value);
  }
}

describe("settings out of range are refused by the name of their option", () => {
  test.each<[string, Partial<TrainSettings>]>([
    ["--epochs", { epochs: 0 }],
    ["--epochs", { epochs: 1.5 }],
    ["--batch", { batchSize: 0 }],
    ["--shard-size", { shardSize: Number.NaN }],
    ["--lr", { learningRate: -1 }],
    ["--lr", { learningRate: Number.POSITIVE_INFINITY }],
    ["--clip", { clipNorm: 0 }],
    ["--clip-value", { clipValue: -1 }],
    ["--ema", { averageDecay: 1 }],
    ["--patience", { stopping: { patience: 0 } }],
    ["--weight-decay", { weightDecay: { strength: -1 } }],
    ["--momentum", { optimizer: { kind: "sgd", momentum: 1 } }],
  ])("%s %j", async (option, wrong) => {
    await expect(train({ settings: { ...settings, ...wrong } })).rejects.toThrow(option);
  });
});

test("projections run in turn behind every step, and the result keeps to them", async () => {
  const seen: string[] = [];
  const { result, events } = await train({
    projections: [
      (parameters, step) => {
        seen.push(`a${step}`);
        for (const values of parameters.values())
          values.forEach((value, k) => {
            values[k] = Math.max(-0.05, Math.min(0.05, value));
          });
      },
      (_, step) => seen.push(`b${step}`),
    ],
  });
  expect(seen).toEqual([0, 1, 2, 3, 4, 5].flatMap((step) => [`a${step}`, `b${step}`]));
  expect(events.map(({ kind }) => kind).join(" ")).toBe("step step step epoch step step step epoch");
  for (const tensor of result.model.graph.initializers.values())
    for (const value of toNumbers(tensor.load())) expect(Math.abs(value)).toBeLessThanOrEqual(0.0501);
});
