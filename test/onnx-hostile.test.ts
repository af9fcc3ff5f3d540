/** Damaged, hostile and foreign files: each is read, or refused with a code; none hangs, crashes or fills memory. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { isProblem } from "../src/base/problem.ts";
import type { Model } from "../src/graph/model.ts";
import { readModel, readModelFile } from "../src/onnx/read.ts";
import { encodeModel } from "../src/onnx/write.ts";
import { graphBuilder } from "./helpers/build.ts";
import { sharedModel } from "./helpers/shared.ts";

const folder = mkdtempSync(join(tmpdir(), "hostile-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Reads, decodes every weight and writes again. @returns "fine" or the code of the refusal. */
function outcome(bytes: Uint8Array): string {
  try {
    const model = readModel(bytes, { folder });
    for (const tensor of model.graph.initializers.values()) tensor.load();
    encodeModel(model);
    return "fine";
  } catch (error) {
    if (isProblem(error)) return error.code;
    throw error;
  }
}

function small(): Model {
  const g = graphBuilder();
  const x = g.input("x", ["N", 3, 8, 8]);
  const conv = g.node("Conv", [x, g.weight([4, 3, 3, 3]), g.weight([4])], {
    pads: [1, 1, 1, 1],
    auto_pad: "NOTSET",
  });
  const then = graphBuilder("then_");
  then.output(then.node("Mul", [conv, then.weight([1], [2])]));
  const flag = g.initializer("flag", { dtype: "bool", shape: [], data: Uint8Array.of(1) });
  g.output(g.node("If", [flag], { then_branch: then.graph(), else_branch: then.graph() }), ["N", 4, 8, 8]);
  g.info(conv, ["N", 4, 8, 8]);
  return g.build({ metadata: { a: "b" } });
}

const original = encodeModel(small());
const mutation = fc.record({
  at: fc.nat(),
  value: fc.nat(255),
  kind: fc.constantFrom("set", "insert", "delete", "flip"),
});

function mutated(
  bytes: Uint8Array,
  changes: readonly { at: number; value: number; kind: string }[],
): Uint8Array {
  const list = [...bytes];
  for (const { at, value, kind } of changes) {
    const index = at % list.length;
    if (kind === "set") list[index] = value;
    else if (kind === "flip") list[index] = list[index]! ^ (1 << (value % 8));
    else list.splice(index, kind === "delete" ? 1 + (value % 4) : 0, ...(kind === "insert" ? [value] : []));
  }
  return Uint8Array.from(list);
}

describe("fuzz", () => {
  test("the original is fine", () => expect(outcome(original)).toBe("fine"));

  test("random changes are read or refused", () => {
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 6 }), (changes) => {
        expect(outcome(mutated(original, changes))).toMatch(/^[a-z-]+$/);
      }),
      { numRuns: 3000 },
    );
  });

  test("every single byte set to 0, 127 and 255", () => {
    const bytes = Uint8Array.from(original);
    const seen = new Set<string>();
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0, 127, 255]) {
        bytes[at] = value;
        seen.add(outcome(bytes));
      }
      bytes[at] = original[at]!;
    }
    expect(seen).toContain("model-damaged");
    expect(seen).toContain("tensor-invalid");
  });

  test("every truncation", () => {
    for (let length = 0; length < original.length; length++) outcome(original.subarray(0, length));
  });

  test("random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(outcome(bytes)).not.toBe("fine");
      }),
      { numRuns: 2000 },
    );
  });

  const lenet = sharedModel("lenet5-mnist");
  test.skipIf(lenet.path === undefined)(`changes of LeNet ${lenet.reason ?? ""}`, () => {
    const bytes = readFileSync(lenet.path!);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const copy = Uint8Array.from(bytes);
        copy[at] = value;
        expect(outcome(copy)).toMatch(/^[a-z-]+$/);
      }),
      { numRuns: 300 },
    );
  });
});

describe("files that are something else", () => {
  test.each([
    ["empty", Buffer.alloc(0), /empty/],
    ["zip", Buffer.from("PK\x03\x04rest"), /zip/],
    ["png", Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), /PNG/],
    ["html", Buffer.from("<html></html>"), /text/],
    [
      "lfs pointer",
      Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
      /git lfs pull/,
    ],
    ["zeros", Buffer.alloc(64), /damaged|not an ONNX/],
    ["prose", Buffer.from("once upon a time there was a network"), /damaged|not an ONNX/],
    ["a model without a graph", Buffer.from([8, 8]), /no graph/],
  ])("%s", async (name, bytes, message) => {
    const path = join(folder, `${name}.onnx`);
    writeFileSync(path, bytes);
    const error = await readModelFile(path).catch((cause: unknown) => cause);
    expect(isProblem(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).toContain(path);
  });

  test("a missing file and a folder", async () => {
    await expect(readModelFile(join(folder, "none"))).rejects.toMatchObject({ code: "file-not-found" });
    await expect(readModelFile(folder)).rejects.toMatchObject({ code: "file-unreadable" });
  });
});

describe("structure", () => {
  /** A message field around some content. */
  const wrap = (field: number, content: Uint8Array): Uint8Array =>
    new BinaryWriter().tag(field, WireType.LengthDelimited).bytes(content).finish();
  const irVersion = Buffer.from([8, 8]);

  test("nesting without end", () => {
    let graph: Uint8Array = new Uint8Array(0);
    for (let depth = 0; depth < 2000; depth++) graph = wrap(1, wrap(5, wrap(6, graph))); // node, attribute, graph
    expect(outcome(Buffer.concat([irVersion, wrap(7, graph)]))).toBe("model-damaged");
  });

  test("lengths far beyond the file", () => {
    const length = Buffer.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0x07]); // graph of 2 GiB
    expect(outcome(Buffer.concat([irVersion, length]))).toBe("model-damaged");
  });

  test("a node with 300,000 inputs", () => {
    const inputs = Buffer.concat(Array.from({ length: 300_000 }, () => Buffer.from([0x0a, 1, 0x78])));
    expect(outcome(Buffer.concat([irVersion, wrap(7, wrap(1, inputs))]))).toBe("graph-unknown-value");
  });

  test("old versions are named", () => {
    const model = small();
    expect(outcome(encodeModel({ ...model, opsets: new Map([["", 8]]) }))).toBe("model-version");
    expect(outcome(Buffer.concat([Buffer.from([8, 2]), original.subarray(2)]))).toBe("model-version");
    expect(outcome(encodeModel({ ...model, opsets: new Map() }))).toBe("graph-missing-opset");
  });

  test("an attribute given twice", () => {
    const attribute = wrap(5, wrap(1, Buffer.from("alpha")));
    const node = Buffer.concat([attribute, attribute]);
    expect(outcome(Buffer.concat([irVersion, wrap(7, wrap(1, node))]))).toBe("model-damaged");
  });
});
