/** @file Makes channels one, and keeps which node did so. */
import type { Node } from "../graph/model.ts";
import type { Labels } from "../ops/operator.ts";
import type { Labelling, TieKind } from "./labelling.ts";

/** Position k of `left` and of `right` is one channel from now on. Noted once, and only when anything changed. */
export function tie(
  { classes, ties }: Pick<Labelling, "classes" | "ties">,
  node: Node,
  kind: TieKind,
  left: Labels,
  right: Labels,
): void {
  let changed = false;
  for (let k = 0; k < left.length; k++) changed = classes.union(left[k]!, right[k]!) || changed;
  if (changed) ties.push({ node, kind, left, right });
}
