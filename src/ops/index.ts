/** @file The registry of operators: adding one is a rule in its family's folder and a line in that family's table. */
import type { Node } from "../graph/model.ts";
import { broadcasting } from "./broadcasting/index.ts";
import { constants } from "./constants/index.ts";
import { controlFlow } from "./control-flow/index.ts";
import { convolution } from "./convolution/index.ts";
import { elementwise } from "./elementwise/index.ts";
import { indexing } from "./indexing/index.ts";
import { joining } from "./joining/index.ts";
import { linear } from "./linear/index.ts";
import { normalization } from "./normalization/index.ts";
import type { Operator } from "./operator.ts";
import { pooling } from "./pooling/index.ts";
import { quantization } from "./quantization/index.ts";
import { recurrent } from "./recurrent/index.ts";
import { reduction } from "./reduction/index.ts";
import { resampling } from "./resampling/index.ts";
import { reshaping } from "./reshaping/index.ts";

/** Every operator of the standard domain the product has rules for, by name. */
export const operators: Readonly<Record<string, Operator>> = {
  ...broadcasting,
  ...constants,
  ...controlFlow,
  ...convolution,
  ...elementwise,
  ...indexing,
  ...joining,
  ...linear,
  ...normalization,
  ...pooling,
  ...quantization,
  ...recurrent,
  ...reduction,
  ...resampling,
  ...reshaping,
};

/** The rules of a node's operator; undefined for operators of other domains and unknown ones. */
export function operatorOf(node: Node): Operator | undefined {
  return node.domain === "" && Object.hasOwn(operators, node.opType) ? operators[node.opType] : undefined;
}
