/** @file Every architecture the tests build, by family. */
import type { Architecture } from "./architecture.ts";
import { classic } from "./classic.ts";
import { controlFlow } from "./control-flow.ts";
import { convNexts } from "./convnext.ts";
import { densePrediction } from "./dense-prediction.ts";
import { exporters } from "./exporters.ts";
import { mobile } from "./mobile.ts";
import { precision } from "./precision.ts";
import { residual } from "./residual.ts";
import { signals } from "./signals.ts";
import { visionTransformers } from "./vision-transformers.ts";
import { yolo } from "./yolo.ts";

export const architectures: Readonly<Record<string, readonly Architecture[]>> = {
  classic,
  residual,
  mobile,
  ConvNeXt: convNexts,
  "dense prediction": densePrediction,
  YOLO: yolo,
  signals,
  "vision transformers": visionTransformers,
  exporters,
  precision,
  "control flow": controlFlow,
};
