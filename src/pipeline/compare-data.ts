/** @file Cuts data for a comparison: every seed ranks and draws curves on examples of its own. */
import { PrunerError } from "../base/problem.ts";
import { type Dataset, split, take } from "../datasets/index.ts";

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

/** Most examples that a seed ranks on. */
const rankExamples = 1000;

/** Most examples that choose the best epoch. */
const validateExamples = 2000;

/** Most examples kept for the final figures where there are others to learn from. */
const evaluateExamples = 10_000;

/** Fewest examples of a part. */
const fewestExamples = 2;

const validationShare = 0.1;

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
  const { seeds, network, tune } = cut;
  const repairs = network && cut.calibrateExamples > 0;
  const evaluates = network && !hasTest;
  const ends = [true, true, repairs, network && tune, evaluates].filter(Boolean).length;
  const each = Math.floor(data.size / ends);
  const ranked = Math.min(rankExamples, Math.floor(each / seeds));
  const drawn = Math.min(cut.curveExamples, Math.floor(each / seeds));
  if (Math.min(ranked, drawn) < fewestExamples)
    throw new PrunerError("usage", {
      detail: `${data.name}: ${data.size} ${data.size === 1 ? "example is" : "examples are"} too few for ${seeds} ${seeds === 1 ? "seed" : "seeds"} with examples of its own to rank on and others for curves${network ? ", besides those that whole networks are measured with" : ""}. Give more examples, or fewer --seeds${network ? ", or leave whole networks out with --no-network" : ""}.`,
    });
  const sizes: Record<string, number> = {};
  for (let k = 0; k < seeds; k++) {
    sizes[`rank ${k}`] = ranked;
    sizes[`curves ${k}`] = drawn;
  }
  const left = data.size - seeds * (ranked + drawn);
  if (repairs) sizes["calibrate"] = Math.min(cut.calibrateExamples, each);
  const rest = left - (sizes["calibrate"] ?? 0);
  if (network && tune) {
    if (evaluates) sizes["evaluate"] = Math.min(evaluateExamples, Math.floor(data.size / 5), each);
    const learn = rest - (sizes["evaluate"] ?? 0);
    sizes["validate"] = Math.min(validateExamples, Math.max(1, Math.floor(validationShare * learn)));
    sizes["tune"] = learn - sizes["validate"];
  } else if (evaluates) sizes["evaluate"] = Math.min(evaluateExamples, rest);
  return sizes;
}
