/** @file shapley-pruner demo: the main job on bundled digits, in under two minutes. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { PrunerError } from "../base/problem.ts";
import type { PruneOptions, PruneResult } from "../pipeline/prune.ts";
import { outputOptions, type RawOptions, runtimeOptions, runtimeSettings } from "./arguments.ts";
import { type Io, print, workOptions } from "./io.ts";

const assets = fileURLToPath(new URL("../../assets/", import.meta.url));

/** What the demo compares, all under the same target and on the same digits. */
const contenders = [
  { name: "Shapley values, ranked again in 8 steps", criterion: "shapley", steps: 8 },
  { name: "Shapley values, ranked once", criterion: "shapley", steps: 1 },
  { name: "L1 norm of weights", criterion: "l1", steps: 1 },
  { name: "random", criterion: "random", steps: 1 },
] as const;

export function demoCommand(io: Io): Command {
  const command = new Command("demo").description(
    "Rank, prune and compare a bundled LeNet-5 on bundled MNIST digits",
  );
  for (const add of [runtimeOptions, outputOptions]) add(command);
  return command
    .option("--out <folder>", "where the smaller models go", "demo-output")
    .action(async (options: RawOptions) => {
      const { loadModel } = await import("../pipeline/load-model.ts");
      const { prune } = await import("../pipeline/prune.ts");
      const { inspectModel } = await import("../pipeline/inspect.ts");
      const { inspectionText } = await import("../report/text.ts");
      const folder = options["out"] as string;
      await makeFolder(folder);
      const work = workOptions(io, options);
      const model = await loadModel(join(assets, "lenet5-mnist.onnx"));
      if (options["json"] !== true) io.out(`${inspectionText(inspectModel(model))}\n`);
      const results: PruneResult[] = [];
      try {
        for (const { criterion, steps } of contenders) {
          const settings = {
            criterion,
            estimator: "permutation",
            seed: options["seed"] as number,
            budget: { rows: 40_000 },
          } as const;
          const target: Omit<PruneOptions, "model"> = {
            ...runtimeSettings(options),
            signal: work.signal,
            onProgress: work.onProgress,
            out: join(folder, `lenet5-${criterion}-${steps}.onnx`),
            data: digits("rank"),
            testData: digits("test"),
            settings,
            budget: { targetMacs: { ratio: 0.5 }, scope: "global" },
            steps,
          };
          results.push(await prune({ ...target, model }));
        }
      } finally {
        work.finish();
      }
      const document = contenders.map(({ name, criterion }, k) => ({ name, criterion, ...results[k]! }));
      const text = await demoText(document);
      print(io, options, document, () => text);
    });
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    const detail = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PrunerError("file-unwritable", { path, detail }, { cause });
  }
}

function digits(part: "rank" | "test") {
  return { path: join(assets, `mnist-${part}-images.idx3-ubyte.gz`), pixelScale: 255 };
}

async function demoText(results: readonly (PruneResult & { readonly name: string })[]): Promise<string> {
  const { figuresTable, keptText } = await import("../report/text.ts");
  const { percent, whole } = await import("../report/format.ts");
  const { table } = await import("../report/table.ts");
  const best = results[0]!;
  const rows = results.map(({ name, after, groups, rows: spent }) => [
    name,
    percent(after.accuracy!),
    groups.map(({ kept }) => kept).join("-"),
    percent(after.macs / best.before.macs, 1),
    whole(after.parameters),
    whole(spent),
  ]);
  return [
    `${best.name}: what stays`,
    keptText(best.groups),
    "",
    figuresTable(best.before, best.after),
    "",
    "The same target by other rankings, without any fine-tuning:",
    table(["ranking", "accuracy", "kept channels", "MACs", "parameters", "rows"], rows, [
      "left",
      "right",
      "left",
      "right",
      "right",
      "right",
    ]),
    "",
    `Written: ${results.map(({ out }) => out).join(", ")}`,
  ].join("\n");
}
