/** @file A slim VGG-16 trained by the product, cut to the shares of channels that the paper's code lists. */
import type { PruneResult } from "../../src/pipeline/prune-result.ts";
import type { TrainingRecord } from "../../src/pipeline/training-record.ts";
import { costTable } from "../costs.ts";
import { cifarFiles } from "../places.ts";
import { published } from "../published.ts";
import type { Study } from "../study.ts";
import { cifarOptions } from "./resnet-cifar.ts";
import { accuracyAt } from "./stages.ts";

const epochs = 8;
const tuningEpochs = 2;

/** Channels by layer of the published architecture, out of those of VGG-16. */
const layers = [
  { group: "conv1_1", kept: 34, of: 64 },
  { group: "conv1_2", kept: 34, of: 64 },
  { group: "conv2_1", kept: 60, of: 128 },
  { group: "conv2_2", kept: 60, of: 128 },
  { group: "conv3_1", kept: 70, of: 256 },
  { group: "conv3_2", kept: 101, of: 256 },
  { group: "conv3_3", kept: 97, of: 256 },
  { group: "conv4_1", kept: 88, of: 512 },
  { group: "conv4_2", kept: 95, of: 512 },
  { group: "conv4_3", kept: 85, of: 512 },
  { group: "conv5_1", kept: 86, of: 512 },
  { group: "conv5_2", kept: 67, of: 512 },
  { group: "conv5_3", kept: 61, of: 512 },
  { group: "fc1", kept: 55, of: 512 },
] as const;

/** The slim network has a quarter of the channels. */
const slim = 0.25;

const counts = layers.map(({ group, kept }) => `${group}=${Math.round(slim * kept)}`).join(",");

export const vgg16Study: Study = {
  title: "VGG-16-slim on CIFAR-10",
  plan: `Trains a VGG-16 with a quarter of the channels for ${epochs} epochs, keeps the shares of channels of the published architecture by Shapley values, repairs, and tunes for ${tuningEpochs} epochs.`,
  minutes: 8,
  needs: cifarFiles,
  async run(workshop) {
    const path = workshop.file("base.onnx");
    const trained = await workshop.command<TrainingRecord>(
      "base",
      [
        ...["train", "vgg16-slim", ...cifarOptions(workshop), "--epochs", epochs],
        ...["--seed", 0, "--out", path],
      ],
      { makes: path },
    );
    const { document } = await workshop.command<PruneResult>(
      "pruned",
      [
        ...["prune", path, ...cifarOptions(workshop), "--keep-channels", counts],
        ...["--estimator", "permutation"],
        ...["--finetune", tuningEpochs, "--augment", "crop:4,flip", "--lr", "0.03"],
        ...["--no-latency", "--seed", 0, "--out", workshop.file("pruned.onnx")],
      ],
      { reads: [path] },
    );
    const stages = (["sliced", "repaired", "tuned"] as const).map((stage) => accuracyAt(document, stage));
    const { history, after } = trained.document;
    return {
      tables: [
        {
          title: "Accuracy on 5,000 test images",
          columns: ["network", "before", "after the cut", "repaired", `tuned for ${tuningEpochs} epochs`],
          rows: [["VGG-16-slim", `${(100 * after.accuracy!).toFixed(2)}%`, ...stages]],
          notes: [],
        },
        costTable(
          [
            { published: published.vgg16, ours: document.before },
            { published: published.vgg16Small, ours: document.after },
          ],
          ["Ours starts from a quarter of the channels, so shares are to be compared, not counts."],
        ),
      ],
      checks: [],
      remarks: [
        `Trained for ${history.epochs.length} epochs on 18,000 images where the recipe has 200 on 50,000: this is a demonstration of the way, not of what VGG-16 can do. The published network trains for thousands of epochs.`,
        "The images are JPEG copies of a part of CIFAR-10. One seed.",
      ],
    };
  },
};
