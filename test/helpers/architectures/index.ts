/** @file Every architecture the tests build, by family. */
import type { Architecture } from "./architecture.ts";
import { classic } from "./classic.ts";
import { controlFlow } from "./control-flow.ts";
import { convNexts } from "./convnext.ts";
import { densePrediction } from "./dense-prediction.ts";
import { experts } from "./experts.ts";
import { exporters } from "./exporters.ts";
import { foundInExports } from "./found-in-exports.ts";
import { fusedTransformers } from "./fused-transformers.ts";
import { groupNorms } from "./group-norms.ts";
import { languageModels } from "./language-models.ts";
import { mergedAxes } from "./merged-axes.ts";
import { mobile } from "./mobile.ts";
import { packedWeights } from "./packed-weights.ts";
import { patterns } from "./patterns.ts";
import { precision } from "./precision.ts";
import { recurrent } from "./recurrent.ts";
import { residual } from "./residual.ts";
import { rotaryPositions } from "./rotary-positions.ts";
import { runTimeRanges } from "./run-time-ranges.ts";
import { signals } from "./signals.ts";
import { stretched } from "./stretched.ts";
import { visionTransformers } from "./vision-transformers.ts";
import { yolo } from "./yolo.ts";

export const architectures: Readonly<Record<string, readonly Architecture[]>> = {
  classic,
  residual,
  mobile,
  ConvNeXt: convNexts,
  "group norms": groupNorms,
  "dense prediction": densePrediction,
  YOLO: yolo,
  signals,
  recurrent,
  "vision transformers": visionTransformers,
  "language models": languageModels,
  "rotary positions": rotaryPositions,
  "transformers in fused operators": fusedTransformers,
  experts,
  exporters,
  patterns,
  "found in exports": foundInExports,
  stretched,
  "merged axes": mergedAxes,
  precision,
  "ranges at run time": runTimeRanges,
  "weights of few bits": packedWeights,
  "control flow": controlFlow,
};
