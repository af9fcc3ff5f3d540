/** What an edit changes in the file, and what it leaves alone. */
import { create, equals, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as Code,
  type ModelProto,
  ModelProtoSchema,
} from "onnx-buf";
import { describe, expect, test } from "vitest";
import { float, graphBuilder } from "../../test/helpers/build.ts";
import { withAttributes } from "../graph/attributes.ts";
import { type Graph, type Model, type Node, stored } from "../graph/model.ts";
import { float32 } from "../tensor/tensor.ts";
import { readModel } from "./read.ts";
import { encodeModel } from "./write.ts";

const unknown = [{ no: 500, wireType: 2, data: new Uint8Array([3, 1, 2, 3]) }];
const tensorType = (...sizes: bigint[]) => ({
  value: {
    case: "tensorType" as const,
    value: {
      elemType: Code.FLOAT,
      shape: { dim: sizes.map((value) => ({ value: { case: "dimValue" as const, value } })) },
    },
  },
});

/** A file with something in every corner: x [2, 3] → Gemm with w and b → Clip → y. */
const full: MessageInitShape<typeof ModelProtoSchema> = {
  irVersion: 3n,
  producerName: "somebody",
  docString: "model doc",
  modelVersion: 7n,
  opsetImport: [
    { domain: "ai.onnx", version: 13n },
    { domain: "my.domain", version: 2n },
  ],
  metadataProps: [
    { key: "k", value: "v" },
    { key: "other", value: "w" },
  ],
  functions: [
    {
      name: "f",
      domain: "my.domain",
      input: ["a"],
      output: ["b"],
      node: [{ opType: "Relu", input: ["a"], output: ["b"] }],
    },
  ],
  trainingInfo: [{ algorithm: { name: "sgd" }, updateBinding: [{ key: "w", value: "w_new" }] }],
  configuration: [{ name: "two", numDevices: 2 }],
  graph: {
    name: "main",
    docString: "graph doc",
    node: [
      {
        opType: "Gemm",
        domain: "ai.onnx",
        name: "dense",
        docString: "node doc",
        input: ["x", "w", "b"],
        output: ["h"],
        attribute: [
          { name: "alpha", type: AttributeType.FLOAT, f: 1, docString: "attribute doc" },
          { name: "transB", type: AttributeType.INT, i: 0n },
        ],
        metadataProps: [{ key: "namespace", value: "net/dense" }],
      },
      { opType: "f", domain: "my.domain", name: "call", input: ["h"], output: ["y"] },
    ],
    initializer: [
      {
        name: "w",
        docString: "weight doc",
        dims: [3n, 2n],
        dataType: Code.FLOAT,
        floatData: [1, 2, 3, 4, 5, 6],
      },
      { name: "b", dims: [2n], dataType: Code.FLOAT, floatData: [0, 1] },
    ],
    sparseInitializer: [
      {
        values: { name: "sparse", dims: [1n], dataType: Code.FLOAT, floatData: [9] },
        indices: { dims: [1n], dataType: Code.INT64, int64Data: [3n] },
        dims: [10n],
      },
    ],
    input: [
      { name: "w", type: tensorType(3n, 2n) },
      { name: "x", type: tensorType(2n, 3n), docString: "input doc" },
      { name: "b", type: tensorType(2n) },
    ],
    output: [{ name: "y", type: tensorType(2n, 2n) }],
    valueInfo: [{ name: "h", type: tensorType(2n, 2n), docString: "value doc" }],
    quantizationAnnotation: [
      { tensorName: "h", quantParameterTensorNames: [{ key: "SCALE_TENSOR", value: "b" }] },
    ],
  },
};

function fullFile(): Uint8Array {
  const proto = create(ModelProtoSchema, full);
  proto.$unknown = unknown;
  proto.graph!.$unknown = unknown;
  proto.graph!.node[0]!.$unknown = unknown;
  proto.graph!.node[0]!.attribute[0]!.$unknown = unknown;
  proto.graph!.initializer[0]!.$unknown = unknown;
  return toBinary(ModelProtoSchema, proto);
}

const parsed = (bytes: Uint8Array): ModelProto => fromBinary(ModelProtoSchema, bytes);

/** Reads the full file, edits its graph, writes it, and gives the message. */
function afterEdit(edit: (graph: Graph) => Partial<Graph>): ModelProto {
  const model = readModel(fullFile());
  return parsed(encodeModel({ ...model, graph: { ...model.graph, ...edit(model.graph) } }));
}

/** The message expected when `change` is made to the original. */
function expected(change: (proto: ModelProto) => void): ModelProto {
  const proto = parsed(fullFile());
  change(proto);
  return proto;
}

const withNode = (graph: Graph, change: (node: Node) => Node): Partial<Graph> => ({
  nodes: graph.nodes.map((node) => (node.name === "dense" ? change(node) : node)),
});

describe("an unchanged model", () => {
  test("comes back byte for byte with everything in it", () => {
    expect(encodeModel(readModel(fullFile()))).toEqual(fullFile());
  });

  test("of old IR has real inputs only, and normal domains", () => {
    const { graph, opsets } = readModel(fullFile());
    expect(graph.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(graph.nodes.map(({ domain }) => domain)).toEqual(["", "my.domain"]);
    expect(opsets.get("")).toBe(13);
  });

  test("written with fields in unusual order says the same", () => {
    const proto = create(ModelProtoSchema, full);
    const { graph, ...rest } = proto as Required<ModelProto>;
    const tail = toBinary(ModelProtoSchema, Object.assign(create(ModelProtoSchema), { graph }));
    const head = toBinary(ModelProtoSchema, Object.assign(create(ModelProtoSchema), rest));
    const written = parsed(encodeModel(readModel(Buffer.concat([head, tail]))));
    expect(equals(ModelProtoSchema, written, proto)).toBe(true);
  });
});

describe("an edit", () => {
  const same = (written: ModelProto, wanted: ModelProto): void => {
    expect(toBinary(ModelProtoSchema, written)).toEqual(toBinary(ModelProtoSchema, wanted));
  };

  test("of inputs keeps the node's doc, metadata and unknown fields", () => {
    const written = afterEdit((graph) => withNode(graph, (node) => ({ ...node, inputs: ["x", "w"] })));
    same(
      written,
      expected((proto) => {
        proto.graph!.node[0]!.input = ["x", "w"];
      }),
    );
  });

  test("of an attribute keeps its doc and the other attributes", () => {
    const written = afterEdit((graph) =>
      withNode(graph, (node) => withAttributes(node, { transB: { kind: "int", value: 1 } })),
    );
    same(
      written,
      expected((proto) => {
        proto.graph!.node[0]!.attribute[1]!.i = 1n;
      }),
    );
    const spread = afterEdit((graph) =>
      withNode(graph, (node) =>
        withAttributes(node, { alpha: { ...node.attributes.get("alpha")!, value: 0.5 } as never }),
      ),
    );
    same(
      spread,
      expected((proto) => {
        proto.graph!.node[0]!.attribute[0]!.f = 0.5;
      }),
    );
  });

  test("of a weight writes raw data, the doc string and the listed input", () => {
    const data = Float32Array.of(1, 3, 5);
    const written = afterEdit((graph) => ({
      initializers: new Map([
        ...graph.initializers,
        ["w", stored(float32([3, 1], data), graph.initializers.get("w")!.origin)],
      ]),
    }));
    same(
      written,
      expected((proto) => {
        const tensor = proto.graph!.initializer[0]!;
        tensor.dims = [3n, 1n];
        tensor.floatData = [];
        tensor.rawData = new Uint8Array(data.buffer);
        const type = proto.graph!.input[0]!.type!.value;
        if (type.case === "tensorType") type.value.shape!.dim[1]!.value = { case: "dimValue", value: 1n };
      }),
    );
  });

  test("that removes a weight takes it out of the inputs too", () => {
    const written = afterEdit((graph) => ({ initializers: new Map([...graph.initializers].slice(0, 1)) }));
    expect(written.graph!.input.map(({ name }) => name)).toEqual(["w", "x"]);
    expect(written.graph!.initializer.map(({ name }) => name)).toEqual(["w"]);
  });

  test("that adds a weight to a model of old IR lists it among the inputs", () => {
    const written = afterEdit((graph) => ({
      initializers: new Map([...graph.initializers, ["new", stored(float32([1], [4]))]]),
    }));
    expect(written.graph!.input.map(({ name }) => name)).toEqual(["w", "x", "b", "new"]);
    expect([...readModel(toBinary(ModelProtoSchema, written)).graph.inputs].map(({ name }) => name)).toEqual([
      "x",
    ]);
  });

  test("that turns a weight into an input keeps real inputs in the wished order", () => {
    const written = afterEdit((graph) => ({
      initializers: new Map([...graph.initializers].slice(0, 1)),
      inputs: [{ name: "b", dtype: "float32", shape: [2] }, ...graph.inputs],
    }));
    const again = readModel(toBinary(ModelProtoSchema, written));
    expect(again.graph.inputs.map(({ name }) => name)).toEqual(["b", "x"]);
  });

  test("of a shape keeps the doc string of the value", () => {
    const written = afterEdit((graph) => ({
      inputs: graph.inputs.map((info) => ({ ...info, shape: ["N", 3] })),
      valueInfo: new Map(),
    }));
    same(
      written,
      expected((proto) => {
        const type = proto.graph!.input[1]!.type!.value;
        if (type.case === "tensorType") type.value.shape!.dim[0]!.value = { case: "dimParam", value: "N" };
        proto.graph!.valueInfo = [];
      }),
    );
  });

  test("of a shape keeps an element type the IR has no name for", () => {
    const proto = create(ModelProtoSchema, full);
    const type = proto.graph!.valueInfo[0]!.type!.value;
    if (type.case === "tensorType") type.value.elemType = Code.FLOAT8E5M2;
    const model = readModel(toBinary(ModelProtoSchema, proto));
    const h = model.graph.valueInfo.get("h")!;
    expect(h.dtype).toBeUndefined();
    const graph = { ...model.graph, valueInfo: new Map([["h", { ...h, shape: [2, 1] }]]) };
    const written = parsed(encodeModel({ ...model, graph })).graph!.valueInfo[0]!.type!.value;
    expect(written.case === "tensorType" && written.value.elemType).toBe(Code.FLOAT8E5M2);
    expect(written.case === "tensorType" && written.value.shape!.dim[1]!.value.value).toBe(1n);
  });

  test("of opsets and metadata leaves other entries and their spelling", () => {
    const model = readModel(fullFile());
    const opsets = new Map([...model.opsets, ["", 17], ["com.microsoft", 1]]);
    const metadata = new Map([
      ["other", "w"],
      ["pruned", "yes"],
    ]);
    const written = parsed(encodeModel({ ...model, opsets, metadata }));
    expect(written.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([
      ["ai.onnx", 17n],
      ["my.domain", 2n],
      ["com.microsoft", 1n],
    ]);
    expect(written.metadataProps.map(({ key, value }) => [key, value])).toEqual([
      ["other", "w"],
      ["pruned", "yes"],
    ]);
  });
});

describe("attributes", () => {
  const roundTrip = (model: Model): Model => readModel(encodeModel(model));
  const attributesOf = (model: Model): unknown =>
    [...model.graph.nodes[0]!.attributes].map(([name, attribute]) => [
      name,
      attribute.kind,
      attribute.kind === "tensor"
        ? attribute.value.load()
        : attribute.kind === "graph"
          ? attribute.value.nodes.length
          : "value" in attribute && attribute.value,
    ]);

  test("of every kind, built and read again", () => {
    const body = graphBuilder("body_");
    body.output(body.node("Relu", ["x"]));
    const g = graphBuilder();
    g.node("Any", [g.input("x")], {
      int: 0,
      float: float(0),
      string: "grüße",
      ints: [1, -2],
      floats: [0.5, 2],
      strings: ["a", ""],
      tensor: float32([2], [1, 2]),
      graph: body.graph(),
    });
    const model = g.build();
    expect(attributesOf(roundTrip(model))).toEqual(attributesOf(model));
  });

  test("whole numbers beyond doubles survive; edits of them stay within 64 bits", () => {
    const ints = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n];
    const node = {
      opType: "Slice",
      input: ["x"],
      output: ["y"],
      attribute: [{ name: "ends", type: AttributeType.INTS, ints }],
    };
    const graph = { name: "g", node: [node], input: [{ name: "x" }], output: [{ name: "y" }] };
    const bytes = toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, { irVersion: 4n, opsetImport: [{ version: 9n }], graph }),
    );
    const model = readModel(bytes);
    expect(encodeModel(model)).toEqual(bytes);
    const edited = model.graph.nodes.map((one) =>
      withAttributes(one, { ends: { kind: "ints", value: [2 ** 63, 5] } }),
    );
    const written = parsed(encodeModel({ ...model, graph: { ...model.graph, nodes: edited } }));
    expect(written.graph!.node[0]!.attribute[0]!.ints).toEqual([2n ** 63n - 1n, 5n]);
  });
});
