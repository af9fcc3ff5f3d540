/** @file A real browser for tests of pages, where one is installed; tests that need it skip without. */
import { existsSync } from "node:fs";
import type { Browser } from "playwright-core";

/** Places where Chromium and its kin are installed. */
const places = [
  process.env["CHROMIUM_PATH"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/** Path of a browser; undefined where none is installed. */
export const browserPath = places.find((place) => place !== undefined && existsSync(place));

/** Why tests skip. */
export const noBrowser =
  browserPath === undefined
    ? "(skipped: no Chromium found; install one, such as apt-get install chromium, or set CHROMIUM_PATH)"
    : "";

/** Starts the browser, without anything that talks to the network by itself. */
export async function startBrowser(): Promise<Browser> {
  const { chromium } = await import("playwright-core");
  return chromium.launch({
    executablePath: browserPath!,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
