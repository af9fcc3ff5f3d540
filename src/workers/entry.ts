/** @file Where a worker's module is found: as TypeScript when running from sources, as JavaScript when built. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import type { WorkerOptions } from "node:worker_threads";

const fromSources = import.meta.url.endsWith(".ts");

export interface Launch {
  readonly url: URL;
  readonly options: Pick<WorkerOptions, "execArgv">;
}

/**
 * How to start a thread on an entry that the caller names by its source, for example
 * `new URL("./session-worker.ts", import.meta.url)`; in the built package its `.js` sibling is used.
 */
export function launchOf(entry: URL): Launch {
  if (!entry.pathname.endsWith(".ts")) return { url: entry, options: {} };
  if (!fromSources) return { url: new URL(entry.href.replace(/\.ts$/, ".js")), options: {} };
  return { url: entry, options: { execArgv: ["--import", typescriptLoader()] } };
}

/**
 * A module that teaches a thread to load TypeScript. `--import tsx` alone does nothing outside the main thread on
 * Node 20, so the loader is registered by name, by its absolute place: the current folder does not matter.
 */
function typescriptLoader(): string {
  const api = pathToFileURL(createRequire(import.meta.url).resolve("tsx/esm/api")).href.replace(
    /\.cjs$/,
    ".mjs",
  );
  const source = `import { register } from ${JSON.stringify(api)}; register();`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
