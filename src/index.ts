/** @file The library: everything the command line does, and the parts it is made of. */
export { isProblem, type ProblemCode, PrunerError } from "./base/problem.ts";
export type { Budget as PruneBudget, Scope } from "./budget/budget.ts";
export { type Choice, chooseChannels } from "./budget/choose.ts";
export type { Steps, Target } from "./budget/target.ts";
export { type Cost, type CostModel, costModelOf, fullCost } from "./channels/cost.ts";
export type { AttentionCut, CutOptions, GroupedCut, GroupedCuts } from "./channels/grouped-cuts.ts";
export { analyzeChannels, type ChannelAnalysis, type ChannelGroup } from "./channels/groups.ts";
export { costOfMasks, type KeepMasks, masksOfPlan, type PrunePlan, planOfMasks } from "./channels/plan.ts";
export { type Criterion, criteria, gateGradients, scoreGroups, weightScores } from "./criteria/index.ts";
export { type Dataset, datasetFromArrays, fitToInputs, openDataset, split, take } from "./datasets/index.ts";
export type { Engine, Session, SessionOptions } from "./engine/engine.ts";
export {
  type Budget,
  type Estimate,
  type Estimator,
  type EstimatorOptions,
  estimators,
  type Weighting,
} from "./estimators/index.ts";
export type { LayerTime, LayerTimes } from "./evaluation/layer-times.ts";
export type { Game, Walks } from "./games/game.ts";
export { type WholeGame, wholeGame } from "./games/whole-game.ts";
export { type DifferentiateOptions, differentiate, type Gradients } from "./gradients/differentiate.ts";
export type { Graph, Model, Node } from "./graph/model.ts";
export { l2Penalty, type Penalty } from "./losses/penalties.ts";
export { type PayoffKind, payoff } from "./metrics/index.ts";
export { buildNetwork, type Network, networks } from "./networks/index.ts";
export { readModel, readModelFile } from "./onnx/read.ts";
export { encodeModel, writeModelFile } from "./onnx/write.ts";
export {
  beamSearch,
  branchAndBound,
  type CoalitionStore,
  type CoalitionTable,
  fillTable,
  type Judgement,
  judge,
  nestingOf,
  type OracleSets,
  openStore,
  oracleOrder,
  oracleSets,
  randomScore,
  tableGame,
} from "./oracle/index.ts";
export { insertMasks, maskInputName } from "./passes/insert-masks.ts";
export { liftConstants } from "./passes/lift-constants.ts";
export { raiseOpset } from "./passes/raise-opset.ts";
export { toFloat32, writeBack } from "./passes/to-float32.ts";
export { compare } from "./pipeline/compare.ts";
export type { CompareOptions } from "./pipeline/compare-options.ts";
export { type EvaluateOptions, type Evaluation, evaluate } from "./pipeline/evaluate.ts";
export { type FinetuneOptions, finetune } from "./pipeline/finetune.ts";
export { inspectModel } from "./pipeline/inspect.ts";
export { type LoadedModel, loadModel } from "./pipeline/load-model.ts";
export { oracle } from "./pipeline/oracle.ts";
export type { OracleOptions } from "./pipeline/oracle-options.ts";
export { prune } from "./pipeline/prune.ts";
export type { PruneOptions } from "./pipeline/prune-options.ts";
export type { PruneResult } from "./pipeline/prune-result.ts";
export { type RankOptions, rank } from "./pipeline/rank.ts";
export type { RankSettings } from "./pipeline/rank-context.ts";
export { rankGroups } from "./pipeline/rank-groups.ts";
export { type NamedResult, reportHtml, writeReport } from "./pipeline/report.ts";
export { readScores, type Scores } from "./pipeline/scores-file.ts";
export { type TrainNetworkOptions, trainNetwork } from "./pipeline/train-network.ts";
export type { TrainingOptions } from "./pipeline/training-options.ts";
export type { TrainingRecord } from "./pipeline/training-record.ts";
export { type LayerRepair, type RepairOptions, type RepairResult, repair } from "./repair/index.ts";
export type { CompareRecord } from "./report/compare-records.ts";
export type { OracleRecord } from "./report/oracle-records.ts";
export type { GroupedLayer, GroupScores, Inspection, ModelFigures, RoundRecord } from "./report/records.ts";
export { sliceModel } from "./surgery/slice.ts";
export { float32, int64, type Tensor, tensor } from "./tensor/tensor.ts";
export { type FitOptions, type FitResult, fitNetwork } from "./training/fit.ts";
export type { Projection } from "./training/hooks.ts";
export type { TrainSettings } from "./training/settings.ts";
export type { EpochRecord, History, TrainEvent } from "./training/train.ts";
export type { ActivationType } from "./valuation/halves.ts";
export { type NetworkGameOptions, networkGame } from "./valuation/network-game.ts";
export { type Runner, startRunner } from "./valuation/runner.ts";
export { preparePayoff } from "./valuation/targets.ts";
export { type WholeNetworkGame, wholeNetworkGame } from "./valuation/whole-network-game.ts";
