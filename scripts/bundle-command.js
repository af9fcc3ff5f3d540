/**
 * @file Joins the built modules that the command is made of into a few files, since Node takes about a millisecond to find
 * and link each. The library stays as it is built, module by module; packages stay outside, in their own versions.
 * Usage: `node scripts/bundle-command.js [FOLDER]`, where FOLDER holds what tsc built (default: dist).
 */
import { renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";

const dist = resolve(process.argv[2] ?? join(import.meta.dirname, "../dist"));
const bundled = join(dist, "bundled");

await build({
  // Threads are started by a URL beside the module that starts them, so their entries stand beside the command.
  entryPoints: {
    main: join(dist, "cli/main.js"),
    worker: join(dist, "valuation/worker.js"),
    "session-worker": join(dist, "engine/ort/session-worker.js"),
  },
  bundle: true,
  splitting: true,
  packages: "external",
  format: "esm",
  platform: "node",
  target: "node20",
  outdir: bundled,
  logLevel: "warning",
});
rmSync(join(dist, "cli"), { recursive: true });
renameSync(bundled, join(dist, "cli")); // as deep as before, for paths to package.json and assets/
