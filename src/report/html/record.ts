/** @file What a report is drawn from: the results of any command in one form, with what it has not left empty. */
import type { LayerTimes } from "../../evaluation/layer-times.ts";
import type { PairedAccuracy } from "../../metrics/index.ts";
import type { EpochRecord } from "../../training/train.ts";
import type { CompareRecord } from "../compare-records.ts";
import type { OracleRecord } from "../oracle-records.ts";
import type {
  GroupedLayer,
  LockedGroup,
  ModelFigures,
  RoundRecord,
  RunRecord,
  ScoredGroup,
  ScoringConditions,
  StageQuality,
} from "../records.ts";

/** Curves of a training run. */
export interface TrainingCurves {
  readonly epochs: readonly EpochRecord[];
  /** Loss of every step. */
  readonly losses: readonly number[];
  /** Epoch the written model comes from, from 1. */
  readonly bestEpoch: number;
}

/** One of several removals from the same network. */
export interface Contender {
  readonly name: string;
  /** What it was asked to reach; those with the same target compare. */
  readonly target: string;
  /** Right after the first cut; null where that was not measured. */
  readonly cut: StageQuality | null;
  readonly after: ModelFigures;
  readonly kept: readonly { readonly id: string; readonly channels: number; readonly kept: number }[];
  /** Coalitions evaluated for ranking. */
  readonly rows: number;
}

/** One result, ready to be drawn. */
export interface ReportRecord {
  /** What the reader knows the result by, such as the name of the model's file. */
  readonly name: string;
  /** What was done: prune, rank, ...; null where the document does not say. */
  readonly command: string | null;
  readonly figures: {
    readonly before: ModelFigures | null;
    readonly after: ModelFigures;
    /** What divergences are measured from. */
    readonly reference: "original" | "teacher";
  } | null;
  readonly accuracyChange: PairedAccuracy | null;
  /** Why a removal ended, and whether it met what was asked; null for other commands. */
  readonly removal: { readonly reached: boolean; readonly stoppedBy: string } | null;
  /** How far the sliced model is from the masked one. */
  readonly check: {
    readonly difference: number;
    readonly tolerance: number;
    readonly examples: number;
  } | null;
  readonly rounds: readonly RoundRecord[];
  readonly kept: readonly { readonly id: string; readonly channels: number; readonly kept: number }[];
  /** What grouped convolutions lost, where that was chosen by measuring. */
  readonly grouped: readonly GroupedLayer[];
  /** Time by layer before and after; null where that was not measured. */
  readonly layerTimes: LayerTimes | null;
  readonly scores: readonly ScoredGroup[];
  readonly scoring: ScoringConditions | null;
  readonly locked: readonly LockedGroup[];
  readonly training: TrainingCurves | null;
  /** Removals side by side, the first of which the rest of the record tells of; empty for a single one. */
  readonly contenders: readonly Contender[];
  /** Best sets of a group, and rankings judged by them. */
  readonly oracle: OracleRecord | null;
  /** Methods under one protocol. */
  readonly comparison: CompareRecord | null;
  /** How many examples served each end. */
  readonly examples: Readonly<Record<string, number>>;
  /** Coalitions evaluated; null where nothing was ranked. */
  readonly rows: number | null;
  /** What the result itself says about settings. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly run: RunRecord | null;
}
