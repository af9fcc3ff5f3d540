import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { TensorProto_DataType as Code, ModelProtoSchema, TensorProto_DataLocation } from "onnx-buf";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { isProblem } from "../base/problem.ts";
import type { Model } from "../graph/model.ts";
import { readModel, readModelFile } from "./read.ts";
import { encodeModel, writeModelFile } from "./write.ts";

const root = mkdtempSync(join(tmpdir(), "external-"));
afterAll(() => rmSync(root, { recursive: true }));
let folder = "";
let runs = 0;
beforeEach(() => {
  folder = join(root, String(runs++));
  mkdirSync(folder);
});

/** One float tensor "w" of three elements in a data file. */
function fileWith(entries: Record<string, string>, dataType: number = Code.FLOAT, dims = [3n]): Uint8Array {
  const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
  const tensor = { name: "w", dims, dataType, externalData, dataLocation: TensorProto_DataLocation.EXTERNAL };
  const graph = { name: "g", initializer: [tensor] };
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ version: 17n }], graph }),
  );
}

const load = (bytes: Uint8Array): unknown =>
  readModel(bytes, { folder }).graph.initializers.get("w")!.load().data;

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isProblem(error)) return error.code;
    throw error;
  }
  return "none";
}

const weights = Float32Array.of(1, 2, 3);
const weightBytes = new Uint8Array(weights.buffer);

describe("reading", () => {
  test("a range in the middle of a file, in a folder below", () => {
    mkdirSync(join(folder, "sub"));
    writeFileSync(
      join(folder, "sub", "w.bin"),
      Buffer.concat([new Uint8Array(5), weightBytes, new Uint8Array(9)]),
    );
    const checksum = "0000000000000000000000000000000000000000";
    expect(load(fileWith({ location: "sub/w.bin", offset: "5", length: "12", checksum }))).toEqual(weights);
    expect(load(fileWith({ location: "./sub/../sub/w.bin", offset: "5" }))).toEqual(weights);
  });

  test.each(["/etc/passwd", "../w.bin", "sub/../../w.bin", "C:\\w.bin", "..\\w.bin", "", "a\0b", "."])(
    "location %j is refused",
    (location) => {
      writeFileSync(join(folder, "..", "w.bin"), weightBytes);
      expect(codeOf(() => readModel(fileWith({ location }), { folder }))).toBe("external-data-refused");
    },
  );

  test("a link that leaves the folder is refused, one inside is followed", () => {
    writeFileSync(join(root, "outside.bin"), weightBytes);
    symlinkSync(join(root, "outside.bin"), join(folder, "out"));
    symlinkSync(root, join(folder, "up"));
    writeFileSync(join(folder, "w.bin"), weightBytes);
    symlinkSync("w.bin", join(folder, "in"));
    expect(codeOf(() => load(fileWith({ location: "out" })))).toBe("external-data-refused");
    expect(codeOf(() => load(fileWith({ location: "up/outside.bin" })))).toBe("external-data-refused");
    expect(load(fileWith({ location: "in" }))).toEqual(weights);
  });

  test("a cache of linked files is read where the model link leads", async () => {
    mkdirSync(join(folder, "blobs"));
    mkdirSync(join(folder, "snapshot"));
    writeFileSync(join(folder, "blobs", "1"), fileWith({ location: "w.bin" }));
    writeFileSync(join(folder, "blobs", "2"), weightBytes);
    symlinkSync("../blobs/1", join(folder, "snapshot", "m.onnx"));
    symlinkSync("../blobs/2", join(folder, "snapshot", "w.bin"));
    const model = await readModelFile(join(folder, "snapshot", "m.onnx"));
    expect(model.graph.initializers.get("w")!.load().data).toEqual(weights);
  });

  test("a missing file shows when the tensor is loaded, with its name", () => {
    const model = readModel(fileWith({ location: "gone.bin" }), { folder });
    expect(() => model.graph.initializers.get("w")!.load()).toThrow(/"w".*gone\.bin/);
    expect(codeOf(() => model.graph.initializers.get("w")!.load())).toBe("external-data-missing");
  });

  test("bytes without a folder have no external data", () => {
    const model = readModel(fileWith({ location: "w.bin" }));
    expect(codeOf(() => model.graph.initializers.get("w")!.load())).toBe("external-data-missing");
  });

  test("a short file, and offsets past its end", () => {
    writeFileSync(join(folder, "w.bin"), weightBytes);
    for (const offset of ["1", "9007199254740000"])
      expect(codeOf(() => load(fileWith({ location: "w.bin", offset })))).toBe("external-data-too-short");
    const huge = fileWith({ location: "w.bin" }, Code.FLOAT, [2n ** 45n]);
    expect(codeOf(() => load(huge))).toBe("external-data-too-short");
  });

  test.each([{ offset: "-1" }, { offset: "1e3" }, { length: "8" }, { length: "99999999999999999999" }])(
    "%j makes no sense",
    (entries) => {
      expect(codeOf(() => readModel(fileWith({ location: "w.bin", ...entries }), { folder }))).toBe(
        "tensor-invalid",
      );
    },
  );

  test("a file that is replaced after reading is noticed", () => {
    writeFileSync(join(folder, "w.bin"), weightBytes);
    const model = readModel(fileWith({ location: "w.bin" }), { folder });
    writeFileSync(join(folder, "w.bin"), new Uint8Array(13));
    expect(codeOf(() => model.graph.initializers.get("w")!.load())).toBe("external-data-changed");
  });
});

function largeModel(): Model {
  const g = graphBuilder();
  const x = g.input("x", ["N", 40]);
  const hidden = g.node("Gemm", [x, g.weight([40, 50], undefined, { name: "big" }), g.weight([50])]);
  g.output(g.node("MatMul", [hidden, g.weight([50, 30], undefined, { name: "second" })]));
  return g.build();
}

const loaded = (model: Model): unknown =>
  [...model.graph.initializers].map(([name, { load: get }]) => [name, get()]);

describe("writing", () => {
  test("large weights go to pages of the data file, small ones stay", async () => {
    const path = join(folder, "m.onnx");
    await writeModelFile(largeModel(), path, { externalData: true });
    expect(readdirSync(folder).sort()).toEqual(["m.onnx", "m.onnx.data"]);
    expect(statSync(`${path}.data`).size).toBe(8192 + 50 * 30 * 4);
    expect(statSync(path).size).toBeLessThan(1000);
    expect(loaded(await readModelFile(path))).toEqual(loaded(largeModel()));
  });

  test("same model, same bytes", async () => {
    const paths = ["a", "b"].map((sub) => join(folder, sub, "m.onnx"));
    for (const path of paths) {
      mkdirSync(join(path, ".."));
      await writeModelFile(largeModel(), path, { externalData: true });
    }
    const [a, b] = paths.map((path) => [readFileSync(path), readFileSync(`${path}.data`)]);
    expect(a).toEqual(b);
  });

  test("external stays external, unchanged models byte for byte, over themselves too", async () => {
    const path = join(folder, "m.onnx");
    await writeModelFile(largeModel(), path, { externalData: true });
    const before = [readFileSync(path), readFileSync(`${path}.data`)];
    await writeModelFile(await readModelFile(path), path);
    expect([readFileSync(path), readFileSync(`${path}.data`)]).toEqual(before);
  });

  test("external data are taken in on demand, and always into bytes", async () => {
    const path = join(folder, "m.onnx");
    await writeModelFile(largeModel(), path, { externalData: true });
    const model = await readModelFile(path);
    expect(encodeModel(model)).toEqual(encodeModel(largeModel()));
    await writeModelFile(model, join(folder, "inline.onnx"), { externalData: false });
    expect(new Uint8Array(readFileSync(join(folder, "inline.onnx")))).toEqual(encodeModel(largeModel()));
  });

  test("opaque external weights move along", async () => {
    const bytes = Uint8Array.from({ length: 5000 }, (_, k) => k % 251);
    writeFileSync(join(folder, "w.bin"), bytes);
    const model = readModel(fileWith({ location: "w.bin" }, Code.INT4, [9999n]), { folder });
    mkdirSync(join(folder, "to"));
    await writeModelFile(model, join(folder, "to", "n.onnx"));
    expect(new Uint8Array(readFileSync(join(folder, "to", "n.onnx.data")))).toEqual(bytes);
    expect([...(await readModelFile(join(folder, "to", "n.onnx"))).graph.opaque!.keys()]).toEqual(["w"]);
  });

  test("when weights are missing nothing is left behind and old files stay", async () => {
    const path = join(folder, "m.onnx");
    await writeModelFile(largeModel(), path, { externalData: true });
    const model = await readModelFile(path);
    rmSync(`${path}.data`);
    const written = writeModelFile(model, path);
    await expect(written).rejects.toMatchObject({ code: "external-data-missing" });
    expect(readdirSync(folder)).toEqual(["m.onnx"]);
  });

  test("a missing folder", async () => {
    const written = writeModelFile(largeModel(), join(folder, "no", "m.onnx"));
    await expect(written).rejects.toMatchObject({ code: "file-unwritable", data: { detail: "ENOENT" } });
  });

  test("a folder in the place of the model leaves no data file and no temporary", async () => {
    const path = join(folder, "m.onnx");
    mkdirSync(path);
    const written = writeModelFile(largeModel(), path, { externalData: true });
    await expect(written).rejects.toMatchObject({ code: "file-unwritable" });
    expect(readdirSync(folder)).toEqual(["m.onnx"]);
  });

  test("a failed switch brings the old data file back", async () => {
    const path = join(folder, "m.onnx");
    mkdirSync(path);
    writeFileSync(`${path}.data`, "old");
    await expect(writeModelFile(largeModel(), path, { externalData: true })).rejects.toThrow();
    expect(readFileSync(`${path}.data`, "utf8")).toBe("old");
    expect(readdirSync(folder).sort()).toEqual(["m.onnx", "m.onnx.data"]);
  });

  test("permissions and links of an existing file are kept", async () => {
    const path = join(folder, "m.onnx");
    writeFileSync(path, "old");
    chmodSync(path, 0o640);
    symlinkSync("m.onnx", join(folder, "link.onnx"));
    await writeModelFile(largeModel(), join(folder, "link.onnx"));
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(new Uint8Array(readFileSync(path))).toEqual(encodeModel(largeModel()));
  });
});
