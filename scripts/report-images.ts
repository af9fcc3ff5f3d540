/**
 * @file The pictures of reports in the docs: `npm run report-images` makes the reports anew from what is in the package and
 * takes them with an installed Chromium; `npm run report-images -- FOLDER` takes prune.json, oracle.json and
 * compare.json from a folder, which saves the minutes they take.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import sharp from "sharp";
import { run } from "../src/cli/run.ts";
import { browserPath, noBrowser, startBrowser } from "../test/helpers/browser.ts";

const root = join(import.meta.dirname, "..");
const asset = (name: string) => join(root, "assets", name);
const digits = ["--data", asset("mnist-rank-images.idx3-ubyte.gz"), "--pixel-scale", "255"];
const others = ["--test-data", asset("mnist-test-images.idx3-ubyte.gz")];
const network = asset("lenet5-mnist.onnx");

/** A picture: the top of a page in light colours, and beside it, dark, what follows a heading. */
interface Picture {
  readonly name: string;
  readonly image: string;
  readonly heading: string;
  /** Pixels. */
  readonly height: number;
  /** The command line that makes the data, given a folder for what else it writes. */
  readonly command: (folder: string) => readonly string[];
}

const pictures: readonly Picture[] = [
  {
    name: "prune",
    image: "report.png",
    heading: "kept",
    height: 1800,
    command: (folder) => [
      ...["prune", network, ...digits, ...others, "--target-macs", "50%", "--steps", "3"],
      ...["--out", join(folder, "small.onnx")],
    ],
  },
  {
    name: "oracle",
    image: "report-oracle.png",
    heading: "values",
    height: 1430,
    command: () => ["oracle", network, ...digits, "--group", "c3", "--limit", "200"],
  },
  {
    name: "compare",
    image: "report-compare.png",
    heading: "network",
    height: 1500,
    command: () => ["compare", network, ...digits, ...others, "--seeds", "3", "--only", "c1,c3,f6"],
  },
];

/** Pixels across each half. */
const halfWidth = 700;

await main(process.argv[2]);

async function main(ready: string | undefined): Promise<void> {
  if (browserPath === undefined) throw new Error(noBrowser);
  const folder = await mkdtemp(join(tmpdir(), "report-images-"));
  const browser = await startBrowser();
  try {
    for (const picture of pictures) {
      const page = await pageOf(picture, folder, ready);
      await take(browser, page, picture);
    }
  } finally {
    await browser.close();
    await rm(folder, { recursive: true });
  }
}

/** Writes the page of a report, from data that are there or from a run of the command. */
async function pageOf(
  { name, command }: Picture,
  folder: string,
  ready: string | undefined,
): Promise<string> {
  const page = join(folder, `${name}.html`);
  await line(
    ready === undefined
      ? [...command(folder), "--report", page, "--quiet"]
      : ["report", join(ready, `${name}.json`), "--out", page],
  );
  return page;
}

async function line(argv: readonly string[]): Promise<void> {
  const { signal } = new AbortController();
  const code = await run(argv, { out: console.log, err: console.error, isTerminal: false, signal });
  if (code !== 0) throw new Error(`${argv.join(" ")}: exit code ${code}`);
}

async function take(browser: Browser, page: string, { image, heading, height }: Picture): Promise<void> {
  const left = await half(browser, page, "light", undefined, height);
  const right = await half(browser, page, "dark", heading, height);
  const path = join(root, "docs/images", image);
  const { size } = await sharp({
    create: { width: 2 * halfWidth, height, channels: 3, background: "#ffffff" },
  })
    .composite([
      { input: left, left: 0, top: 0 },
      { input: right, left: halfWidth, top: 0 },
    ])
    .png({ palette: true, colours: 64, dither: 0, compressionLevel: 9, effort: 10 })
    .toFile(path);
  console.log(`${path}: ${Math.round(size / 1000)} kB`);
}

/** A part of the page as it is seen; from the top, or from a heading on. */
async function half(
  browser: Browser,
  path: string,
  colorScheme: "light" | "dark",
  heading: string | undefined,
  height: number,
): Promise<Buffer> {
  const page = await browser.newPage({ viewport: { width: halfWidth, height }, colorScheme });
  await page.goto(pathToFileURL(path).href);
  const box = heading === undefined ? null : await page.locator(`#${heading}`).boundingBox();
  const full = (await page.evaluate("document.documentElement.scrollHeight")) as number;
  const y = Math.max(0, Math.min(box?.y ?? 0, full - height));
  const taken = await page.screenshot({ fullPage: true, clip: { x: 0, y, width: halfWidth, height } });
  await page.close();
  return taken;
}
