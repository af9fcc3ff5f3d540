/** @file Cuts data for a comparison: every seed ranks and draws curves on examples of its own. */
import { PrunerError } from "../base/problem.ts";
import { type Dataset, split, take } from "../datasets/index.ts";
import {
  evaluateExamples,
  fewestExamples,
  figuresBesideTraining,
  type Purpose,
  partSizes,
  rankExamples,
  validationSize,
} from "./part-sizes.ts";

/** Disjoint parts of the data. */
export interface CompareParts {
  /** Shape [seeds]: what each seed ranks on. */
  readonly rank: readonly Dataset[];
  /** All examples that are ranked on. */
  readonly pool: Dataset;
  /** Shape [seeds]: what each seed measures payoff curves on. */
  readonly curves: readonly Dataset[];
  readonly calibrate: Dataset | undefined;
  readonly tune: Dataset | undefined;
  readonly validate: Dataset | undefined;
  /** Undefined where no network is pruned. */
  readonly evaluate: Dataset | undefined;
}

export interface CompareCut {
  readonly seed: number;
  readonly seeds: number;
  /** Examples of each seed that curves are measured on, at most. */
  readonly curveExamples: number;
  /** Examples that repair looks at, at most; 0 without repair. */
  readonly calibrateExamples: number;
  readonly tune: boolean;
  readonly network: boolean;
}

/**
 * Cuts a data set in disjoint, stratified parts. No part takes more than its share of the examples while others could
 * still use them. With test data of its own, all of that serves the final figures.
 * @throws {PrunerError} `usage` for fewer than two examples for any seed or end.
 */
export function cutForComparison(data: Dataset, test: Dataset | undefined, cut: CompareCut): CompareParts {
  const sizes = sizesOf(data, test !== undefined, cut);
  const indices = split(data, { seed: cut.seed, parts: sizes });
  const part = (name: string): Dataset | undefined =>
    sizes[name] === undefined ? undefined : take(data, indices[name]!);
  const bySeed = (name: string) => Array.from({ length: cut.seeds }, (_, k) => part(`${name} ${k}`)!);
  const pool = Array.from({ length: cut.seeds }, (_, k) => Array.from(indices[`rank ${k}`]!)).flat();
  return {
    rank: bySeed("rank"),
    pool: take(
      data,
      pool.sort((a, b) => a - b),
    ),
    curves: bySeed("curves"),
    calibrate: part("calibrate"),
    tune: part("tune"),
    validate: part("validate"),
    evaluate: cut.network ? (test ?? part("evaluate")) : undefined,
  };
}

function sizesOf(data: Dataset, hasTest: boolean, cut: CompareCut): Record<string, number> {
  const { seeds, network } = cut;
  const tune = network && cut.tune;
  const evaluates = network && !hasTest;
  const learn = { name: "learn", most: Number.POSITIVE_INFINITY };
  const judge = { name: "evaluate", most: evaluateExamples };
  const wanted: Purpose[] = [
    { name: "rank", most: rankExamples, parts: seeds },
    { name: "curves", most: cut.curveExamples, parts: seeds },
  ];
  if (network && cut.calibrateExamples > 0) wanted.push({ name: "calibrate", most: cut.calibrateExamples });
  if (evaluates && tune) wanted.push(figuresBesideTraining(data.size));
  const rest = tune ? learn : evaluates ? judge : undefined;
  const { rank, curves, learn: learned, ...others } = partSizes(data.size, wanted, rest).sizes;
  if (Math.min(rank!, curves!) < fewestExamples)
    throw new PrunerError("usage", {
      detail: `${data.name}: ${data.size} ${data.size === 1 ? "example is" : "examples are"} too few for ${seeds} ${seeds === 1 ? "seed" : "seeds"} with examples of its own to rank on and others for curves${network ? ", besides those that whole networks are measured with" : ""}. Give more examples, or fewer --seeds${network ? ", or leave whole networks out with --no-network" : ""}.`,
    });
  const sizes: Record<string, number> = {};
  for (let k = 0; k < seeds; k++) {
    sizes[`rank ${k}`] = rank!;
    sizes[`curves ${k}`] = curves!;
  }
  Object.assign(sizes, others);
  if (learned !== undefined) {
    sizes["validate"] = validationSize(learned);
    sizes["tune"] = learned - sizes["validate"];
  }
  return sizes;
}
