/** @file The registry of operators: adding one is a rule in its family's folder and a line in that family's table. */
import type { Node } from "../graph/model.ts";
import { attentions, contribAttentions } from "./attention/index.ts";
import { broadcasting, contribBroadcasting } from "./broadcasting/index.ts";
import { constants } from "./constants/index.ts";
import { controlFlow } from "./control-flow/index.ts";
import { contribConvolution, convolution } from "./convolution/index.ts";
import { contribElementwise, elementwise } from "./elementwise/index.ts";
import { contribIndexing, indexing } from "./indexing/index.ts";
import { joining } from "./joining/index.ts";
import { contribLinear, linear } from "./linear/index.ts";
import { contribNormalization, normalization } from "./normalization/index.ts";
import type { Operator } from "./operator.ts";
import { pooling } from "./pooling/index.ts";
import { contribQuantization, quantization } from "./quantization/index.ts";
import { random } from "./random/index.ts";
import { recurrent } from "./recurrent/index.ts";
import { reduction } from "./reduction/index.ts";
import { contribResampling, resampling } from "./resampling/index.ts";
import { reshaping } from "./reshaping/index.ts";
import { signal } from "./signal/index.ts";

/** Every operator of the standard domain the product has rules for, by name. */
export const operators: Readonly<Record<string, Operator>> = {
  ...attentions,
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
  ...random,
  ...recurrent,
  ...reduction,
  ...resampling,
  ...reshaping,
  ...signal,
};

/** Operators of onnxruntime's own domain, as its optimizer and exporters for it write them. */
export const contribOperators: Readonly<Record<string, Operator>> = {
  ...contribAttentions,
  ...contribBroadcasting,
  ...contribConvolution,
  ...contribElementwise,
  ...contribIndexing,
  ...contribLinear,
  ...contribNormalization,
  ...contribQuantization,
  ...contribResampling,
};

const domains: ReadonlyMap<string, Readonly<Record<string, Operator>>> = new Map([
  ["", operators],
  ["com.microsoft", contribOperators],
]);

/** The rules of a node's operator; undefined for operators of other domains and unknown ones. */
export function operatorOf(node: Node): Operator | undefined {
  const own = domains.get(node.domain);
  return own !== undefined && Object.hasOwn(own, node.opType) ? own[node.opType] : undefined;
}
