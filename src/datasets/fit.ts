/** @file Binds data to a model's inputs: name, element type, order of channels, and axes of size one. */
import { PrunerError } from "../base/problem.ts";
import type { Dim, ValueInfo } from "../graph/model.ts";
import { type DType, isFloat } from "../tensor/dtype.ts";
import { sizeOf, toNumbers } from "../tensor/tensor.ts";
import { type Dataset, datasetOf, unnamed } from "./dataset.ts";
import type { ExampleSource, Feed } from "./source.ts";
import { piecesOf } from "./stored-array.ts";

/**
 * Binds all arrays of a data set to the inputs of a model. One array and one input belong together whatever they are
 * called; several are matched by name.
 * @param inputs The model's inputs (`graph.inputs`).
 * @throws {PrunerError} `data-inputs-mismatch`, `data-shape-mismatch`, `data-range`.
 */
export function fitToInputs(dataset: Dataset, inputs: readonly ValueInfo[]): Dataset {
  const isPair = dataset.inputs.size === 1 && inputs.length === 1;
  if (
    !isPair &&
    (inputs.length !== dataset.inputs.size || inputs.some(({ name }) => !dataset.inputs.has(name)))
  ) {
    const got = named(
      [...dataset.inputs.keys()].map((name) => (name === unnamed ? "one array without a name" : name)),
    );
    throw new PrunerError("data-inputs-mismatch", {
      path: dataset.name,
      got,
      expected: named(inputs.map(({ name }) => name)),
    });
  }
  return inputs.reduce((fitted, { name, shape, dtype }) => fitTo(fitted, shape, name, dtype), dataset);
}

/**
 * Binds one input: finds how stored examples become the shape the model expects. Tried in this order: channels moved
 * as the stated layout asks, examples as they are, a channel axis of size 1 added, and flattening where the model
 * takes vectors. The fingerprint stays, since the examples do.
 * @param expectedShape Shape of the model's input with its batch axis; undefined when the model leaves even the rank open.
 * @param inputName Name of the model's input. The only array of a data set is bound whatever it is called.
 * @param dtype Element type the model's input has; left out, it stays as the data set feeds it.
 * @throws {PrunerError} `data-inputs-mismatch`, `data-shape-mismatch`, `data-range`.
 */
export function fitTo(
  dataset: Dataset,
  expectedShape: readonly Dim[] | undefined,
  inputName: string,
  dtype?: DType,
): Dataset {
  const key = dataset.inputs.size === 1 ? [...dataset.inputs.keys()][0]! : inputName;
  const source = dataset.inputs.get(key);
  if (source === undefined) {
    const got = named([...dataset.inputs.keys()]);
    throw new PrunerError("data-inputs-mismatch", { path: dataset.name, got, expected: named([inputName]) });
  }
  const candidates = candidatesFor(source);
  const found =
    expectedShape === undefined
      ? candidates[0]!
      : candidates.find(({ shape }) => matches(shape, expectedShape.slice(1)));
  if (found === undefined) throw shapeMismatch(dataset.name, inputName, source, expectedShape!);
  const feed: Feed = { ...found, dtype: dtype ?? source.feed.dtype };
  checkRange(source, feed.dtype, dataset.name);
  const entries = [...dataset.inputs].map(([name, old]) =>
    name === key ? ([inputName, { ...source, feed }] as const) : ([name, old] as const),
  );
  return datasetOf({ ...dataset, inputs: new Map(entries) });
}

type Arrangement = Pick<Feed, "shape" | "moves">;

function candidatesFor({ shape, layout }: ExampleSource): Arrangement[] {
  const asIs: Arrangement = { shape, moves: "nothing" };
  const moved: Arrangement[] = [];
  if (shape.length > 1 && layout === "nhwc")
    moved.push({ shape: [shape.at(-1)!, ...shape.slice(0, -1)], moves: "last-to-first" });
  if (shape.length > 1 && layout === "nchw")
    moved.push({ shape: [...shape.slice(1), shape[0]!], moves: "first-to-last" });
  // ONNX convolutions want channels first, so that order goes first where the model leaves its sizes open.
  const whole = layout === "nhwc" ? [...moved, asIs] : [asIs, ...moved];
  return [
    ...whole,
    { shape: [1, ...shape], moves: "nothing" },
    { shape: [...shape, 1], moves: "nothing" },
    { shape: [sizeOf(shape)], moves: "nothing" },
  ];
}

function matches(shape: readonly number[], expected: readonly Dim[]): boolean {
  return (
    shape.length === expected.length &&
    expected.every((dim, axis) => typeof dim !== "number" || dim === shape[axis])
  );
}

function shapeMismatch(
  path: string,
  input: string,
  source: ExampleSource,
  expected: readonly Dim[],
): PrunerError {
  return new PrunerError("data-shape-mismatch", {
    path,
    input,
    got: shapeText(["N", ...source.shape]),
    expected: shapeText(expected),
    hint: hintFor(source, expected.slice(1)),
  });
}

/** Most often the channels are simply at the other end. */
function hintFor(source: ExampleSource, expected: readonly Dim[]): string {
  if (source.layout === undefined) {
    for (const layout of ["nhwc", "nchw"] as const) {
      const isIt = candidatesFor({ ...source, layout }).some(
        ({ shape, moves }) => moves !== "nothing" && matches(shape, expected),
      );
      if (isIt)
        return `If the file is ${layout === "nhwc" ? "channels-last" : "channels-first"}, say so with --layout ${layout}.`;
    }
  }
  return "Resize or reshape the examples, or check that these data belong to this model.";
}

/** Integers must fit the narrower type the model takes. */
function checkRange(source: ExampleSource, dtype: DType, path: string): void {
  if (dtype === source.dtype || !isIntegral(dtype)) return;
  if (isFloat(source.dtype) || source.affine !== undefined) {
    const expected = `${dtype}, the integers this input takes`;
    throw new PrunerError("data-dtype-unsupported", {
      path,
      got: `${source.dtype}${source.affine ? " (normalised)" : ""}`,
      expected,
    });
  }
  const [low, high] = limits[dtype];
  for (const { data } of piecesOf(source.stored)) {
    const wrong = toNumbers({ dtype: source.dtype, shape: [data.length], data }).find(
      (value) => value < low || value > high,
    );
    if (wrong !== undefined)
      throw new PrunerError("data-range", { path, got: String(wrong), expected: dtype });
  }
}

type Integral = Exclude<DType, "float16" | "bfloat16" | "float32" | "float64">;

function isIntegral(dtype: DType): dtype is Integral {
  return !isFloat(dtype);
}

const limits: Readonly<Record<Integral, readonly [number, number]>> = {
  bool: [0, 1],
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int64: [-(2 ** 63), 2 ** 63],
  uint64: [0, 2 ** 64],
};

function shapeText(shape: readonly Dim[]): string {
  return `[${shape.map((dim) => dim ?? "?").join(", ")}]`;
}

function named(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}
