/** @file Time of channel analysis and of the command `inspect` on graphs of more and more nodes. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Model } from "../../src/graph/model.ts";
import { writeModelFile } from "../../src/onnx/write.ts";
import { graphBuilder } from "../../test/helpers/build.ts";
import { atMost, type Benchmark } from "../record.ts";
import { spreadOf, spreadText } from "../statistics.ts";
import { builtCommand, secondsOf } from "./built-command.ts";

const runs = 5;
const counts = [1000, 4000, 16_000];
const dist = join(import.meta.dirname, "../../dist");

/** Residual blocks of 64 channels, narrowed to 32 inside, six nodes each: one group runs through the whole network. */
function deepModel(nodes: number): Model {
  const [wide, narrow] = [64, 32];
  const g = graphBuilder();
  const norm = (x: string, channels: number) => {
    const variance = g.weight([channels], new Array<number>(channels).fill(1));
    const [scale, shift, mean] = [g.weight([channels]), g.weight([channels]), g.weight([channels])];
    return g.node("BatchNormalization", [x, scale, shift, mean, variance]);
  };
  const pointwise = (x: string, from: number, to: number) => g.node("Conv", [x, g.weight([to, from, 1, 1])]);
  let x = pointwise(g.input("image", ["N", 3, 8, 8]), 3, wide);
  while (g.graph().nodes.length < nodes - 3) {
    const inner = g.node("Relu", [norm(pointwise(x, wide, narrow), narrow)]);
    x = g.node("Relu", [g.node("Add", [x, norm(pointwise(inner, narrow, wide), wide)])]);
  }
  const flat = g.node("Flatten", [g.node("GlobalAveragePool", [x])]);
  g.output(g.node("Gemm", [flat, g.weight([wide, 10])]), ["N", 10]);
  return g.build();
}

type Analysis = typeof import("../../src/channels/groups.ts");

async function timedAnalysis(model: Model): Promise<number[]> {
  const { analyzeChannels } = (await import(join(dist, "channels/groups.js"))) as Analysis;
  return Array.from({ length: runs }, () => {
    const started = performance.now();
    analyzeChannels(model);
    return (performance.now() - started) / 1000;
  });
}

async function timedCommand(model: Model): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), "shapley-pruner-bench-"));
  try {
    const path = join(folder, "deep.onnx");
    await writeModelFile(model, path);
    const seconds: number[] = [];
    for (let run = 0; run < runs; run++)
      seconds.push(await secondsOf([builtCommand, "inspect", path, "--json"]));
    return seconds;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export const inspectNodes: Benchmark = {
  title: "inspect and channel analysis by the number of nodes",
  how: `Generated residual networks; the analysis alone in this process, the built command in processes of its own, ${runs} times each.`,
  minutes: 1,
  async run() {
    const measured = [];
    for (const nodes of counts) {
      const model = deepModel(nodes);
      measured.push({ nodes, analysis: await timedAnalysis(model), command: await timedCommand(model) });
    }
    const perNode = measured.map(({ nodes, analysis }) => spreadOf(analysis).median / nodes);
    const [first, , last] = measured;
    return {
      rows: measured.map(({ nodes, analysis, command }) => ({
        nodes,
        "analysis, seconds": spreadText(analysis),
        "command, seconds": spreadText(command),
      })),
      claims: [
        atMost(`analysis of ${first!.nodes} nodes in seconds:`, 1, spreadOf(first!.analysis).median),
        atMost(`inspect of ${first!.nodes} nodes in seconds:`, 1, spreadOf(first!.command).median),
        atMost(
          `time per node at ${last!.nodes} nodes over that at ${first!.nodes}:`,
          1.2,
          perNode[2]! / perNode[0]!,
        ),
      ],
    };
  },
};
