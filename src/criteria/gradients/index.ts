/** @file Criteria that are measured with gradients, and what they are made of. */
import { fisher } from "./fisher.ts";
import { gradientActivation } from "./gradient-activation.ts";
import { grasp } from "./grasp.ts";
import { sensitivity } from "./sensitivity.ts";
import { snip } from "./snip.ts";
import { synflow } from "./synflow.ts";
import { taylor } from "./taylor.ts";
import { taylorSigned } from "./taylor-signed.ts";
import { taylorFilter, taylorWeight } from "./taylor-weight.ts";

export { type Aggregate, isAggregate } from "./aggregate.ts";
export {
  type GatedNetwork,
  type GateGradientOptions,
  type GateMeasure,
  type GateOptions,
  type GateRows,
  gateGradients,
  openGates,
} from "./gate-gradients.ts";
export type { GradientOptions } from "./gradient-options.ts";
export { type WeightCriterionName, type WeightScoreOptions, weightScores } from "./weight-scores.ts";

export const gradientCriteria = {
  taylor,
  "taylor-signed": taylorSigned,
  fisher,
  sensitivity,
  "gradient-activation": gradientActivation,
  "taylor-weight": taylorWeight,
  "taylor-filter": taylorFilter,
  snip,
  grasp,
  synflow,
};
