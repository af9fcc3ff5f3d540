/** Every way ONNX stores elements, read through one model per encoding and written back. */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { TensorProto_DataType as Code, ModelProtoSchema, type TensorProtoSchema } from "onnx-buf";
import { describe, expect, test } from "vitest";
import { isProblem } from "../base/problem.ts";
import type { DType, TypedArray } from "../tensor/dtype.ts";
import { readModel } from "./read.ts";
import { encodeModel } from "./write.ts";

type TensorInit = MessageInitShape<typeof TensorProtoSchema>;

function fileWith(...tensors: TensorInit[]): Uint8Array {
  const init = { irVersion: 8n, opsetImport: [{ version: 17n }], graph: { name: "g", initializer: tensors } };
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, init));
}

function bytesOf(array: TypedArray): Uint8Array<ArrayBuffer> {
  return new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);
}

function problemOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isProblem(error)) return error.code;
    throw error;
  }
  return "none";
}

interface Case {
  readonly title: string;
  readonly dtype: DType;
  readonly init: TensorInit;
  readonly data: TypedArray;
}

const dims = [3n];
const cases: readonly Case[] = [
  {
    title: "float_data",
    dtype: "float32",
    init: { dims, dataType: Code.FLOAT, floatData: [1.5, -0, 3] },
    data: Float32Array.of(1.5, -0, 3),
  },
  {
    title: "double_data",
    dtype: "float64",
    init: { dims, dataType: Code.DOUBLE, doubleData: [Math.PI, -1, 1e300] },
    data: Float64Array.of(Math.PI, -1, 1e300),
  },
  {
    title: "int64_data",
    dtype: "int64",
    init: { dims, dataType: Code.INT64, int64Data: [-1n, 2n ** 62n, 0n] },
    data: BigInt64Array.of(-1n, 2n ** 62n, 0n),
  },
  {
    title: "uint64_data",
    dtype: "uint64",
    init: { dims, dataType: Code.UINT64, uint64Data: [0n, 2n ** 64n - 1n, 7n] },
    data: BigUint64Array.of(0n, 2n ** 64n - 1n, 7n),
  },
  {
    title: "uint32 in uint64_data",
    dtype: "uint32",
    init: { dims, dataType: Code.UINT32, uint64Data: [0n, 2n ** 32n - 1n, 7n] },
    data: Uint32Array.of(0, 2 ** 32 - 1, 7),
  },
  ...(
    [
      ["float16", Code.FLOAT16, Uint16Array.of(0x3c00, 0xbc00, 0x7bff)],
      ["bfloat16", Code.BFLOAT16, Uint16Array.of(0x3f80, 0xbf80, 1)],
      ["int8", Code.INT8, Int8Array.of(-128, 127, 0)],
      ["int16", Code.INT16, Int16Array.of(-32768, 32767, 0)],
      ["int32", Code.INT32, Int32Array.of(-(2 ** 31), 2 ** 31 - 1, 0)],
      ["uint8", Code.UINT8, Uint8Array.of(255, 0, 1)],
      ["uint16", Code.UINT16, Uint16Array.of(65535, 0, 1)],
      ["bool", Code.BOOL, Uint8Array.of(1, 0, 1)],
    ] as const
  ).map(([dtype, dataType, data]) => ({
    title: `${dtype} in int32_data`,
    dtype,
    init: { dims, dataType, int32Data: [...data] },
    data,
  })),
  ...(
    [
      ["float32", Code.FLOAT, Float32Array.of(1, 2, 3)],
      ["float64", Code.DOUBLE, Float64Array.of(1, 2, 3)],
      ["float16", Code.FLOAT16, Uint16Array.of(1, 2, 3)],
      ["int64", Code.INT64, BigInt64Array.of(1n, -2n, 3n)],
      ["bool", Code.BOOL, Uint8Array.of(1, 0, 1)],
    ] as const
  ).map(([dtype, dataType, data]) => ({
    title: `${dtype} in raw_data`,
    dtype,
    init: { dims, dataType, rawData: bytesOf(data) },
    data,
  })),
];

describe.each(cases)("$title", ({ dtype, init, data }) => {
  const bytes = fileWith({ ...init, name: "w" });

  test("is decoded", () => {
    const stored = readModel(bytes).graph.initializers.get("w")!;
    expect(stored.load()).toEqual({ dtype, shape: [3], data });
  });

  test("is written back byte for byte", () => {
    expect(encodeModel(readModel(bytes))).toEqual(bytes);
  });

  test("is refused when one element is missing", () => {
    const short = fileWith({ ...init, name: "w", dims: [4n] });
    expect(problemOf(() => readModel(short))).toBe("tensor-invalid");
  });
});

describe("views", () => {
  const rawData = bytesOf(Float32Array.from({ length: 2048 }, (_, k) => k));
  const file = fileWith({ name: "w", dims: [2048n], dataType: Code.FLOAT, rawData });
  const start = Buffer.from(file).indexOf(rawData);

  test.each([0, 1, 2, 3])("raw data at %i bytes past alignment", (past) => {
    const buffer = new ArrayBuffer(file.length + 8);
    const shift = (past + 4 - (start % 4)) % 4;
    const bytes = new Uint8Array(buffer, shift, file.length);
    bytes.set(file);
    const { data } = readModel(bytes).graph.initializers.get("w")!.load();
    expect(data.length === 2048 && data[5] === 5 && data[2047] === 2047).toBe(true);
    expect(data.buffer === buffer).toBe(past === 0);
  });
});

describe("shapes from hostile files", () => {
  test.each([
    ["negative", [-1n]],
    ["product overflow", [2n ** 40n, 2n ** 40n]],
    ["beyond exact numbers", [2n ** 62n]],
    ["huge", [2n ** 45n]],
    ["negative beside zero", [0n, -5n]],
  ])("%s", (_title, sizes) => {
    const file = fileWith({ name: "w", dims: sizes, dataType: Code.FLOAT, rawData: new Uint8Array(4) });
    expect(problemOf(() => readModel(file))).toBe("tensor-invalid");
  });

  test("no elements at all is a shape", () => {
    const file = fileWith({ name: "w", dims: [0n, 2n ** 40n], dataType: Code.FLOAT });
    expect(readModel(file).graph.initializers.get("w")!.load().data).toEqual(new Float32Array(0));
  });

  test("bytes that are no whole number of elements", () => {
    const file = fileWith({ name: "w", dims: [1n], dataType: Code.FLOAT, rawData: new Uint8Array(5) });
    expect(problemOf(() => readModel(file))).toBe("tensor-invalid");
  });

  test("two initializers of one name", () => {
    const one: TensorInit = { name: "w", dims: [], dataType: Code.FLOAT, floatData: [1] };
    expect(problemOf(() => readModel(fileWith(one, one)))).toBe("model-damaged");
  });
});

describe("element types that are only carried along", () => {
  const exotic: readonly TensorInit[] = [
    {
      name: "text",
      dims: [2n],
      dataType: Code.STRING,
      stringData: [new Uint8Array([1, 255]), new Uint8Array(0)],
    },
    { name: "f8", dims: [2n], dataType: Code.FLOAT8E4M3FN, rawData: new Uint8Array([1, 2]) },
    { name: "i4", dims: [3n], dataType: Code.INT4, int32Data: [0x21, 3] },
    { name: "c64", dims: [1n], dataType: Code.COMPLEX64, floatData: [1, 2] },
    { name: "future", dims: [1n], dataType: 99, rawData: new Uint8Array(9000).fill(7) },
  ];
  const plain: TensorInit = { name: "w", dims: [1n], dataType: Code.FLOAT, floatData: [1] };

  test("they have names, and survive between ordinary ones", () => {
    const bytes = fileWith(exotic[0]!, plain, ...exotic.slice(1));
    const model = readModel(bytes);
    expect([...model.graph.initializers.keys()]).toEqual(["w"]);
    const types = [...model.graph.opaque!].map(([name, { elementType }]) => [name, elementType]);
    expect(types).toEqual([
      ["text", "STRING"],
      ["f8", "FLOAT8E4M3FN"],
      ["i4", "INT4"],
      ["c64", "COMPLEX64"],
      ["future", "element type 99"],
    ]);
    expect(encodeModel(model)).toEqual(bytes);
  });

  test("they survive edits of the graph around them", () => {
    const model = readModel(fileWith(...exotic, plain));
    const edited = { ...model, graph: { ...model.graph, initializers: new Map() } };
    expect(encodeModel(edited)).toEqual(fileWith(...exotic));
  });
});
