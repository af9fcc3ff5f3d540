/** @file What a JSON document has to look like, and the first place where it does not. */

/** Says what is wrong with a value and where; undefined for nothing. */
export type Shape = (value: unknown, at: string) => string | undefined;

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "a list" : typeof value;
}

function of(expected: string, fits: (value: unknown) => boolean): Shape {
  return (value, at) => (fits(value) ? undefined : `${at}: expected ${expected}, got ${kindOf(value)}`);
}

export const number: Shape = of("a number", Number.isFinite);
export const text: Shape = of("text", (value) => typeof value === "string");
export const flag: Shape = of("true or false", (value) => typeof value === "boolean");
export const anything: Shape = () => undefined;

/** A whole number from `least` on. */
export function count(least = 0): Shape {
  return of(
    `a whole number from ${least} on`,
    (value) => Number.isSafeInteger(value) && Number(value) >= least,
  );
}

/** One of these names. */
export function oneOf(names: readonly string[]): Shape {
  return of(`one of ${names.join(", ")}`, (value) => names.includes(value as string));
}

export function nullable(shape: Shape): Shape {
  return (value, at) => (value === null ? undefined : shape(value, at));
}

export function optional(shape: Shape): Shape {
  return (value, at) => (value === undefined ? undefined : shape(value, at));
}

export function listOf(shape: Shape): Shape {
  return (value, at) => {
    if (!Array.isArray(value)) return `${at}: expected a list, got ${kindOf(value)}`;
    return first(value.map((entry, k) => () => shape(entry, `${at}[${k}]`)));
  };
}

/** Two numbers. */
export const bounds: Shape = (value, at) =>
  listOf(number)(value, at) ??
  ((value as unknown[]).length === 2 ? undefined : `${at}: expected two numbers`);

/** Values of one shape under any names. */
export function mapOf(shape: Shape): Shape {
  return (value, at) =>
    isRecord(value)
      ? first(
          Object.entries(value).map(
            ([name, entry]) =>
              () =>
                shape(entry, `${at}.${name}`),
          ),
        )
      : `${at}: expected an object, got ${kindOf(value)}`;
}

/** Values of one shape by whole numbers, such as batch sizes. */
export function mapByNumber(shape: Shape): Shape {
  return (value, at) => {
    const found = mapOf(shape)(value, at);
    if (found !== undefined) return found;
    const odd = Object.keys(value as object).find((name) => !/^\d+$/.test(name));
    return odd === undefined
      ? undefined
      : `${at}: expected whole numbers as names, got ${JSON.stringify(odd)}`;
  };
}

/** Fields by name; others may stand beside them. */
export function fields(shapes: Readonly<Record<string, Shape>>): Shape {
  return (value, at) =>
    isRecord(value)
      ? first(
          Object.entries(shapes).map(
            ([name, shape]) =>
              () =>
                shape(
                  Object.hasOwn(value, name) ? value[name] : undefined,
                  at === "" ? name : `${at}.${name}`,
                ),
          ),
        )
      : `${at === "" ? "the document" : at}: expected an object, got ${kindOf(value)}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function first(checks: readonly (() => string | undefined)[]): string | undefined {
  for (const check of checks) {
    const found = check();
    if (found !== undefined) return found;
  }
  return undefined;
}
