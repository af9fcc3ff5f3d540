/** @file Data sets that stay on the disk against the same in memory, format by format. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { atMost, type Benchmark, type Claim } from "../record.ts";
import { side, withPictures } from "./picture-data.ts";

interface Figures {
  readonly found: unknown;
  readonly seconds: number;
  readonly most: number;
}

interface Line {
  readonly opened: Figures;
  readonly ranked: Figures;
}

const count = 8192;
const decoded = count * 3 * side * side;
const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20);

/** Thresholds that leave the data on the disk, and that take them into memory. */
const places = { disk: 0, memory: 2 ** 32 };

export const storedData: Benchmark = {
  title: "Data on the disk and in memory",
  minutes: 5,
  how: `${count} pictures of ${side}x${side} bytes in three colours, ${mebibytes(decoded)} MiB. Opened: checks and fingerprint included. Ranked: opened, and 2,000 rows for each group of a small network of three convolutions, examples in shuffled order, 2 workers. Each figure is from a process of its own; files are in the system's cache where that has room. The folder holds links to 32 JPEG files.`,
  run: () =>
    withPictures(count, async ({ model, labels, formats }) => {
      const claims: Claim[] = [];
      const rows = Object.entries(formats).flatMap(([format, path]) => {
        const own = format === "folder of images" ? "-" : labels;
        const [disk, memory] = [places.disk, places.memory].map((above) =>
          lineOf([model, path, own, above]),
        ) as [Line, Line];
        claims.push(
          same(`${format}: same fingerprint and values`, disk, memory),
          atMost(`${format}: MiB held at most when opened,`, 512, mebibytes(disk.opened.most)),
        );
        return [row(format, "a file", disk), row(format, "memory", memory)];
      });
      return { rows, claims };
    }),
};

function same(claim: string, ...lines: readonly [Line, Line]): Claim {
  const [one, other] = lines.map(({ opened, ranked }) => JSON.stringify([opened.found, ranked.found]));
  return { claim, measured: one === other ? 1 : 0, met: one === other };
}

function row(format: string, place: string, { opened, ranked }: Line) {
  return {
    format,
    "examples in": place,
    "opened, s": opened.seconds.toFixed(1),
    "ranked, s": ranked.seconds.toFixed(1),
    "peak opened, MiB": mebibytes(opened.most),
    "peak ranked, MiB": mebibytes(ranked.most),
  };
}

function lineOf(argv: readonly (string | number)[]): Line {
  return { opened: figuresOf(["open", ...argv]), ranked: figuresOf(["rank", ...argv]) };
}

function figuresOf(argv: readonly (string | number)[]): Figures {
  const script = join(import.meta.dirname, "stored-data-run.ts");
  const out = execFileSync(process.execPath, ["--import", "tsx", script, ...argv.map(String)], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(out) as Figures;
}
