/** @file Good sets of groups too large for every coalition, with what is and is not known about them. */
import { PrunerError } from "../base/problem.ts";
import type { WholeGame } from "../games/whole-game.ts";
import { beamSearch, branchAndBound, type FoundSet } from "../oracle/index.ts";
import type { OracleRecord, SizeRecord } from "../report/oracle-records.ts";
import type { OracleSearch } from "./oracle-options.ts";
import type { WorkOptions } from "./progress.ts";

export interface BeyondOptions extends WorkOptions {
  readonly group: string;
  readonly workers: number;
}

/** Searches without trying everything. @throws {PrunerError} `invalid-option` for a size that is none or all. */
export async function searchBeyond(
  search: Exclude<OracleSearch, { readonly kind: "exhaustive" }>,
  game: WholeGame,
  { group, workers, signal, onProgress }: BeyondOptions,
): Promise<Pick<OracleRecord, "sets" | "coalitions">> {
  const { players } = game;
  const wrong = search.kind === "beam" ? undefined : search.sizes.find((size) => size < 1 || size >= players);
  if (wrong !== undefined)
    throw new PrunerError("invalid-option", {
      option: "sizes",
      got: String(wrong),
      expected: `channels to keep, from 1 to ${players - 1} for this group`,
    });
  const concurrency = 2 * workers;
  const beam = await beamSearch(game, {
    width: search.width,
    concurrency,
    signal,
    onProgress: (done, total) => onProgress?.({ label: `${group}: beam search`, done, total, unit: "steps" }),
  });
  if (search.kind === "beam")
    return {
      sets: beam.sets.map((set) => recordOf(set, players, set.guarantee)),
      coalitions: beam.coalitions,
    };
  const sets: SizeRecord[] = [];
  let { coalitions } = beam;
  for (const size of search.sizes) {
    const result = await branchAndBound(game, {
      size,
      coalitions: search.coalitions,
      slack: search.slack,
      incumbent: beam.sets.find((set) => set.size === size),
      concurrency,
      signal,
      onProgress: (done, total) =>
        onProgress?.({ label: `${group}: best ${size} to keep`, done, total, unit: "coalitions" }),
    });
    coalitions += result.coalitions;
    sets.push({ ...recordOf(result.found, players, result.guarantee), rises: result.rises });
  }
  return { sets, coalitions };
}

function recordOf(
  { size, keep, worth }: FoundSet,
  players: number,
  guarantee: SizeRecord["guarantee"],
): SizeRecord {
  const kept = new Set(keep);
  const remove = Array.from({ length: players }, (_, i) => i).filter((i) => !kept.has(i));
  return { size, keep, remove, worth, mean: null, worst: null, ties: null, guarantee };
}
