/** @file Gradients of Gemm and MatMul. */
import type { GradientRule } from "../gradient.ts";

export const linearGradients: Readonly<Record<string, GradientRule>> = {};
