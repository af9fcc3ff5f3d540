/** @file What criteria of derivatives per example have in common. */
import { type Criterion, gradientsOf } from "../criterion.ts";
import type { Aggregate } from "./aggregate.ts";
import type { ExampleScore } from "./example-scores.ts";

interface Description extends ExampleScore, Pick<Criterion, "title" | "reference" | "description"> {
  readonly name: string;
  /** How examples are folded unless another way is asked for; default `mean`. */
  readonly aggregate?: Aggregate;
}

/** A criterion that scores every example on its own and folds the scores. */
export function exampleCriterion({
  name,
  measure,
  of,
  aggregate = "mean",
  ...texts
}: Description): Criterion {
  const score: ExampleScore = { measure, of };
  return {
    title: texts.title,
    reference: texts.reference,
    description: texts.description,
    needs: "gradients",
    aggregate,
    score: async (context) =>
      (await gradientsOf(context, name).channels(score, aggregate))[context.group]!.slice(),
  };
}
