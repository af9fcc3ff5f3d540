/** @file The bundled network on the bundled digits does what assets/README.md says. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { batches, fitTo, openDataset } from "../src/datasets/index.ts";
import { payoff } from "../src/metrics/index.ts";

const assets = join(import.meta.dirname, "../assets");
const ort = await import("onnxruntime-node").catch(() => undefined);

test.skipIf(ort === undefined).each([
  ["rank", 1489],
  ["test", 1489],
])(
  "LeNet-5 gets the %s digits right (skipped where onnxruntime-node is not installed)",
  async (part, right) => {
    const session = await ort!.InferenceSession.create(join(assets, "lenet5-mnist.onnx"));
    const digits = await openDataset(join(assets, `mnist-${part}-images.idx3-ubyte.gz`), { pixelScale: 255 });
    const dataset = fitTo(digits, ["N", 1, 28, 28], "input", "float32");
    let correct = 0;
    for (const indices of batches(dataset.size, { size: 250 })) {
      const { input } = dataset.batch(indices);
      const { logits } = await session.run({
        input: new ort!.Tensor("float32", input!.data as Float32Array, input!.shape),
      });
      const out = new Float64Array(indices.length);
      payoff("accuracy").rows(
        logits!.data as Float32Array,
        10,
        dataset.labels!.values as Int32Array,
        out,
        indices,
      );
      correct += out.reduce((sum, hit) => sum + hit, 0);
    }
    expect(Math.abs(correct - right)).toBeLessThanOrEqual(1); // kernels differ in the last bit between processors
    await session.release();
  },
);
