/** @file onnxruntime-node is an optional dependency, loaded when first needed. */
import { createRequire } from "node:module";
import { PrunerError } from "../../base/problem.ts";

export type Ort = typeof import("onnxruntime-node");

let loading: Promise<Ort> | undefined;

/**
 * The runtime's module.
 * @throws {PrunerError} `engine-missing` when it is not installed or its binary does not load.
 */
export function loadOrt(): Promise<Ort> {
  loading ??= importOrt();
  return loading;
}

async function importOrt(): Promise<Ort> {
  try {
    const module = (await import("onnxruntime-node")) as Ort & { readonly default?: Ort };
    return module.default ?? module; // CommonJS: everything sits on the default export
  } catch (cause) {
    throw missing(cause);
  }
}

function missing(cause: unknown): PrunerError<"engine-missing"> {
  const detail = cause instanceof Error ? cause.message.split("\n")[0]! : String(cause);
  return new PrunerError("engine-missing", { detail }, { cause });
}

/**
 * Name and version of the runtime as results state them, read from its manifest: its binary need not be loaded.
 * @throws {PrunerError} `engine-missing` when it is not installed.
 */
export function runtimeVersion(): string {
  try {
    const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json") as {
      readonly version: string;
    };
    return `onnxruntime-node ${version}`;
  } catch (cause) {
    throw missing(cause);
  }
}

/**
 * Checks execution providers against what this build of the runtime can offer.
 * @throws {PrunerError} `provider-unavailable` for a name the build does not know.
 */
export function checkProviders(ort: Ort, providers: readonly string[]): void {
  const available = ort.listSupportedBackends().map((backend) => backend.name);
  const unknown = providers.find((provider) => !available.includes(provider));
  if (unknown !== undefined) throw new PrunerError("provider-unavailable", { provider: unknown, available });
}
