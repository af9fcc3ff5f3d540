/** @file What a removal in rounds keeps of its finished work, and asks for before it does it again. */
import type { Model } from "../graph/model.ts";
import type { GroupScores, RoundRecord } from "../report/records.ts";
import type { FitOptions } from "../training/fit.ts";

/** Rankings and rounds count from 0. */
export interface KeptWork {
  /** The ranking if it was finished before, undefined otherwise. */
  ranking(round: number): Promise<readonly GroupScores[] | undefined>;
  keepRanking(round: number, scores: readonly GroupScores[]): Promise<void>;
  /** What a finished round has left, and its record. */
  round(round: number): Promise<{ readonly model: Model; readonly record: RoundRecord } | undefined>;
  keepRound(round: number, model: Model, record: RoundRecord): Promise<void>;
  /** Where the training of a round keeps its state; it goes on from what is there. */
  training(round: number): Promise<FitOptions["checkpoint"]>;
}
