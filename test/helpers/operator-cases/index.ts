/** @file One random one-node model per operator, with valid shapes and attributes, for suites that compare engines. */
import { broadcastingCases } from "./broadcasting.ts";
import { constantsCases } from "./constants.ts";
import { convolutionCases } from "./convolution.ts";
import { elementwiseCases } from "./elementwise.ts";
import { indexingCases } from "./indexing.ts";
import { joiningCases } from "./joining.ts";
import { linearCases } from "./linear.ts";
import { normalizationCases } from "./normalization.ts";
import type { OperatorCases } from "./operator-case.ts";
import { poolingCases } from "./pooling.ts";
import { quantizationCases } from "./quantization.ts";
import { reductionCases } from "./reduction.ts";
import { resamplingCases } from "./resampling.ts";
import { reshapingCases } from "./reshaping.ts";

/** All cases, family by family. */
export const operatorCases: readonly OperatorCases[] = [
  ...convolutionCases,
  ...linearCases,
  ...normalizationCases,
  ...elementwiseCases,
  ...broadcastingCases,
  ...poolingCases,
  ...reshapingCases,
  ...indexingCases,
  ...resamplingCases,
  ...joiningCases,
  ...constantsCases,
  ...reductionCases,
  ...quantizationCases,
];
