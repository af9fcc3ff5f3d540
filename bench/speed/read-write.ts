/** @file Reading and writing a large model, beside copying its bytes. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readModelFile } from "../../src/onnx/read.ts";
import { writeModelFile } from "../../src/onnx/write.ts";
import type { Benchmark } from "../record.ts";
import { spreadText, takeTurns } from "../statistics.ts";
import { withLargeModel } from "./large-model.ts";

const rounds = 7;

export const readWrite: Benchmark = {
  title: "Reading and writing a model of 100 MB",
  how: `The same generated network, in turns with plain reads and writes of the same bytes, ${rounds} rounds. Milliseconds.`,
  minutes: 0.3,
  run: () =>
    withLargeModel(async (path, folder) => {
      const model = await readModelFile(path);
      const bytes = await readFile(path);
      const target = join(folder, "copy.onnx");
      const seconds = await takeTurns(
        {
          "read the model": () => readModelFile(path),
          "read the bytes": () => readFile(path),
          "write the model": () => writeModelFile(model, target),
          "write the bytes": () => writeFile(target, bytes),
        },
        rounds,
      );
      const rows = Object.entries(seconds).map(([what, times]) => ({
        what,
        ms: spreadText(
          times.map((s) => 1000 * s),
          0,
        ),
      }));
      return { rows, claims: [] };
    }),
};
