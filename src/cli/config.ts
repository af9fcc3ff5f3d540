/** @file --config and --save-config: a run told by a file, and written to one. */
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { type Command, InvalidArgumentError, type Option } from "commander";
import { readBytes, writeAtomically } from "../base/atomic-file.ts";
import { isProblem, PrunerError } from "../base/problem.ts";
import { checkOutputs } from "../pipeline/check-outputs.ts";
import { configInvalid } from "./config-complaint.ts";
import { type Field, fieldsOf, keyOf, schemaOf } from "./config-fields.ts";
import { inputPath, type Json, type JsonObject, outputPath } from "./config-form.ts";

/** Where an installed package has the schema, as seen from the folder it is installed in. */
const installedSchema = "./node_modules/shapley-pruner/schema/config.schema.json";

/** Flags that belong to one run and not to its repetition. */
const ofOneRun = new Set(["resume"]);

/** What a run was told, by key: texts as the flag takes them, or whether a flag without a value stands. */
type Told = Map<string, readonly string[] | boolean>;

interface ConfigOptions {
  readonly config?: string;
  readonly saveConfig?: string;
  readonly dryRun?: boolean;
}

/**
 * Lets a command take its argument and options from a file as well. Whatever the command line says goes before the file,
 * and the parsers of the flags read both.
 */
export function configurable(command: Command): Command {
  const told: Told = new Map();
  for (const option of command.options)
    command.on(`option:${option.name()}`, (text?: string) => {
      const before = told.get(keyOf(option));
      const texts = Array.isArray(before) ? (before as readonly string[]) : [];
      told.set(keyOf(option), typeof text === "string" ? [...texts, text] : !option.negate);
    });
  const required = command.options.filter(({ mandatory }) => mandatory);
  for (const option of required) option.mandatory = false; // checked once the file has been read
  for (const argument of command.registeredArguments) argument.required = false;
  return command
    .option("--config <file>", "take what the command line leaves out from this JSON file", inputPath)
    .option("--save-config <file>", "write what this run was told as such a file", outputPath)
    .hook("preAction", async () => {
      const { config, saveConfig, dryRun } = command.opts<ConfigOptions>();
      const fields = fieldsOf(command);
      const read = config === undefined ? undefined : await readConfig(config, command);
      if (read !== undefined) adopt(config!, read, { command, fields, told });
      checkComplete(command, required);
      const run = { command, fields, told };
      if (saveConfig !== undefined) await checkPlace(saveConfig, config, run);
      if (dryRun === true) return; // which writes nothing, and tells what would be written
      if (saveConfig !== undefined) await save(saveConfig, run);
      for (const name of ["config", "saveConfig"])
        command.setOptionValueWithSource(name, undefined, "config"); // no part of what is recorded of a run
    });
}

/**
 * Reads a configuration and checks it against the schema of a command.
 * @throws {PrunerError} `config-invalid`, `file-not-found`, `file-unreadable`.
 */
export async function readConfig(path: string, command: Command): Promise<JsonObject> {
  const config = await readObject(path);
  const { checkConfig } = await import("./config-check.ts");
  const meant = config["command"];
  if (typeof meant === "string" && meant !== command.name())
    throw configInvalid(path, "command", `"${command.name()}", the command it is used with`, meant);
  checkConfig(path, schemaOf(command), config);
  return config;
}

/** @throws {PrunerError} `config-invalid` for anything but a JSON object. */
export async function readObject(path: string): Promise<JsonObject> {
  const text = new TextDecoder().decode(await readBytes(path));
  let config: Json;
  try {
    config = JSON.parse(text) as Json;
  } catch (cause) {
    const { message } = cause as SyntaxError;
    throw configInvalid(path, "", `JSON (${message.replaceAll(/\s+/g, " ")})`, text.slice(0, 20), { cause });
  }
  if (typeof config !== "object" || config === null || Array.isArray(config))
    throw configInvalid(path, "", "an object", config);
  return config as JsonObject;
}

interface Run {
  readonly command: Command;
  readonly fields: ReadonlyMap<string, Field>;
  readonly told: Told;
}

/** Gives the command what the file says and the command line does not. */
function adopt(path: string, config: JsonObject, { command, fields, told }: Run): void {
  for (const [key, value] of Object.entries(config)) {
    const field = fields.get(key);
    if (field === undefined || isTold(command, field)) continue;
    const { form, attribute, positive, negative } = field;
    if (typeof value === "boolean") {
      const isStated = value ? positive !== undefined : negative !== undefined;
      if (!isStated) continue; // as if left out: "latency": true, "resume": false
      command.setOptionValueWithSource(attribute!, value, "config");
      told.set(key, value);
      continue;
    }
    const isPath = form!.path !== undefined;
    const texts = isPath ? [besideFile(path, value as string)] : form!.toTexts(value);
    told.set(key, isPath && !isAbsolute(value as string) ? [relative("", texts[0]!)] : texts); // saved as relative again
    if (attribute === undefined) command.processedArgs[0] = texts[0];
    else
      command.setOptionValueWithSource(attribute, parsed(path, key, value, texts, command, field), "config");
  }
}

function isTold(command: Command, { attribute }: Field): boolean {
  if (attribute === undefined) return command.processedArgs[0] !== undefined;
  return command.getOptionValueSource(attribute) === "cli";
}

/** What the flag's own parser makes of it. */
function parsed(
  path: string,
  key: string,
  value: Json,
  texts: readonly string[],
  command: Command,
  { attribute, positive }: Field,
): unknown {
  const parse = positive!.parseArg;
  if (parse === undefined) return texts.at(-1);
  try {
    return texts.reduce<unknown>((before, text) => parse(text, before), command.getOptionValue(attribute!));
  } catch (error) {
    const expected = expectation(error);
    if (expected === undefined) throw error;
    throw configInvalid(path, key, expected, value, { cause: error });
  }
}

/** What a parser would rather have been given, if that is what it complains of. */
function expectation(error: unknown): string | undefined {
  if (error instanceof InvalidArgumentError) return error.message.replace(/^Expected (.*)\.$/, "$1");
  return isProblem(error, "invalid-option") ? error.data.expected : undefined;
}

/** A path of the file, seen from the folder the program runs in. */
function besideFile(file: string, path: string): string {
  return isAbsolute(path) ? path : join(dirname(file), path);
}

/** @throws {PrunerError} `usage` for what neither the command line nor the file states. */
function checkComplete(command: Command, required: readonly Option[]): void {
  const refuse = (flag: string, key: string, description: string): never => {
    throw new PrunerError("usage", {
      detail: `${command.name()} needs ${flag}: ${description}. Give it on the command line, or as "${key}" in a --config file.`,
    });
  };
  const [subject] = command.registeredArguments;
  if (command.processedArgs[0] === undefined)
    refuse(`a ${subject!.name()}`, subject!.name(), subject!.description);
  for (const option of required)
    if (command.getOptionValue(option.attributeName()) === undefined)
      refuse(`${option.long}`, keyOf(option), option.description);
}

/** @throws {PrunerError} `usage` where the file would replace one that the run reads or writes; `file-unwritable`. */
async function checkPlace(
  file: string,
  origin: string | undefined,
  { command, fields, told }: Run,
): Promise<void> {
  const subject = command.processedArgs[0] as string;
  await checkOutputs({ "save-config": file }, [origin, subject, ...pathsOf(fields, told)]);
}

/** Writes what the run was told and would not do anyway. @throws {PrunerError} `file-unwritable`. */
async function save(file: string, { command, fields, told }: Run): Promise<void> {
  const [subject] = command.registeredArguments;
  if (!told.has(subject!.name())) told.set(subject!.name(), [command.processedArgs[0] as string]);
  const entries = [...fields.values()].flatMap((field): [string, Json][] => {
    const value = told.get(field.key);
    if (value === undefined || ofOneRun.has(field.key) || isDefault(command, field)) return [];
    return [[field.key, typeof value === "boolean" ? value : inFile(file, field, value)]];
  });
  const config = { $schema: installedSchema, command: command.name(), ...Object.fromEntries(entries) };
  await writeAtomically(file, `${JSON.stringify(config, undefined, 2)}\n`);
}

function isDefault(command: Command, { attribute, positive }: Field): boolean {
  return attribute !== undefined && command.getOptionValue(attribute) === positive?.defaultValue;
}

function inFile(file: string, { form }: Field, texts: readonly string[]): Json {
  if (form!.path === undefined) return form!.fromTexts(texts);
  const path = texts.at(-1)!;
  if (isAbsolute(path)) return path;
  return relative(dirname(resolve(file)), resolve(path)).replaceAll(sep, "/");
}

/** Files and folders that the run reads or writes. */
function pathsOf(fields: ReadonlyMap<string, Field>, told: Told): string[] {
  return [...fields.values()].flatMap(({ key, form }) => {
    const texts = told.get(key);
    return form?.path === undefined || !Array.isArray(texts) ? [] : (texts as string[]).slice(-1);
  });
}
