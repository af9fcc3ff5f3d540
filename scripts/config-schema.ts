/** @file Writes schema/config.schema.json from the options of the commands. Usage: `npm run schema`. */
import { join } from "node:path";
import { writeAtomically } from "../src/base/atomic-file.ts";
import { configSchema, schemaText } from "../src/cli/config-schema.ts";

const path = join(import.meta.dirname, "../schema/config.schema.json");
await writeAtomically(path, schemaText(configSchema()));
console.log(`${path}: written.`);
