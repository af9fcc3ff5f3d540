/** @file The same network in double precision, for numbers that leave the range of float32. */
import { type Attribute, type Model, type Node, stored } from "../../graph/model.ts";
import type { DType } from "../../tensor/dtype.ts";
import { fromNumbers, toNumbers } from "../../tensor/tensor.ts";

const doubleCode = 11; // as ONNX numbers element types
const narrowCodes = [1, 10, 16];

const isNarrow = (dtype: DType | undefined): boolean =>
  dtype === "float32" || dtype === "float16" || dtype === "bfloat16";

/** Every float of 32 bits and less becomes one of 64: inputs, constants, and what casts make. */
export function inDouble(model: Model): Model {
  const { graph } = model;
  return {
    ...model,
    graph: {
      ...graph,
      inputs: graph.inputs.map((info) => (isNarrow(info.dtype) ? { ...info, dtype: "float64" } : info)),
      outputs: graph.outputs.map(({ name }) => ({ name })),
      valueInfo: new Map(),
      initializers: new Map(
        [...graph.initializers].map(([name, tensor]) => [
          name,
          isNarrow(tensor.dtype) ? stored(doubled(tensor.load())) : tensor,
        ]),
      ),
      nodes: graph.nodes.map(doubledNode),
    },
  };
}

function doubled(value: Parameters<typeof toNumbers>[0]): ReturnType<typeof fromNumbers> {
  return fromNumbers("float64", value.shape, toNumbers(value));
}

function doubledNode(node: Node): Node {
  const attributes = [...node.attributes].map(
    ([name, attribute]) => [name, doubledAttribute(node, name, attribute)] as const,
  );
  return { ...node, attributes: new Map(attributes) };
}

function doubledAttribute(node: Node, name: string, attribute: Attribute): Attribute {
  if (attribute.kind === "tensor" && isNarrow(attribute.value.dtype))
    return { ...attribute, value: stored(doubled(attribute.value.load())) };
  const isCast = node.opType === "Cast" && name === "to" && attribute.kind === "int";
  return isCast && narrowCodes.includes(attribute.value) ? { ...attribute, value: doubleCode } : attribute;
}
