/** @file What bodies of If, Loop and Scan take from outside. */
import type { Node } from "../graph/model.ts";
import { nodeLabel } from "../graph/model.ts";
import { capturedNames, subgraphsOf } from "../graph/traversal.ts";
import { type Draft, lockValue } from "./draft.ts";
import { lockMeasured } from "./measured-sizes.ts";

/** What the body of an If, Loop or Scan takes from outside stays as it is. */
export function lockCaptured(draft: Draft, node: Node): void {
  const label = nodeLabel(node);
  for (const body of subgraphsOf(node)) {
    for (const name of capturedNames(body)) {
      lockValue(draft, name, label, `the body of ${node.opType} reads it`);
      lockMeasured(draft, name, label, `the body of ${node.opType} computes with its size`);
    }
  }
}
