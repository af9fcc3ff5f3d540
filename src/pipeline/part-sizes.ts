/** @file How many examples serve each purpose, where no example may serve two. */

/** What examples are wanted for. */
export interface Purpose {
  readonly name: string;
  /** Examples it can use at most, in one part. */
  readonly most: number;
  /** Parts of that size it takes; default 1. */
  readonly parts?: number;
}

/** Most examples a ranking needs: orders and examples are drawn together, so more of them add little. */
export const rankExamples = 1000;

/** Most examples for a decision or a choice. */
export const decideExamples = 2000;

/** Most examples that repair looks at: from about 2,000 on more of them add little. */
export const calibrateExamples = 2000;

/** Most examples kept for the final figures where others can be learned from. */
export const evaluateExamples = 10_000;

/** Fewest examples of a part. */
export const fewestExamples = 2;

/** Share of the examples to learn from that chooses the best epoch. */
const validationShare = 0.1;

/** The final figures where the rest goes to training: no more than a fifth. */
export function figuresBesideTraining(size: number): Purpose {
  return { name: "evaluate", most: Math.min(evaluateExamples, Math.floor(size / 5)) };
}

/** Of so many examples to learn from, those that choose the best epoch. */
export function validationSize(learn: number): number {
  return Math.min(decideExamples, Math.max(1, Math.floor(validationShare * learn)));
}

/**
 * Examples of one part of each purpose. No purpose takes more than its even share; the last may have all that the others
 * leave.
 * @param rest Purpose that may have more than its share.
 */
export function partSizes(
  size: number,
  purposes: readonly Purpose[],
  rest: Purpose | undefined,
): { readonly share: number; readonly sizes: Readonly<Record<string, number>> } {
  const share = Math.floor(size / (purposes.length + (rest === undefined ? 0 : 1)));
  const sizes: Record<string, number> = {};
  let left = size;
  for (const { name, most, parts = 1 } of purposes) {
    sizes[name] = Math.min(most, Math.floor(share / parts));
    left -= parts * sizes[name];
  }
  if (rest !== undefined) sizes[rest.name] = Math.min(rest.most, left);
  return { share, sizes };
}
