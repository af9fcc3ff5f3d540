/** @file Every architecture the tests build, by family. */
import type { Architecture } from "./architecture.ts";
import { classic } from "./classic.ts";
import { mobile } from "./mobile.ts";
import { residual } from "./residual.ts";

export const architectures: Readonly<Record<string, readonly Architecture[]>> = {
  classic,
  residual,
  mobile,
};
