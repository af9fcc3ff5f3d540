/** @file The fields of a command's configuration, read off the definitions of its options. */
import type { Argument, Command, Option } from "commander";
import { type Form, formOf, type Json, type Schema, text } from "./config-form.ts";

/** Options about configurations, which no configuration speaks of. */
const aboutConfigurations = new Set(["config", "save-config", "dry-run"]);

/** A key of the file: an option, a pair such as --repair and --no-repair, or the positional argument. */
export interface Field {
  readonly key: string;
  readonly description: string;
  readonly schema: Schema;
  /** How the value stands in the file; undefined for flags without a value. */
  readonly form: Form | undefined;
  /** Name under which the command line knows the value; undefined for the positional argument. */
  readonly attribute: string | undefined;
  readonly positive: Option | undefined;
  readonly negative: Option | undefined;
}

/** The fields of a command by key: the positional argument first, then the options as they are defined. */
export function fieldsOf(command: Command): ReadonlyMap<string, Field> {
  const [subject] = command.registeredArguments;
  const fields = subject === undefined ? [] : [argumentField(subject)];
  const byKey = new Map<string, Option[]>();
  for (const option of command.options) {
    const key = keyOf(option);
    if (!aboutConfigurations.has(key)) byKey.set(key, [...(byKey.get(key) ?? []), option]);
  }
  for (const [key, options] of byKey) fields.push(optionField(key, options));
  return new Map(fields.map((field) => [field.key, field]));
}

/** The name of an option as it is written, without dashes and without "no-". */
export function keyOf(option: Option): string {
  return option.name().slice(option.negate ? "no-".length : 0);
}

function argumentField(argument: Argument): Field {
  const form = formOf(argument.parseArg);
  const { description } = argument;
  return {
    key: argument.name(),
    description,
    schema: { description, ...form.schema },
    form,
    attribute: undefined,
    positive: undefined,
    negative: undefined,
  };
}

function optionField(key: string, options: readonly Option[]): Field {
  const positive = options.find((option) => !option.negate);
  const negative = options.find((option) => option.negate);
  const { defaultValue, argChoices } = positive ?? negative!;
  const description = [positive?.description, negative && `false: ${negative.description}`]
    .filter((part) => part !== undefined)
    .join("; ");
  const form = positive === undefined || positive.isBoolean() ? undefined : formOf(positive.parseArg);
  const value: Schema =
    form === undefined
      ? { type: "boolean" }
      : argChoices === undefined
        ? form.schema
        : { ...text.schema, enum: argChoices };
  return {
    key,
    description,
    schema: {
      description,
      ...(form !== undefined && negative !== undefined ? { anyOf: [value, { const: false }] } : value),
      ...(defaultValue !== undefined && { default: defaultInFile(form, defaultValue) }),
    },
    form,
    attribute: (positive ?? negative!).attributeName(),
    positive,
    negative,
  };
}

/** A default as a file would state it; parsed defaults are all numbers and words. */
function defaultInFile(form: Form | undefined, value: unknown): Json {
  return form === undefined ? (value as boolean) : form.fromTexts([String(value)]);
}

/** The schema of a command's configuration. */
export function schemaOf(command: Command): Schema {
  const properties = [...fieldsOf(command).values()].map(({ key, schema }) => [key, schema] as const);
  return {
    type: "object",
    description: command.description(),
    properties: {
      $schema: { type: "string", description: "where editors find the schema of this file" },
      command: { const: command.name(), description: "what the file describes a run of" },
      ...Object.fromEntries(properties),
    },
    required: ["command"],
    additionalProperties: false,
  };
}
