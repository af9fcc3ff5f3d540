/** @file A generated model of 100 MB in a temporary folder. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Model } from "../../src/graph/model.ts";
import { writeModelFile } from "../../src/onnx/write.ts";
import { graphBuilder } from "../../test/helpers/build.ts";

const channels = 512;
/** Convolutions of 512 to 512 channels, 3x3: 9.4 MB each but for the first. */
const layers = 9;

export function largeModel(): Model {
  const g = graphBuilder();
  let flow = g.input("image", ["N", 3, 32, 32]);
  for (let layer = 0; layer < layers; layer++) {
    const weight = g.weight([channels, layer === 0 ? 3 : channels, 3, 3]);
    const convolved = g.node("Conv", [flow, weight, g.weight([channels])], { pads: [1, 1, 1, 1] });
    flow = g.node("Relu", [convolved]);
  }
  const pooled = g.node("Flatten", [g.node("GlobalAveragePool", [flow])]);
  const hidden = g.node("Relu", [
    g.node("Gemm", [pooled, g.weight([4096, channels]), g.weight([4096])], { transB: 1 }),
  ]);
  g.output(g.node("Gemm", [hidden, g.weight([1000, 4096]), g.weight([1000])], { transB: 1 }), ["N", 1000]);
  return g.build();
}

/** Writes the model, hands over its path, and removes it afterwards. */
export async function withLargeModel<T>(use: (path: string, folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "shapley-pruner-bench-"));
  try {
    const path = join(folder, "large.onnx");
    await writeModelFile(largeModel(), path);
    return await use(path, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
