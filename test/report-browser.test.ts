/** @file Reports in a real browser: drawn, readable on wide and narrow screens, light, dark and printed, and self-contained. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browserPath, noBrowser, startBrowser } from "./helpers/browser.ts";
import { command, temporaryFolder } from "./helpers/command.ts";
import { comparison } from "./helpers/compare-record.ts";
import { oracleRecord } from "./helpers/oracle-record.ts";

const folder = temporaryFolder();
const assets = join(import.meta.dirname, "../assets");
const lenet = join(assets, "lenet5-mnist.onnx");
const digits = [
  "--data",
  join(assets, "mnist-rank-images.idx3-ubyte.gz"),
  "--pixel-scale",
  255,
  "--limit",
  300,
];
const page = (name: string) => folder.file(`${name}.html`);

/** Pixels between the margins of A4. */
const paperWidth = 673;

/** What a page shows, found out inside the browser. */
interface Seen {
  readonly figures: readonly Figure[];
  /** Widest thing on the page, in pixels. */
  readonly width: number;
  /** Text that hardly stands out, or is cut off at an edge of the screen. */
  readonly faint: readonly string[];
  readonly cutOff: readonly string[];
  /** Text of charts on other text, or outside of its drawing. */
  readonly covered: readonly string[];
  readonly outside: readonly string[];
  /** Drawings that assistive technology knows no name of. */
  readonly nameless: number;
  /** Headings that skip a level. */
  readonly skipping: readonly string[];
  readonly background: string;
}

interface Figure {
  readonly title: string;
  /** One of many side by side. */
  readonly isSmall: boolean;
  /** Widths and heights of its drawings that are visible. */
  readonly drawings: readonly (readonly [width: number, height: number])[];
  /** Marks inside that have a size. */
  readonly marks: number;
}

/** Runs inside the page, where there is a DOM; here there is none, so it is text. */
const look = `(() => {
  const box = (element) => element.getBoundingClientRect();
  const isVisible = (element) => element.checkVisibility() && box(element).width > 0;
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b]
    .map((part) => part / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, k) => sum + part * [0.2126, 0.7152, 0.0722][k], 0);
  const backgroundOf = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const [r, g, b, alpha = 1] = parts(getComputedStyle(at).backgroundColor);
      if (alpha > 0) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const texts = [...document.querySelectorAll("body *")].filter((element) =>
    isVisible(element) && element.tagName !== "title" && element.tagName !== "style" &&
    [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ""));
  const inkOf = (element) => {
    const style = getComputedStyle(element);
    return parts(element.closest("svg") === null ? style.color : style.fill);
  };
  const drawings = [...document.querySelectorAll('svg[role="img"]')].filter(isVisible);
  const labelsOf = (drawing) => [...drawing.querySelectorAll("text")].flatMap((text) =>
    text.querySelector("tspan") === null ? [text] : [...text.querySelectorAll("tspan")])
    .filter((text) => text.textContent.trim() !== "" && isVisible(text));
  const overlap = (a, b) => Math.min(
    Math.min(a.right, b.right) - Math.max(a.left, b.left),
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
  const slack = 3.5; // boxes of text are higher than its letters
  const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")];
  const level = (heading) => Number(heading.tagName[1]);
  const name = (element) => element.tagName + ": " + element.textContent.trim().slice(0, 60);
  return {
    figures: [...document.querySelectorAll("figure")].map((figure) => {
      const drawings = [...figure.querySelectorAll('svg[role="img"]')].filter(isVisible);
      return {
        title: figure.querySelector(".chart-title").textContent,
        isSmall: figure.closest(".small") !== null,
        drawings: drawings.map((drawing) => [box(drawing).width, box(drawing).height]),
        marks: drawings.flatMap((drawing) => [...drawing.querySelectorAll(
          ':is(rect, circle, path, line, text)')]).filter((mark) => box(mark).width + box(mark).height > 0).length,
      };
    }),
    width: document.documentElement.scrollWidth,
    faint: texts.filter((element) => contrast(inkOf(element), backgroundOf(element)) < 4.5).map(name),
    cutOff: texts.filter((element) => element.closest(".scroll") === null &&
      (box(element).left < -0.5 || box(element).right > innerWidth + 0.5)).map(name),
    covered: drawings.flatMap((drawing) => {
      const labels = labelsOf(drawing).map((text) => [text.textContent, box(text)]);
      return labels.flatMap(([one, a], k) => labels.slice(0, k)
        .filter(([, b]) => overlap(a, b) > slack)
        .map(([other]) => drawing.getAttribute("aria-label") + ": " + one + " on " + other));
    }),
    outside: drawings.flatMap((drawing) => labelsOf(drawing)
      .filter((text) => box(text).left < box(drawing).left - slack || box(text).right > box(drawing).right + slack ||
        box(text).top < box(drawing).top - slack || box(text).bottom > box(drawing).bottom + slack)
      .map((text) => drawing.getAttribute("aria-label") + ": " + text.textContent)),
    nameless: [...document.querySelectorAll("svg")].filter((drawing) =>
      drawing.getAttribute("aria-hidden") !== "true" && !(drawing.getAttribute("role") === "img" && drawing.getAttribute("aria-label"))).length,
    skipping: headings.filter((heading, k) => level(heading) > (k === 0 ? 0 : level(headings[k - 1])) + 1).map(name),
    background: getComputedStyle(document.body).backgroundColor,
  };
})()`;

describe.skipIf(browserPath === undefined)(`reports in a browser ${noBrowser}`, () => {
  let browser: Browser;

  beforeAll(async () => {
    const prune = ["prune", lenet, ...digits, "--target-macs", "50%", "--budget", "2k", "--steps", 2];
    const runs = [
      [...prune, "--finetune", 2, "--out", folder.file("p.onnx"), "--report", page("prune")],
      ["rank", lenet, ...digits, "--budget", "2k", "--report", page("rank")],
      [
        "finetune",
        lenet,
        ...digits,
        "--epochs",
        3,
        "--out",
        folder.file("f.onnx"),
        "--report",
        page("finetune"),
      ],
      ["evaluate", lenet, ...digits, "--report", page("evaluate")],
      ["oracle", lenet, ...digits, "--group", "c1", "--limit", 40, "--report", page("oracle")],
      ["report", saved("beam", oracleRecord(60, "beam")), "--out", page("beam")],
      ["report", saved("bounded", oracleRecord(30, "branch-and-bound")), "--out", page("bounded")],
      ["report", saved("few", comparison({ methods: 7, groups: 3 })), "--out", page("few")],
      ["report", saved("many", comparison({ methods: 25, groups: 27 })), "--out", page("many")],
      [
        "report",
        ...["prune", "rank", "finetune", "oracle", "few"].map((name) => folder.file(`${name}.json`)),
        "--out",
        page("several"),
      ],
    ];
    for (const argv of runs) await quietly(argv);
    await quietly(["report", demo(), "--out", page("demo")]);
    browser = await startBrowser();
  });

  const saved = (name: string, document: object) => folder.write(`${name}.json`, JSON.stringify(document));

  async function quietly(argv: readonly (string | number)[]): Promise<void> {
    const { code, err } = await command([...argv, "--quiet"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
  }

  /** A document as demo writes it, of a removal that was made for another page. */
  function demo(): string {
    const pruned = JSON.parse(readFileSync(folder.file("prune.json"), "utf8")) as object;
    const contenders = ["Shapley values", "L1 norm of weights"].map((name) => ({
      ...pruned,
      name,
      target: "half",
    }));
    return saved("demo-document", { schemaVersion: 1, contenders });
  }
  afterAll(() => browser?.close());

  const views = [
    { width: 1400, colorScheme: "light" },
    { width: 1400, colorScheme: "dark" },
    { width: 400, colorScheme: "light" },
    { width: 400, colorScheme: "dark" },
  ] as const;

  describe.each(views)("$width pixels, $colorScheme", ({ width, colorScheme }) => {
    test.each([
      ["prune", 12],
      ["rank", 5],
      ["finetune", 3],
      ["evaluate", 0],
      ["oracle", 5],
      ["beam", 2],
      ["bounded", 2],
      ["few", 14],
      ["many", 18],
      ["demo", 13],
      ["several", 40],
    ] as const)("%s: %i charts, all there and readable", async (name, charts) => {
      const { opened, troubles } = await open(browser, name, width, colorScheme);
      const seen = (await opened.evaluate(look)) as Seen;
      expect(troubles).toEqual([]);
      expect(seen.figures).toHaveLength(charts);
      for (const { title, isSmall, drawings, marks } of seen.figures) {
        expect(drawings, title).toHaveLength(1);
        expect(drawings[0]![0], title).toBeGreaterThan(isSmall ? 280 : 0.8 * Math.min(width, 800) - 40);
        expect(drawings[0]![1], title).toBeGreaterThan(60);
        expect(marks, title).toBeGreaterThan(8);
      }
      expect(seen.width).toBeLessThanOrEqual(width);
      expect(seen.cutOff).toEqual([]);
      expect(seen.faint).toEqual([]);
      expect(seen.covered).toEqual([]);
      expect(seen.outside).toEqual([]);
      expect(seen.nameless).toBe(0);
      expect(seen.skipping).toEqual([]);
      const [red] = seen.background.match(/\d+/)!;
      if (colorScheme === "dark") expect(Number(red)).toBeLessThan(60);
      else expect(Number(red)).toBeGreaterThan(240);
      await opened.close();
    });
  });

  test("values show on pointing at marks, figures on opening the table below", async () => {
    const { opened } = await open(browser, "prune", 1280, "light");
    const figure = opened.locator("figure", { hasText: "c1: scores of" });
    const told = await figure.locator(".wide rect > title").allTextContents();
    expect(told).toHaveLength(10);
    expect(told[0]).toMatch(/^channel \d+: -?[\d.e-]+ \(95%: /);
    expect(await figure.locator("table").isVisible()).toBe(false);
    await figure.locator("summary").click();
    expect(await figure.locator("tbody tr").count()).toBe(10);
    expect(await figure.locator("table").isVisible()).toBe(true);
    await opened.close();
  });

  test("the contents lead to every part", async () => {
    const { opened } = await open(browser, "several", 1280, "light");
    for (const link of await opened.locator("nav a").all()) {
      await link.click();
      const id = (await link.getAttribute("href"))!.slice(1);
      expect(await opened.locator(`[id="${id}"]`).isVisible()).toBe(true);
    }
    await opened.close();
  });

  test.each(["prune", "many"])("paper is white, whatever the screen, and holds all of %s", async (name) => {
    const { opened, troubles } = await open(browser, name, paperWidth, "dark");
    await opened.emulateMedia({ media: "print", colorScheme: "dark" });
    const seen = (await opened.evaluate(look)) as Seen;
    expect(seen.background).toBe("rgb(255, 255, 255)");
    expect(seen.faint).toEqual([]);
    expect(seen.covered).toEqual([]);
    expect(seen.width).toBeLessThanOrEqual(paperWidth);
    expect(seen.figures.every(({ drawings }) => drawings.length === 1)).toBe(true);
    expect(await opened.locator("details").first().isVisible()).toBe(false);
    expect((await opened.pdf({ format: "A4" })).length).toBeGreaterThan(10_000);
    expect(troubles).toEqual([]);
    await opened.close();
  });
});

/** Opens a report and notes everything that should not happen. */
async function open(
  browser: Browser,
  name: string,
  width: number,
  colorScheme: "light" | "dark",
): Promise<{ readonly opened: Page; readonly troubles: readonly string[] }> {
  const address = pathToFileURL(page(name)).href;
  const troubles: string[] = [];
  const opened = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  opened.on("console", (message) => troubles.push(`console: ${message.text()}`));
  opened.on("pageerror", (error) => troubles.push(`error: ${error.message}`));
  opened.on("request", (request) => {
    if (request.url() !== address) troubles.push(`request: ${request.url()}`);
  });
  await opened.goto(address);
  return { opened, troubles };
}
