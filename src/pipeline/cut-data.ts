/** @file Cuts data by purpose, so that no example ranks, teaches, decides and judges at once. */
import { PrunerError } from "../base/problem.ts";
import { type Dataset, split, take } from "../datasets/index.ts";
import {
  calibrateExamples,
  decideExamples,
  fewestExamples,
  figuresBesideTraining,
  type Purpose,
  partSizes,
  rankExamples,
  validationSize,
} from "./part-sizes.ts";

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
): Readonly<Record<string, number>> {
  const learn = { name: "learn", most: tune ? Number.POSITIVE_INFINITY : calibrateExamples };
  const judge = { name: "evaluate", most: Number.POSITIVE_INFINITY };
  const wanted: Purpose[] = [];
  if (rank) wanted.push({ name: "rank", most: rankExamples });
  if (decide) wanted.push({ name: "decide", most: decideExamples });
  if (evaluates && tune) wanted.push(figuresBesideTraining(data.size));
  if (evaluates && repair && !tune) wanted.push(learn);
  const rest = tune || (repair && !evaluates) ? learn : evaluates ? judge : undefined;
  const { share, sizes } = partSizes(data.size, wanted, rest);
  if (share < fewestExamples) {
    const shares = wanted.length + (rest === undefined ? 0 : 1);
    throw new PrunerError("usage", {
      detail: `${data.name}: ${data.size} examples are too few to be cut into ${shares} parts that serve ${endsOf({ rank, decide, repair, tune }, evaluates)} apart. Give more examples, or some of their own with --test-data${repair ? ", or leave repair out with --no-repair" : ""}.`,
    });
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
  const validate = validationSize(learn.size);
  const indices = split(learn, { seed, parts: { tune: learn.size - validate, validate } });
  return [take(learn, indices.tune), take(learn, indices.validate)];
}

/** A stratified part of the data where they are more than so many. */
export function atMost(data: Dataset, most: number, seed: number): Dataset {
  return data.size <= most ? data : take(data, split(data, { seed, parts: { part: most } }).part);
}
