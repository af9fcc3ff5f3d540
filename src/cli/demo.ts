/** @file shapley-pruner demo: the main job on bundled digits, in under two minutes. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { PrunerError } from "../base/problem.ts";
import type { PruneOptions } from "../pipeline/prune-options.ts";
import type { PruneResult } from "../pipeline/prune-result.ts";
import type { DemoResult } from "../pipeline/report-record.ts";
import { outputOptions, reportOptions, runtimeOptions } from "./arguments.ts";
import { begin, conclude } from "./conclude.ts";
import { type Io, workOptions } from "./io.ts";
import { type RawOptions, runtimeSettings } from "./settings.ts";

/** The bundled network. */
const network = "lenet5-mnist.onnx";

const assets = fileURLToPath(new URL("../../assets/", import.meta.url));

const half = { targetMacs: { ratio: 0.5 }, scope: "global" } as const;

/** What the demo compares, all on the same digits; the first one is shown in full. */
const contenders = [
  {
    name: "Shapley values",
    file: "shapley",
    criterion: "shapley",
    estimator: "sequential",
    rows: 40_000,
    budget: half,
  },
  {
    name: "leave-one-out",
    file: "leave-one-out",
    criterion: "shapley",
    estimator: "leave-one-out",
    budget: half,
  },
  { name: "L1 norm of weights", file: "l1", criterion: "l1", estimator: "permutation", budget: half },
  { name: "random", file: "random", criterion: "random", estimator: "permutation", budget: half },
  {
    name: "Shapley values, while 97% are right",
    file: "shapley-floor",
    criterion: "shapley",
    estimator: "sequential",
    rows: 40_000,
    budget: { scope: "global" },
    minAccuracy: 0.97,
  },
] as const satisfies readonly Contender[];

interface Contender {
  readonly name: string;
  readonly file: string;
  readonly criterion: PruneOptions["settings"]["criterion"];
  readonly estimator: PruneOptions["settings"]["estimator"];
  /** Rows for each group; left out where the ranking says itself how many it needs. */
  readonly rows?: number;
  readonly budget: PruneOptions["budget"];
  readonly minAccuracy?: number;
}

/** The command demo. */
export function demoCommand(io: Io): Command {
  const command = new Command("demo").description(
    "Rank, prune and compare a bundled LeNet-5 on bundled MNIST digits",
  );
  for (const add of [runtimeOptions, outputOptions, reportOptions]) add(command);
  return command
    .option("--out <folder>", "where the smaller models go", "demo-output")
    .action(async (options: RawOptions) => {
      const { loadModel } = await import("../pipeline/load-model.ts");
      const { prune } = await import("../pipeline/prune.ts");
      const { inspectModel, lockedGroups } = await import("../pipeline/inspect.ts");
      const { inspectionText } = await import("../report/inspection.ts");
      const folder = options["out"] as string;
      await makeFolder(folder);
      // what is written here is a folder, made already, and begin looks at files
      const checked = await begin(io, command, { ...options, out: undefined }, network);
      const invocation = { ...checked, options };
      const work = workOptions(io, options);
      const model = await loadModel(join(assets, network));
      if (options["json"] !== true) io.out(`${inspectionText(inspectModel(model))}\n`);
      const results: PruneResult[] = [];
      try {
        for (const contender of contenders as readonly Contender[]) {
          const { criterion, estimator, rows, budget, minAccuracy, file } = contender;
          results.push(
            await prune({
              ...runtimeSettings(options),
              signal: work.signal,
              onProgress: work.onProgress,
              model,
              out: join(folder, `lenet5-${file}.onnx`),
              data: digits("rank"),
              testData: digits("test"),
              settings: {
                criterion,
                estimator,
                seed: options["seed"] as number,
                budget: rows === undefined ? undefined : { rows },
              },
              budget,
              minAccuracy,
            }),
          );
        }
      } finally {
        work.finish();
      }
      const named = (contenders as readonly Contender[]).map(({ name, criterion, minAccuracy }, k) => {
        const target =
          minAccuracy === undefined ? "half of the MACs" : `at least ${100 * minAccuracy}% right`;
        return { name, criterion, target, ...results[k]! };
      });
      const text = await demoText(named);
      const document: DemoResult = { schemaVersion: 1, contenders: named };
      await conclude(invocation, { ...document, locked: lockedGroups(model) }, () => text);
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
  const rows = results.map(({ name, after, groups, rounds, rows: spent }) => [
    name,
    percent(rounds[0]!.stages[0]!.accuracy!),
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
    "Rankings under the same target, and one under a floor; accuracy right after the cut and repaired, no fine-tuning:",
    table(["ranking", "cut", "repaired", "kept channels", "MACs", "parameters", "rows"], rows, [
      "left",
      "right",
      "right",
      "left",
      "right",
      "right",
      "right",
    ]),
    "",
    floorNote(results.at(-1)!),
    "",
    `Written: ${results.map(({ out }) => out).join(", ")}`,
  ].join("\n");
}

/** Why the accuracy under the floor can be below it. */
function floorNote({ name, examples }: PruneResult & { readonly name: string }): string {
  return [
    `"${name}" removes as much as the repaired network allows on ${examples!.decide} digits kept for that question,`,
    "a sample: on the others, which the table speaks of, it can do a little better or worse.",
  ].join("\n");
}
