/** @file The reference kernel of every operator that has one. */
import { broadcastingKernels } from "./broadcasting/kernel.ts";
import { constantKernels } from "./constants/kernel.ts";
import { convolutionKernels } from "./convolution/kernel.ts";
import { elementwiseKernels } from "./elementwise/kernel.ts";
import { indexingKernels } from "./indexing/kernel.ts";
import { joiningKernels } from "./joining/kernel.ts";
import type { Kernel } from "./kernel.ts";
import { guarded } from "./kernel-support/guarded.ts";
import { linearKernels } from "./linear/kernel.ts";
import { normalizationKernels } from "./normalization/kernel.ts";
import { poolingKernels } from "./pooling/kernel.ts";
import { quantizationKernels } from "./quantization/kernel.ts";
import { reductionKernels } from "./reduction/kernel.ts";
import { resamplingKernels } from "./resampling/kernel.ts";
import { reshapingKernels } from "./reshaping/kernel.ts";

const families = [
  broadcastingKernels,
  constantKernels,
  convolutionKernels,
  elementwiseKernels,
  indexingKernels,
  joiningKernels,
  linearKernels,
  normalizationKernels,
  poolingKernels,
  quantizationKernels,
  reductionKernels,
  resamplingKernels,
  reshapingKernels,
];

/** Kernels of the standard ONNX domain, by operator. Without a prototype, so that no name finds what is not a kernel. */
export const kernels: Readonly<Record<string, Kernel>> = Object.assign(
  Object.create(null) as Record<string, Kernel>,
  ...families.map((family) =>
    Object.fromEntries(Object.entries(family).map(([opType, kernel]) => [opType, guarded(kernel)])),
  ),
);
