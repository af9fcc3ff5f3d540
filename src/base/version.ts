/** @file Name and version of the tool, as they stand in results and in the metadata of models. */
import { createRequire } from "node:module";

const manifest = createRequire(import.meta.url)("../../package.json") as {
  readonly name: string;
  readonly version: string;
};

export const tool = { name: manifest.name, version: manifest.version } as const;
