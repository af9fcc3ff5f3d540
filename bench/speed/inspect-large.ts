/** @file Time and memory of the command `inspect` on a large model. */
import { spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { atMost, type Benchmark } from "../record.ts";
import { spreadText } from "../statistics.ts";
import { builtCommand } from "./built-command.ts";
import { withLargeModel } from "./large-model.ts";

const runs = 5;
/**
 * Loaded before the command: tells the most memory the process ever held (KiB) on a channel of its own. Linux counts what
 * this process held at the time of the fork into maxRSS, so there the kernel's own high-water mark is read.
 */
const meter = `data:text/javascript,${encodeURIComponent(`
  import { existsSync, readFileSync, writeSync } from "node:fs";
  const status = "/proc/self/status";
  process.on("exit", () => {
    const mark = existsSync(status) ? /VmHWM:\\s+(\\d+)/.exec(readFileSync(status, "utf8"))?.[1] : undefined;
    writeSync(3, String(mark ?? process.resourceUsage().maxRSS));
  });`)}`;

export const inspectLarge: Benchmark = {
  title: "inspect on a model of 100 MB",
  how: `A generated network of 9 wide convolutions and 2 dense layers; the built command in a process of its own, ${runs} times.`,
  minutes: 0.3,
  run: () =>
    withLargeModel(async (path) => {
      const { size } = await stat(path);
      const seconds: number[] = [];
      const mebibytes: number[] = [];
      for (let run = 0; run < runs; run++) {
        const measured = await inspect(path);
        seconds.push(measured.seconds);
        mebibytes.push(measured.mebibytes);
      }
      const line = {
        "file MB": (size / 1e6).toFixed(1),
        seconds: spreadText(seconds),
        "peak MiB": spreadText(mebibytes, 0),
      };
      return {
        rows: [line],
        claims: [
          atMost("slowest run in seconds:", 1.5, Math.max(...seconds)),
          atMost("peak memory in MiB:", 400, Math.max(...mebibytes)),
        ],
      };
    }),
};

function inspect(path: string): Promise<{ readonly seconds: number; readonly mebibytes: number }> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(process.execPath, ["--import", meter, builtCommand, "inspect", path, "--json"], {
      stdio: ["ignore", "ignore", "inherit", "pipe"],
    });
    let told = "";
    child.stdio[3]!.on("data", (chunk: Buffer) => {
      told += chunk.toString();
    });
    child.on("error", reject);
    child.on("close", (code) => {
      const seconds = (performance.now() - started) / 1000;
      if (code === 0) resolve({ seconds, mebibytes: Number(told) / 1024 });
      else reject(new Error(`inspect ended with ${code}`));
    });
  });
}
