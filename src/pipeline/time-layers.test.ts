/** @file Time by layer in results, text and reports; no time is compared with another. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { command, documentOf, temporaryFolder } from "../../test/helpers/command.ts";
import { noise, tinyClassifier } from "../../test/helpers/tiny-classifier.ts";
import type { LayerTimes } from "../evaluation/layer-times.ts";
import { layerTimesText, slowLayers } from "../report/layer-times.ts";
import type { Evaluation } from "./evaluate.ts";
import type { PruneResult } from "./prune-result.ts";
import { timeLayers } from "./time-layers.ts";

const folder = temporaryFolder();
const model = folder.model("tiny.onnx", tinyClassifier());
const data = ["--data", folder.npy("x.npy", noise([8, 1, 6, 6])), "--no-labels", "--workers", 1, "--quiet"];
const small = folder.file("small.onnx");
/** Convolutions of the network. */
const layers = 2;

test("prune and evaluate tell every layer when asked", async () => {
  const pruned = await documentOf<PruneResult>([
    "prune",
    model,
    "--criterion",
    "l1",
    "--keep",
    0.5,
    "--out",
    small,
    "--layer-times",
    "--no-latency",
    "--quiet",
  ]);
  const evaluated = await documentOf<Evaluation>([
    "evaluate",
    small,
    "--against",
    model,
    ...data,
    "--layer-times",
    "--no-latency",
  ]);
  for (const times of [pruned.layerTimes!, evaluated.layerTimes!]) {
    const convolutions = times.layers.filter(({ layer }) => layer === "c1" || layer === "c2");
    expect(convolutions).toHaveLength(layers);
    for (const { macs, channels } of convolutions) {
      expect(macs!.after).toBeLessThan(macs!.before);
      expect(channels!.after).not.toBe(channels!.before);
    }
    expect(times).toMatchObject({ batch: 1, runs: 30 });
  }
});

test("nothing is timed unasked without latencies, and a single model has nothing to compare with", async () => {
  const quiet = await documentOf<Evaluation>([
    "evaluate",
    small,
    "--against",
    model,
    ...data,
    "--no-latency",
  ]);
  expect(quiet.layerTimes).toBeNull();
  const alone = await command(["evaluate", small, ...data, "--layer-times"]);
  expect(alone).toMatchObject({ code: 2, err: expect.stringContaining("--against") });
});

test("a latency that did not fall is looked into unasked, one that fell is not", async () => {
  const { analyzeChannels } = await import("../channels/groups.ts");
  const analysis = analyzeChannels(tinyClassifier());
  const timed = (medianMs: number) => [
    { batch: 4, latency: { medianMs, lowMs: medianMs, highMs: medianMs, runs: 1 } },
  ];
  const feeds = (batch: number) => ({ x: noise([batch, 1, 6, 6]) });
  const both = [analysis, analysis];
  const slower = await timeLayers(both, feeds, [timed(1), timed(1.1)], { threads: 1 });
  expect(slower).toMatchObject({ batch: 4 });
  expect(await timeLayers(both, feeds, [timed(1), timed(0.9)], { threads: 1 })).toBeNull();
  expect(await timeLayers(both, feeds, [timed(1), timed(1.1)], { threads: 1, layerTimes: false })).toBeNull();
});

const times: LayerTimes = {
  batch: 1,
  runs: 30,
  ms: { before: 2, after: 1.5 },
  layers: [
    {
      layer: "a",
      macs: { before: 2000, after: 900 },
      channels: { before: "16 to 16", after: "16 to 9" },
      ms: { before: 1, after: 1.1 },
      faster: false,
      reason: "9 channels are computed as 16, a multiple of 8",
    },
    {
      layer: "b",
      macs: { before: 1000, after: 500 },
      channels: null,
      ms: { before: 1, after: 0.4 },
      faster: true,
      reason: null,
    },
    {
      layer: "Gone",
      macs: null,
      channels: null,
      ms: { before: 0, after: 0 },
      faster: false,
      reason: "bound by memory",
    },
  ],
  advice: "--round-to 8 helps.",
};

test("the text tells slow layers with reasons, and what to try", () => {
  const text = layerTimesText(times);
  expect(slowLayers(times).map(({ layer }) => layer)).toEqual(["a"]);
  for (const part of [
    "1 of 3 layers",
    "73% of the time",
    "16 to 16 → 16 to 9",
    "110%",
    "computed as 16",
    "--round-to 8",
  ])
    expect(text).toContain(part);
  expect(layerTimesText(null)).toBe("");
});

test("reports show them", async () => {
  const document = await documentOf<Evaluation>([
    "evaluate",
    small,
    "--against",
    model,
    ...data,
    "--no-latency",
  ]);
  const path = folder.write("result.json", JSON.stringify({ ...document, layerTimes: times }));
  const page = folder.file("page.html");
  expect(await command(["report", path, "--out", page, "--quiet"])).toMatchObject({ code: 0 });
  const html = readFileSync(page, "utf8");
  expect(html).toContain("Layers that did not get faster");
  expect(html).toContain("9 channels are computed as 16");
});
