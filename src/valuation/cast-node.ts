/** @file A node that turns a value into another element type. */
import type { Node } from "../graph/model.ts";
import { codeOf } from "../onnx/element-types.ts";
import type { DType } from "../tensor/dtype.ts";

export function castNode(from: string, to: string, dtype: DType): Node {
  const attributes = new Map([["to", { kind: "int", value: codeOf(dtype) } as const]]);
  return { name: to, opType: "Cast", domain: "", inputs: [from], outputs: [to], attributes };
}
