/** @file The schema of configuration files, for editors: one document over all commands. */
import { schemaOf } from "./config-fields.ts";
import type { Schema } from "./config-form.ts";
import { commandsWithConfig } from "./program.ts";

/** JSON Schema, draft 7, of every file that --config takes. */
export function configSchema(): Schema {
  const io = { out: () => {}, err: () => {}, isTerminal: false, signal: new AbortController().signal };
  const commands = commandsWithConfig(io).map((command) => [command.name(), schemaOf(command)] as const);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "A run of shapley-pruner",
    description: "What --config takes and --save-config writes; see docs/configuration.md",
    type: "object",
    required: ["command"],
    properties: { command: { enum: commands.map(([name]) => name) } },
    allOf: commands.map(([name]) => ({
      if: { properties: { command: { const: name } }, required: ["command"] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema; nothing here is awaited.
      then: { $ref: `#/definitions/${name}` },
    })),
    definitions: Object.fromEntries(commands),
  };
}

/** The document as it stands in the file. */
export function schemaText(schema: Schema): string {
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}
