/** @file ResNet-50: surgery and arithmetic on random weights, no training and no accuracy. */

import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { buildNetwork } from "../../src/networks/index.ts";
import { writeModelFile } from "../../src/onnx/write.ts";
import type { PruneResult } from "../../src/pipeline/prune-result.ts";
import { costTable } from "../costs.ts";
import { published } from "../published.ts";
import type { Check, Study } from "../study.ts";

const inside = [42, 80, 130, 250];
const outside = [240, 390, 704, 1648];

const innerCounts = inside.flatMap((count, k) =>
  ["conv1", "conv2"].map((place) => `layer${k + 1}.*.${place}=${count}`),
);
const outerCounts = ["conv1=50", ...outside.map((count, k) => `layer${k + 1}.0.conv3=${count}`)];

const cuts = [
  { name: "inner", counts: innerCounts, published: published.resnet50Inner },
  { name: "inner-outer", counts: [...innerCounts, ...outerCounts], published: published.resnet50Outer },
] as const;

/** What the paper's architectures come to when counted, within what rounding hides. */
const tolerance = 0.01;

export const resnet50Study: Study = {
  title: "ResNet-50: surgery and arithmetic only",
  plan: "Builds ResNet-50 with random weights, cuts it to 42/80/130/250 inside its blocks, then outside as well, and compares each slice with the masked network.",
  minutes: 2,
  needs: [],
  async run(workshop) {
    const path = workshop.file("resnet50.onnx");
    await mkdir(dirname(path), { recursive: true });
    await writeModelFile(buildNetwork("resnet50", { seed: 0 }), path);
    const results: PruneResult[] = [];
    for (const { name, counts } of cuts) {
      const out = workshop.file(`${name}.onnx`);
      const argv = ["prune", path, "--criterion", "l1", "--keep-channels", counts.join(",")];
      const { document } = await workshop.command<PruneResult>(
        name,
        [...argv, "--no-latency", "--seed", 0, "--out", out],
        { reads: [path] },
      );
      results.push(document);
    }
    const pairs = cuts.map((cut, k) => ({ published: cut.published, ours: results[k]!.after }));
    return {
      tables: [costTable([{ published: published.resnet50, ours: results[0]!.before }, ...pairs], [])],
      checks: cuts.flatMap((cut, k) => checksOf(cut, results[k]!)),
      remarks: [
        "No accuracy: ImageNet and a trained network are out of reach here. The weights are random, the channels that go are those of lowest L1 norm, and nothing is trained. What is shown is that the architectures can be cut out of the graph, residual streams included, and that each slice computes what the masked network computes.",
        "The paper's code lists the outside channels as 50,240,390,704,1648; read as the stem and four stages, as here.",
      ],
    };
  },
};

function checksOf(
  { name, published: { parameters, macs } }: (typeof cuts)[number],
  result: PruneResult,
): Check[] {
  const { check, after } = result;
  const apart = Math.max(Math.abs(after.parameters / parameters - 1), Math.abs(after.macs / macs - 1));
  return [
    {
      says: `${name}: sliced equals masked on ${check!.examples} random inputs within ${check!.tolerance} of the output's scale`,
      measured: check!.difference.toExponential(1),
      met: check!.difference <= check!.tolerance,
    },
    {
      says: `${name}: parameters and MACs within 1% of those of the published architecture`,
      measured: `${(100 * apart).toFixed(2)}%`,
      met: apart <= tolerance,
    },
  ];
}
