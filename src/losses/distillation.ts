/** @file Distillation: a small network learns the class probabilities of a larger one. */
import { type Classes, type ClassScores, logProbabilities } from "./class-scores.ts";
import { type LossDraft, meanPerExample, type Term } from "./draft.ts";
import type { Distillation } from "./spec.ts";

/**
 * weight · T² · KL(teacher || student) per example, a mean over positions, with both distributions softened by the
 * temperature T. T² keeps the size of the gradients when the temperature changes.
 * @see Hinton, Vinyals & Dean, "Distilling the Knowledge in a Neural Network", arXiv:1503.02531, section 2.
 */
export function distillationTerm(
  draft: LossDraft,
  { count, rank }: Classes,
  scores: { readonly student: ClassScores; readonly teacher: ClassScores },
  { temperature, weight }: Distillation,
): Term {
  const { emit, dtype } = draft;
  const student = logProbabilities(draft, scores.student, temperature); // [N, classes, ...positions]
  const teacher = logProbabilities(draft, scores.teacher, temperature);
  const gap = emit.node("Sub", [student, teacher]); // the student first: its gradient passes through unchanged
  const mean = meanPerExample(draft, emit.node("Mul", [gap, emit.node("Exp", [teacher])]), rank);
  const factor = emit.scalar(-weight * temperature ** 2 * count, dtype);
  return { perExample: emit.node("Mul", [mean, factor]) };
}
