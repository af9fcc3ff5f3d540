/** @file Holds a configuration against the schema of its command, and says in words where it differs. */
import { Ajv, type ErrorObject } from "ajv";
import { nearestNames } from "../base/nearest-names.ts";
import type { PrunerError } from "../base/problem.ts";
import { configInvalid } from "./config-complaint.ts";
import type { JsonObject, Schema } from "./config-form.ts";

/**
 * @param path Named in messages.
 * @throws {PrunerError} `config-invalid` with the place of the first difference.
 */
export function checkConfig(path: string, schema: Schema, config: JsonObject): void {
  const validate = new Ajv({ verbose: true, allowUnionTypes: true, strict: true }).compile(schema);
  if (!validate(config)) throw complaint(path, validate.errors!.at(-1)!);
}

function complaint(path: string, error: ErrorObject): PrunerError {
  const { keyword, params, parentSchema, data } = error;
  const field = fieldAt(error.instancePath);
  const schema = parentSchema as Schema;
  if (keyword === "additionalProperties") {
    const key = params["additionalProperty"] as string;
    const known = Object.keys(schema["properties"] as object);
    const at = field === "" ? key : `${field}.${key}`;
    return configInvalid(path, at, "a key that the command knows", (data as JsonObject)[key], {
      nearest: nearestNames(key, known),
    });
  }
  if (keyword === "required") {
    const key = params["missingProperty"] as string;
    return configInvalid(
      path,
      key,
      expectedBy((schema["properties"] as JsonObject)[key] as Schema),
      undefined,
    );
  }
  const choices = typeof data === "string" ? ((schema["enum"] ?? []) as readonly string[]) : [];
  return configInvalid(path, field, expectedBy(schema), data, {
    nearest: nearestNames(String(data), choices),
  });
}

/** A JSON pointer as people write it: "mean[1]", "keep-channels.c1". */
function fieldAt(pointer: string): string {
  const parts = pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  return parts
    .map((part, depth) => (/^\d+$/.test(part) ? `[${part}]` : `${depth === 0 ? "" : "."}${part}`))
    .join("");
}

/** What a schema asks for. */
function expectedBy(schema: Schema): string {
  if (schema["const"] !== undefined) return JSON.stringify(schema["const"]);
  if (schema["enum"] !== undefined) return `one of ${(schema["enum"] as readonly string[]).join(", ")}`;
  if (schema["anyOf"] !== undefined)
    return (schema["anyOf"] as readonly Schema[]).map(expectedBy).join(" or ");
  return [schema["type"]]
    .flat()
    .map((type) => typeInWords(type as string, schema))
    .join(" or ");
}

function typeInWords(type: string, { minimum, items, additionalProperties, pattern }: Schema): string {
  if (type === "integer") return minimum === undefined ? "a whole number" : `a whole number from ${minimum}`;
  if (type === "number") return "a number";
  if (type === "boolean") return "true or false";
  if (type === "array") return `a list, each of it ${expectedBy(items as Schema)}`;
  if (type === "object" && typeof additionalProperties === "object")
    return `an object, each value ${expectedBy(additionalProperties as Schema)}`;
  if (type === "object") return "an object";
  return pattern === undefined ? "text" : "text without commas";
}
