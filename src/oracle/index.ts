/** @file Every coalition of a group: tables and their store, oracle sets, searches beyond, and the judging of rankings. */
export { type BeamOptions, beamCost, beamSearch, defaultWidth } from "./beam.ts";
export { type BranchOptions, type BranchResult, branchAndBound } from "./branch-and-bound.ts";
export { bitCount, type CoalitionTable, largestTable, membersOf, tableGame } from "./coalition-table.ts";
export { estimateFrom, type TableEstimate } from "./estimates.ts";
export { type ChunkStore, chunkSize, fillTable, livePlayers, type TableOptions } from "./fill-table.ts";
export {
  bestFirst,
  defaultDepth,
  depthFor,
  type Judgement,
  judge,
  randomScore,
  shareAmongFirst,
} from "./judge.ts";
export { type OracleOrder, oracleOrder, overlapOf } from "./oracle-order.ts";
export { type Nesting, nestingOf, type OracleSets, oracleSets } from "./oracle-sets.ts";
export type { FoundSet, Guarantee, SearchResult } from "./search.ts";
export { type CoalitionStore, openStore, type TableIdentity } from "./store.ts";
