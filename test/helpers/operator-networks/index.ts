/**
 * @file One small network for each operator that larger ones of the tests do not hold: a convolution "front" of six
 * channels in front of the operator, one behind it, and whether the channels in front may go.
 */
import type { OperatorNetwork } from "./base.ts";
import { contrib } from "./contrib.ts";
import { constants, drawn, randomly, spectra } from "./made.ts";
import { folded, placed, regions, sliced } from "./places.ts";
import { packedAway, quantized } from "./quantized.ts";
import { binary, normalised, ordered, pooled, unary } from "./values.ts";

export const operatorNetworks: readonly OperatorNetwork[] = [
  ...unary,
  ...binary,
  ...normalised,
  ...ordered,
  ...sliced,
  ...placed,
  ...folded,
  ...pooled,
  ...constants,
  ...randomly,
  ...regions,
  ...contrib,
  ...quantized,
  ...packedAway,
  ...spectra,
  ...drawn,
];
