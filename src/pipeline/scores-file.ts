/** @file The scores file: what a ranking found, and under which conditions, as versioned JSON without times or paths. */

import { readBytes, writeAtomically } from "../base/atomic-file.ts";
import { PrunerError } from "../base/problem.ts";
import { tool } from "../base/version.ts";
import type { EstimatorState } from "../estimators/index.ts";
import type { PayoffKind } from "../metrics/index.ts";
import type { GroupScores } from "../report/records.ts";
import type { PayoffSetup } from "../valuation/targets.ts";
import type { OpenGroup, RankSettings } from "./rank-context.ts";

/** Conditions that decide the numbers. Equal conditions give equal bytes, whatever the number of workers. */
export interface ScoresHeader {
  readonly schemaVersion: 1;
  readonly tool: string;
  readonly version: string;
  /** Version of the runtime that evaluated coalitions; null when none did. */
  readonly runtime: string | null;
  /** SHA-256 of the model, its files of external weights included. */
  readonly model: string;
  readonly data: { readonly fingerprint: string; readonly examples: number } | null;
  readonly criterion: RankSettings["criterion"];
  readonly estimator: string | null;
  /** "joint" where the channels of all groups played one game; left out where each group played its own. */
  readonly players?: "joint";
  readonly payoff: PayoffKind | null;
  /** What stood in for labels, where something did. */
  readonly labels?: PayoffSetup["labels"];
  readonly output: string | null;
  readonly seed: number;
  readonly settings: Omit<RankSettings, "criterion" | "estimator" | "players" | "seed" | "memory">;
  readonly groupIds: readonly string[];
}

export interface Scores extends ScoresHeader {
  /** Rows spent on all groups together. */
  readonly rows: number;
  readonly groups: readonly GroupScores[];
}

/** What an interrupted ranking leaves behind. */
export interface PartialScores {
  readonly header: ScoresHeader;
  readonly finished: readonly GroupScores[];
  readonly current: EstimatorState | null;
  /** Where groups stood that were played at once. */
  readonly open?: readonly OpenGroup[] | undefined;
  /** Names of those whose next step had been asked for. */
  readonly asked?: readonly string[] | undefined;
}

/** The conditions of a ranking by this version of the tool. */
export function headerOf(header: Omit<ScoresHeader, "schemaVersion" | "tool" | "version">): ScoresHeader {
  return { schemaVersion: 1, tool: tool.name, version: tool.version, ...header };
}

/** The scores file as data. */
export function scoresDocument(header: ScoresHeader, groups: readonly GroupScores[]): Scores {
  return { ...header, rows: groups.reduce((sum, { rows }) => sum + rows, 0), groups };
}

/** Writes JSON that appears whole or not at all. @throws {PrunerError} `file-unwritable`. */
export function writeJson(path: string, document: unknown): Promise<void> {
  return writeAtomically(path, `${JSON.stringify(document, undefined, 1)}\n`);
}

/** @throws {PrunerError} `file-not-found`, `file-invalid`. */
export async function readJson(path: string): Promise<unknown> {
  const text = new TextDecoder().decode(await readBytes(path));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PrunerError(
      "file-invalid",
      { path, detail: `is not JSON (${(cause as Error).message})` },
      { cause },
    );
  }
}

/** @throws {PrunerError} `file-invalid` when it is no scores file of this version. */
export async function readScores(path: string): Promise<Scores> {
  const document = ((await readJson(path)) ?? {}) as Partial<Scores>;
  if (document.schemaVersion !== 1 || !isScoresList(document.groups))
    throw new PrunerError("file-invalid", {
      path,
      detail: "is not a scores file of this version; write one with rank --out",
    });
  return document as Scores;
}

function isScoresList(groups: unknown): groups is GroupScores[] {
  const isGroup = (group: Partial<GroupScores> | null): boolean =>
    typeof group?.id === "string" &&
    Array.isArray(group.values) &&
    group.values.length === group.channels &&
    group.values.every(Number.isFinite);
  return Array.isArray(groups) && groups.every(isGroup);
}

/** Where an interrupted ranking with this output keeps its state. */
export function partialPath(out: string): string {
  return `${out}.partial`;
}

/**
 * The state an interrupted run left, or undefined when there is none.
 * @throws {PrunerError} `state-mismatch` when it belongs to a run with other settings, `file-invalid` when it is damaged.
 */
export async function readPartial(out: string, header: ScoresHeader): Promise<PartialScores | undefined> {
  const path = partialPath(out);
  let document: Partial<PartialScores>;
  try {
    document = ((await readJson(path)) ?? {}) as Partial<PartialScores>;
  } catch (error) {
    if (error instanceof PrunerError && error.code === "file-not-found") return undefined;
    throw error;
  }
  const different = Object.keys(header).find(
    (key) =>
      JSON.stringify(document.header?.[key as keyof ScoresHeader]) !==
      JSON.stringify(header[key as keyof ScoresHeader]),
  );
  if (different !== undefined)
    throw new PrunerError("state-mismatch", { path, detail: `its ${different} differs` });
  const { finished, current = null, open, asked } = document;
  if (!isScoresList(finished) || finished.length > header.groupIds.length)
    throw new PrunerError("file-invalid", {
      path,
      detail: "is not the state of a run; delete it and start without --resume",
    });
  return { header, finished, current, ...(open !== undefined && { open, asked }) };
}
