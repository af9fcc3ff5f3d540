/** @file What training leaves alone: weights told by patterns, and operators that no gradient flows through. */
import { nearestNames } from "../base/nearest-names.ts";
import { PrunerError } from "../base/problem.ts";
import type { Model } from "../graph/model.ts";
import { liftConstants } from "../passes/lift-constants.ts";
import { matcherOf } from "../ranking/select-groups.ts";
import { trainableParameters } from "../training/parameters.ts";
import type { LessonChoices } from "./training-options.ts";

/**
 * Looks at what is to stay as it is before any work is done.
 * @throws {PrunerError} `unknown-weight` and `invalid-option` for a pattern or an operator that the model does not have.
 */
export function checkLeftAlone(model: Model, { freeze = [], constantOperators = [] }: LessonChoices): void {
  frozenBy(model, freeze);
  const operators = [...new Set(model.graph.nodes.map(({ opType }) => opType))].sort();
  const unknown = constantOperators.find((operator) => !operators.includes(operator));
  if (unknown === undefined) return;
  const [nearest] = nearestNames(unknown, operators);
  throw new PrunerError("invalid-option", {
    option: "treat-as-constant",
    got: unknown,
    expected: `an operator of the model, such as ${nearest ?? operators.join(", ")}`,
  });
}

/**
 * Says for the name of a weight whether it stays as it is. A pattern means weights by their names, or else all weights
 * that nodes of that name read.
 * @throws {PrunerError} `unknown-weight` for a pattern that means none, `invalid-option` for a faulty one.
 * @example frozenBy(model, ["conv1", "*.bias"])("conv1.weight"); // true
 */
export function frozenBy(model: Model, patterns: readonly string[]): (name: string) => boolean {
  const { graph } = liftConstants(model);
  const weights = trainableParameters(graph);
  const frozen = new Set<string>();
  for (const pattern of patterns) {
    const nodes = graph.nodes.filter(({ name }) => name !== "");
    const isWeight = matcherOf(pattern, weights, "freeze");
    const isNode = matcherOf(
      pattern,
      nodes.map(({ name }) => name),
      "freeze",
    );
    const byName = weights.filter((name) => isWeight(name));
    const readBy = (name: string): boolean =>
      nodes.some((node) => isNode(node.name) && node.inputs.includes(name));
    const meant = byName.length > 0 ? byName : weights.filter(readBy);
    if (meant.length === 0)
      throw new PrunerError("unknown-weight", { pattern, nearest: nearestNames(pattern, weights) });
    for (const name of meant) frozen.add(name);
  }
  return (name) => frozen.has(name);
}
