/**
 * @file Joins the built modules that the command is made of into a few files, since Node takes about a millisecond to find
 * and link each. The library stays as it is built, module by module; packages stay outside, in their own versions.
 * Usage: `node scripts/bundle-command.js [FOLDER]`, where FOLDER holds what tsc built (default: dist).
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { build } from "esbuild";

const dist = resolve(process.argv[2] ?? join(import.meta.dirname, "../dist"));
const bundled = join(dist, "bundled");

/** Threads are started by a URL beside the module that starts them, so their entries have to stand beside the command. */
function threadEntries() {
  const modules = readdirSync(dist, { recursive: true }).filter((path) => path.endsWith(".js"));
  return modules.flatMap((path) => {
    const module = join(dist, path);
    const started = readFileSync(module, "utf8").matchAll(
      /new URL\("\.\/([\w-]+)\.ts", import\.meta\.url\)/g,
    );
    // comments give examples of such lines
    return [...started]
      .map(([, name]) => join(dirname(module), `${name}.js`))
      .filter((entry) => existsSync(entry));
  });
}

const entries = threadEntries().map((entry) => [basename(entry, ".js"), entry]);
if (new Set(entries.map(([name]) => name)).size < entries.length)
  throw new Error(`two entries of threads have one name: ${entries.join("; ")}`);

await build({
  entryPoints: { main: join(dist, "cli/main.js"), ...Object.fromEntries(entries) },
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
