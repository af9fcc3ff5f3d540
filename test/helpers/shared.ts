/** @file Optional models and data in a folder `shared` beside the repository; tests that need them skip without it. */
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

/** The folder itself. */
export const sharedFolder = resolve(import.meta.dirname, "../../../shared");

/** A file that may be there. `reason` says why not, for the skip. */
export type SharedFile =
  | { readonly path: string; readonly reason?: undefined }
  | { readonly path?: undefined; readonly reason: string };

/**
 * A model of the shared folder.
 * @example
 * const lenet = sharedModel("lenet5-mnist");
 * test.skipIf(lenet.path === undefined)(`reads LeNet ${lenet.reason ?? ""}`, async () => { ... });
 */
export function sharedModel(name: string): SharedFile {
  return sharedFile("models", name.endsWith(".onnx") ? name : `${name}.onnx`);
}

/** A data file of the shared folder. */
export function sharedData(name: string): SharedFile {
  return sharedFile("data", name);
}

/** Names of all shared models, those of the zoo as "zoo/<name>"; empty without the folder. */
export function sharedModelNames(): string[] {
  const models = join(sharedFolder, "models");
  if (!existsSync(models)) return [];
  return readdirSync(models, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".onnx"))
    .map((file) => file.replaceAll("\\", "/").slice(0, -".onnx".length))
    .sort();
}

function sharedFile(...parts: string[]): SharedFile {
  const path = join(sharedFolder, ...parts);
  if (existsSync(path)) return { path };
  return { reason: `(skipped: no ${["..", "shared", ...parts].join("/")} beside the repository)` };
}
