/** @file How the value of an option stands in a configuration file: its JSON Schema, and the way there and back. */

export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Keywords of JSON Schema, draft 7. */
export type Schema = JsonObject;

export interface Form {
  readonly schema: Schema;
  /** What the flag would be given for a value that fits the schema: one text for each time it is repeated. */
  readonly toTexts: (value: Json) => readonly string[];
  /** From what the flag was given, at least once, to the file. */
  readonly fromTexts: (texts: readonly string[]) => Json;
  /** Set where the text is a path: whether the run reads or writes what is there. */
  readonly path?: "read" | "write";
}

/** Marks the parser of an option with the form of its values. */
export function formed<P extends object>(form: Form, parse: P): P & { readonly form: Form } {
  return Object.assign(parse, { form });
}

/** The form that a parser is marked with; plain text for the others. */
export function formOf(parse: unknown): Form {
  return (parse as { readonly form?: Form } | undefined)?.form ?? text;
}

const lastOf = (texts: readonly string[]): string => texts.at(-1)!; // of an option given twice the last one counts
const single = (value: Json): string[] => [String(value)];

/** A number where the text is exactly how it would be written, the text otherwise ("100k", "50%"). */
const numberOrText = (text: string): number | string => (String(Number(text)) === text ? Number(text) : text);

export const text: Form = { schema: { type: "string", minLength: 1 }, toTexts: single, fromTexts: lastOf };

export const number: Form = {
  schema: { type: "number" },
  toTexts: single,
  fromTexts: (texts) => Number(lastOf(texts)),
};

export const integerFrom = (minimum: number): Form => ({ ...number, schema: { type: "integer", minimum } });

/** Amounts that people write with a unit or as a share. */
export const amount: Form = {
  schema: { type: ["number", "string"] },
  toTexts: single,
  fromTexts: (texts) => numberOrText(lastOf(texts)),
};

const listSchema = (items: Schema): Schema => ({ type: "array", items, minItems: 1 });

/** Numbers that the flag takes with commas between. */
export const numbers = (items: Schema): Form => ({
  schema: listSchema(items),
  toTexts: (value) => [(value as readonly number[]).join(",")],
  fromTexts: (texts) =>
    lastOf(texts)
      .split(items["type"] === "integer" ? /[-,]/ : ",")
      .map(Number),
});

/** Amounts that the flag takes with commas between. */
export const amounts: Form = {
  schema: listSchema(amount.schema),
  toTexts: (value) => [(value as readonly (number | string)[]).join(",")],
  fromTexts: (texts) => lastOf(texts).split(",").map(numberOrText),
};

/** Names that the flag takes with commas between, or one at a time. */
export const names: Form = {
  schema: listSchema({ type: "string", pattern: "^[^,]+$" }),
  toTexts: (value) => value as readonly string[],
  fromTexts: (texts) => texts.flatMap((one) => one.split(",").filter((name) => name !== "")),
};

/** Counts by name, which the flag takes as name=count with commas between. */
export const counts = (parse: (text: string) => ReadonlyMap<string, number>): Form => ({
  schema: { type: "object", additionalProperties: { type: "integer", minimum: 0 }, minProperties: 1 },
  toTexts: (value) => [
    Object.entries(value as JsonObject)
      .map(([name, count]) => `${name}=${count}`)
      .join(","),
  ],
  fromTexts: (texts) => Object.fromEntries(parse(lastOf(texts))),
});

/** Sizes by input, which the flag takes as name:sizes, one input at a time. */
export const shapes: Form = {
  schema: {
    type: "object",
    additionalProperties: listSchema({ type: ["integer", "string"], minimum: 0, minLength: 1 }),
    minProperties: 1,
  },
  toTexts: (value) =>
    Object.entries(value as JsonObject).map(([name, sizes]) => `${name}:${(sizes as Json[]).join(",")}`),
  fromTexts: (texts) =>
    Object.fromEntries(
      texts.map((one) => {
        const colon = one.lastIndexOf(":");
        return [
          one.slice(0, colon),
          one
            .slice(colon + 1)
            .split(",")
            .map(numberOrText),
        ];
      }),
    ),
};

/** A file or folder the run reads. */
export const inputPath = formed({ ...text, path: "read" }, (path: string): string => path);

/** A file or folder the run writes. */
export const outputPath = formed({ ...text, path: "write" }, (path: string): string => path);
