/** @file The registry of gradient rules: adding one is a function in its family's gradient.ts and a line in that table. */
import type { Node } from "../graph/model.ts";
import { broadcastingGradients } from "./broadcasting/gradient.ts";
import { constantGradients } from "./constants/gradient.ts";
import { convolutionGradients } from "./convolution/gradient.ts";
import { elementwiseGradients } from "./elementwise/gradient.ts";
import type { GradientRule } from "./gradient.ts";
import { indexingGradients } from "./indexing/gradient.ts";
import { joiningGradients } from "./joining/gradient.ts";
import { linearGradients } from "./linear/gradient.ts";
import { normalizationGradients } from "./normalization/gradient.ts";
import { poolingGradients } from "./pooling/gradient.ts";
import { reductionGradients } from "./reduction/gradient.ts";
import { resamplingGradients } from "./resampling/gradient.ts";
import { reshapingGradients } from "./reshaping/gradient.ts";

/** Every operator of the standard domain with a gradient rule, by name. */
export const gradientRules: Readonly<Record<string, GradientRule>> = {
  ...broadcastingGradients,
  ...constantGradients,
  ...convolutionGradients,
  ...elementwiseGradients,
  ...indexingGradients,
  ...joiningGradients,
  ...linearGradients,
  ...normalizationGradients,
  ...poolingGradients,
  ...reductionGradients,
  ...resamplingGradients,
  ...reshapingGradients,
};

/** The gradient rule of a node's operator; undefined where there is none. */
export function gradientRuleOf(node: Node): GradientRule | undefined {
  return node.domain === "" && Object.hasOwn(gradientRules, node.opType)
    ? gradientRules[node.opType]
    : undefined;
}
