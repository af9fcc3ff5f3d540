/** @file Cuts data by purpose, so that no example ranks, teaches, decides and judges at once. */
import { PrunerError } from "../base/problem.ts";
import { type Dataset, split, take } from "../datasets/index.ts";

/** Disjoint parts of the data; undefined where nobody asked for one. */
export interface DataParts {
  readonly rank: Dataset;
  /** Holds an accuracy floor. */
  readonly decide: Dataset | undefined;
  /** What repair compares the network with the original on. A part of `tune` where the network is tuned as well. */
  readonly calibrate: Dataset | undefined;
  /** What the network is trained on. */
  readonly tune: Dataset | undefined;
  /** Chooses the best epoch. */
  readonly validate: Dataset | undefined;
  /** For the figures at the end. */
  readonly evaluate: Dataset;
}

/** What examples are wanted for, besides the final figures. */
export interface Purposes {
  readonly rank: boolean;
  readonly decide: boolean;
  readonly repair: boolean;
  readonly tune: boolean;
}

/** Most examples a ranking needs: orders and examples are drawn together, so more of them add little. */
const rankExamples = 1000;

/** Most examples for a decision or a choice. */
const decideExamples = 2000;

/** Most examples that repair looks at: from about 2,000 on more of them add little. */
const calibrateExamples = 2000;

/** Most examples kept for the final figures where the others can learn. */
const evaluateExamples = 10_000;

/** Fewest examples of a part. */
const fewestExamples = 2;

/** Share of the examples to learn from that chooses the best epoch. */
const validationShare = 0.1;

/**
 * Cuts a data set in disjoint, stratified parts. With test data of its own, all of that serves the final figures.
 * Where examples serve no other end but the ranking, 2,000 of them do, else at most 1,000.
 * @throws {PrunerError} `usage` for fewer than two examples a part.
 */
export function cutData(
  data: Dataset,
  test: Dataset | undefined,
  seed: number,
  purposes: Purposes,
): DataParts {
  const none = { decide: undefined, calibrate: undefined, tune: undefined, validate: undefined };
  const { decide, repair, tune } = purposes;
  const learns = repair || tune;
  const rank = purposes.rank || learns; // so that a saved plan is repaired on the examples the first run had
  if (!decide && !learns && (!rank || test !== undefined)) {
    return { ...none, rank: rank ? atMost(data, 2 * rankExamples, seed) : data, evaluate: test ?? data };
  }
  const sizes = sizesOf(data, test === undefined, { ...purposes, rank });
  const indices = split(data, { seed, parts: sizes });
  const part = (name: string): Dataset | undefined =>
    sizes[name] === undefined ? undefined : take(data, indices[name]!);
  const learn = part("learn");
  const [tuned, validate] = tune ? validationOf(learn!, seed) : [undefined, undefined];
  const calibrate = repair ? atMost(tuned ?? learn!, calibrateExamples, seed) : undefined;
  const evaluate = test ?? part("evaluate")!;
  return {
    rank: part("rank") ?? calibrate ?? evaluate,
    decide: part("decide"),
    calibrate,
    tune: tuned,
    validate,
    evaluate,
  };
}

/** Numbers of examples by part. */
function sizesOf(
  data: Dataset,
  evaluates: boolean,
  { rank, decide, repair, tune }: Purposes,
): Record<string, number> {
  const learns = repair || tune;
  const shares = [rank, decide, learns, evaluates].filter(Boolean).length;
  const each = Math.floor(data.size / shares);
  if (each < fewestExamples)
    throw new PrunerError("usage", {
      detail: `${data.name}: ${data.size} examples are too few to be cut into ${shares} parts that serve ${endsOf({ rank, decide, repair, tune }, evaluates)} apart. Give more examples, or some of their own with --test-data${repair ? ", or leave repair out with --no-repair" : ""}.`,
    });
  const sizes: Record<string, number> = {};
  if (rank) sizes["rank"] = Math.min(rankExamples, each);
  if (decide) sizes["decide"] = Math.min(decideExamples, each);
  const left = data.size - Object.values(sizes).reduce((sum, size) => sum + size, 0);
  if (learns && !evaluates) sizes["learn"] = tune ? left : Math.min(calibrateExamples, left);
  else if (tune) {
    sizes["evaluate"] = Math.min(evaluateExamples, Math.floor(data.size / 5), each);
    sizes["learn"] = left - sizes["evaluate"];
  } else {
    if (learns) sizes["learn"] = Math.min(calibrateExamples, each);
    if (evaluates) sizes["evaluate"] = left - (sizes["learn"] ?? 0);
  }
  return sizes;
}

function endsOf({ rank, decide, repair, tune }: Purposes, evaluates: boolean): string {
  const ends = [
    rank && "ranking",
    decide && "decisions",
    tune ? "tuning" : repair && "repair",
    evaluates && "final figures",
  ];
  return ends
    .filter((end) => end !== false)
    .join(", ")
    .replace(/, ([^,]*)$/, " and $1");
}

function validationOf(learn: Dataset, seed: number): [Dataset, Dataset] {
  const validate = Math.min(decideExamples, Math.max(1, Math.floor(validationShare * learn.size)));
  const indices = split(learn, { seed, parts: { tune: learn.size - validate, validate } });
  return [take(learn, indices.tune), take(learn, indices.validate)];
}

/** A stratified part of the data where they are more than so many. */
export function atMost(data: Dataset, most: number, seed: number): Dataset {
  return data.size <= most ? data : take(data, split(data, { seed, parts: { part: most } }).part);
}
