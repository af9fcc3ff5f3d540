/**
 * @file A data set opened, or opened and ranked on, in a process of its own: `tsx stored-data-run.ts open|rank MODEL DATA LABELS
 * STREAM_ABOVE`, where LABELS is a file or "-". Prints what it found, seconds, and the most bytes held, as JSON.
 */
import { openDataset } from "../../src/datasets/index.ts";
import { loadModel } from "../../src/pipeline/load-model.ts";
import { rank } from "../../src/pipeline/rank.ts";
import { mostHeld } from "./most-held.ts";

const [what, model, path, labels, above] = process.argv.slice(2) as [string, string, string, string, string];
const data = {
  path,
  labels: labels === "-" ? undefined : labels,
  streamAbove: Number(above),
  pixelScale: 255,
  layout: "nhwc",
} as const;

async function values(): Promise<unknown> {
  const scores = await rank({
    model: await loadModel(model),
    data,
    settings: {
      criterion: "shapley",
      estimator: "permutation",
      seed: 0,
      budget: { rows: 2000 },
      memory: 2 ** 26,
    },
    workers: 2,
  });
  return scores.groups.map((group) => group.values);
}

const started = performance.now();
const found = what === "open" ? (await openDataset(path, data)).fingerprint : await values();
const seconds = (performance.now() - started) / 1000;
console.log(JSON.stringify({ found, seconds, most: mostHeld() }));
