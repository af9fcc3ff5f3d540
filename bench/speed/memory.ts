/** @file What a ceiling on memory costs: games with room for all activations, for half and for a tenth of them. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { sharedData, sharedModel } from "../../test/helpers/shared.ts";
import type { Benchmark } from "../record.ts";

/** What the run of one game prints. */
interface Figures {
  readonly all: number;
  readonly memory: number;
  readonly kept: number;
  readonly method: string;
  readonly again: number;
  readonly rowsPerSecond: number;
  readonly cpuMicrosecondsPerRow: number;
  readonly grown: number;
}

const games = [
  { group: "layer1.0.conv1", examples: 1000, each: 4 },
  { group: "layer1.0.conv1", examples: 1000, each: 1 },
  { group: "layer3.1.conv1", examples: 8000, each: 4 },
  { group: "layer3.1.conv1", examples: 8000, each: 1 },
];
const shares = [1.02, 0.5, 0.1];
const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);

export const memory: Benchmark = {
  title: "Games under a ceiling",
  minutes: 3,
  how: "ResNet-20, two groups, 2 workers, each line a process of its own. Examples are visited in shuffled epochs, one and a half in all, and each visit asks for so many rows. Again: work on activations that had been computed before, as a share of the work on rows. Growth: most that the process held beyond what it held before the game, networks and batches included.",
  run: async () => {
    const [model, data] = [sharedModel("resnet20-cifar10"), sharedData("cifar10-test-images.npy")];
    const reason = model.reason ?? data.reason;
    if (model.path === undefined || data.path === undefined) return { skipped: reason ?? "" };
    const script = join(import.meta.dirname, "memory-run.ts");
    const rows = games.flatMap(({ group, examples, each }) =>
      shares.map((share) => {
        const argv = [model.path!, data.path!, group, examples, share, each].map(String);
        const out = execFileSync(process.execPath, ["--import", "tsx", script, ...argv], {
          encoding: "utf8",
        });
        const found = JSON.parse(out) as Figures;
        return {
          group,
          "rows a visit": each,
          "all, MiB": mebibytes(found.all),
          "ceiling, MiB": mebibytes(found.memory),
          kept: found.kept,
          method: found.method,
          again: `${(100 * found.again).toFixed(0)}%`,
          "rows/s": found.rowsPerSecond.toFixed(0),
          "processor µs a row": found.cpuMicrosecondsPerRow.toFixed(0),
          "growth, MiB": mebibytes(found.grown),
        };
      }),
    );
    return { rows, claims: [] };
  },
};
