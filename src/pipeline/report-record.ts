/** @file From the result of any command, as `--json` prints it, to what reports are drawn from. */
import { basename } from "node:path";
import { PrunerError } from "../base/problem.ts";
import type { CompareRecord } from "../report/compare-records.ts";
import type { ReportRecord } from "../report/html/record.ts";
import type { OracleRecord } from "../report/oracle-records.ts";
import type { LockedGroup, RunRecord, ScoredGroup } from "../report/records.ts";
import { compareShape } from "./compare-shape.ts";
import type { Shape } from "./document-shape.ts";
import type { Evaluation } from "./evaluate.ts";
import { oracleShape } from "./oracle-shape.ts";
import type { PruneResult } from "./prune-result.ts";
import { demoShape, evaluationShape, pruneShape, scoresShape, trainingShape } from "./result-shapes.ts";
import type { Scores } from "./scores-file.ts";
import type { TrainingRecord } from "./training-record.ts";

/** What the command line adds to every result. */
interface Circumstances {
  readonly run?: RunRecord;
  readonly locked?: readonly LockedGroup[];
}

interface Kind {
  /** Fields that no other kind of result has together. */
  readonly marks: readonly string[];
  readonly shape: Shape;
  readonly record: (document: never) => Partial<ReportRecord>;
}

/** What is not said. */
const empty = {
  command: null,
  figures: null,
  accuracyChange: null,
  removal: null,
  check: null,
  rounds: [],
  kept: [],
  grouped: [],
  layerTimes: null,
  scores: [],
  scoring: null,
  locked: [],
  training: null,
  contenders: [],
  oracle: null,
  comparison: null,
  examples: {},
  rows: null,
  settings: {},
  run: null,
} as const satisfies Omit<ReportRecord, "name">;

const kinds: readonly Kind[] = [
  { marks: ["contenders"], shape: demoShape, record: recordOfDemo },
  { marks: ["plan", "rounds", "after"], shape: pruneShape, record: recordOfPrune },
  { marks: ["history", "lesson", "after"], shape: trainingShape, record: recordOfTraining },
  { marks: ["criterion", "groups", "rows"], shape: scoresShape, record: recordOfScores },
  { marks: ["entries", "contrasts", "conclusions"], shape: compareShape, record: recordOfCompare },
  { marks: ["search", "sets", "coalitions"], shape: oracleShape, record: recordOfOracle },
  { marks: ["after", "before", "examples"], shape: evaluationShape, record: recordOfEvaluation },
];

/** Where results come from, for complaints. */
export const sourcesOfResults =
  "every command that takes --report prints one with --json, such as prune, rank, evaluate, oracle and compare";

/**
 * The record of a result.
 * @param path File the document is from, for complaints and as a name.
 * @param name What the result is called besides; left out, by the model it is about.
 * @throws {PrunerError} `file-invalid` when the document is no result, or not as the tool writes it.
 */
export function reportRecordOf(document: unknown, path: string, name?: string): ReportRecord {
  const kind = kindOf(document);
  if (kind === undefined)
    throw new PrunerError("file-invalid", {
      path,
      detail: `is no result a report can be drawn from; ${sourcesOfResults}`,
    });
  const { schemaVersion, run, locked } = document as Circumstances & { readonly schemaVersion?: unknown };
  if (schemaVersion !== 1)
    throw new PrunerError("file-invalid", {
      path,
      detail: `has schemaVersion ${JSON.stringify(schemaVersion)}, and this version of the tool reads 1; run the command again`,
    });
  const complaint = kind.shape(document, "");
  if (complaint !== undefined) throw new PrunerError("file-invalid", { path, detail: complaint });
  const known = run === undefined ? basename(path).replace(/\.json$/, "") : basename(run.subject);
  return {
    ...empty,
    command: run?.command ?? null,
    ...kind.record(document as never),
    name: name ?? known,
    locked: locked ?? [],
    run: run ?? null,
  };
}

/** Whether a document claims to be a result at all. */
export function isResult(document: unknown): boolean {
  return kindOf(document) !== undefined;
}

function kindOf(document: unknown): Kind | undefined {
  if (typeof document !== "object" || document === null) return undefined;
  return kinds.find(({ marks }) => marks.every((mark) => Object.hasOwn(document, mark)));
}

function recordOfPrune(found: PruneResult): Partial<ReportRecord> {
  const { before, after, accuracyChange, reached, stoppedBy, check, rounds, groups, scoring, rows } = found;
  return {
    command: "prune",
    figures: { before, after, reference: "original" },
    accuracyChange,
    removal: { reached, stoppedBy },
    check,
    rounds,
    kept: groups,
    grouped: found.grouped ?? [],
    layerTimes: found.layerTimes ?? null,
    scores: found.scores ?? [],
    scoring,
    examples: { ...found.examples },
    rows,
  };
}

/** The removals of the demo, as its document has them. */
export interface DemoResult {
  readonly schemaVersion: 1;
  readonly contenders: readonly (PruneResult & { readonly name: string; readonly target: string })[];
}

function recordOfDemo({ contenders }: DemoResult): Partial<ReportRecord> {
  return {
    ...recordOfPrune(contenders[0]!),
    command: "demo",
    contenders: contenders.map(({ name, target, rounds, after, groups, rows }) => ({
      name,
      target,
      cut: rounds[0]?.stages.find(({ stage }) => stage === "sliced") ?? null,
      after,
      kept: groups,
      rows,
    })),
  };
}

function recordOfScores(found: Scores): Partial<ReportRecord> {
  const { criterion, estimator, payoff, data, rows, settings, seed, groups } = found;
  return {
    command: "rank",
    scores: groups.map(
      ({ id, channels, values, standardErrors }): ScoredGroup => ({
        id,
        channels,
        values,
        standardErrors,
        removedAfter: new Array<null>(channels).fill(null),
      }),
    ),
    scoring: { criterion, estimator, payoff, data },
    examples: data === null ? {} : { rank: data.examples },
    rows,
    settings: { ...settings, criterion, estimator, payoff, seed },
  };
}

function recordOfEvaluation(found: Evaluation): Partial<ReportRecord> {
  const { before, after, accuracyChange, examples, layerTimes } = found;
  return {
    layerTimes: layerTimes ?? null,
    command: "evaluate",
    figures: { before, after, reference: "original" },
    accuracyChange,
    examples: { evaluate: examples },
  };
}

function recordOfCompare(found: CompareRecord): Partial<ReportRecord> {
  const { payoff, activations, output, seeds, budgets, shares, examples } = found;
  return {
    command: "compare",
    comparison: found,
    examples: { ...examples },
    settings: { payoff, ...(activations && { activations }), output, seeds, budgets, shares },
  };
}

function recordOfOracle(found: OracleRecord): Partial<ReportRecord> {
  const { group, payoff, activations, output, search, seed, method, data, rows } = found;
  return {
    command: "oracle",
    oracle: found,
    examples: { rank: data.examples },
    rows,
    settings: { group, payoff, output, search, seed, method, ...(activations && { activations }) },
  };
}

function recordOfTraining(found: TrainingRecord): Partial<ReportRecord> {
  const { command, before, after, teacher, accuracyChange, history, bestEpoch, settings, lesson } = found;
  return {
    command,
    figures: { before, after, reference: teacher === null ? "original" : "teacher" },
    accuracyChange,
    training: { epochs: history.epochs, losses: history.losses, bestEpoch },
    examples: found.examples,
    settings: { ...lesson, ...settings },
  };
}
