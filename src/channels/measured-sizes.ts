/** @file Sizes that are read at run time, and what is computed from them. */
import type { Node } from "../graph/model.ts";
import { nodeLabel } from "../graph/model.ts";
import { rangesOf, resolve } from "../ops/indexing/slice.ts";
import type { Fact } from "../ops/operator.ts";
import { fromFront, numbersOf } from "../ops/shapes.ts";
import { type Draft, lockValue } from "./draft.ts";

/**
 * A size read at run time would shrink with the channels, while everything computed from it has to stay. That holds
 * where its value is known (it is then written down) or where the slicing rule writes it anew; symbols such as the
 * batch do not change. Any other use of a size locks what was measured.
 */
export function followSizes(
  draft: Draft,
  node: Node,
  rewritten: ReadonlyMap<number, "all" | "numbers">,
): void {
  const { facts, measured } = draft;
  if (pickSizes(draft, node)) return;
  const stillSizes = node.outputs.every((name) => name === "" || isKnown(facts.get(name)));
  node.inputs.forEach((name, input) => {
    const behind = measured.get(name);
    const fact = facts.get(name);
    if (behind === undefined || fact?.constant !== undefined) return;
    if (isReckoned(draft, node, name)) for (const output of node.outputs) draft.reckoned.add(output);
    if (isSymbolic(fact) && !draft.reckoned.has(name)) return;
    const anew = rewritten.get(input);
    if (isKnown(fact) && (anew === "all" || (anew === "numbers" && !draft.reckoned.has(name)))) return;
    if (!stillSizes) lockMeasured(draft, name, nodeLabel(node), `${node.opType} computes with its size`);
    for (const output of stillSizes ? node.outputs : [])
      measured.set(output, [...new Set([...(measured.get(output) ?? []), ...behind])]);
  });
}

/** Follows single sizes through nodes that only pick them, so that what is done with one holds no other axis. */
function pickSizes({ facts, measured, reckoned }: Draft, node: Node): boolean {
  const [name, output] = [node.inputs[0] ?? "", node.outputs[0]!];
  const [own, ...others] = measured.get(name) ?? [];
  if (own?.axes === undefined || others.length > 0) return false;
  const positions = pickedPositions(node, own.axes.length, (input) => facts.get(node.inputs[input] ?? ""));
  if (positions === undefined) return false;
  measured.set(output, [{ value: own.value, axes: positions.map((k) => own.axes![k]!) }]);
  if (reckoned.has(name)) reckoned.add(output);
  return true;
}

/** Positions of a list of `length` sizes that a node hands on; undefined when it does anything else. */
function pickedPositions(
  node: Node,
  length: number,
  factOf: (input: number) => Fact | undefined,
): readonly number[] | undefined {
  if (node.domain !== "") return undefined;
  const all = Array.from({ length }, (_, k) => k);
  if (["Cast", "Identity", "Squeeze", "Unsqueeze"].includes(node.opType)) return all;
  if (node.opType === "Gather") return numbersOf(factOf(1))?.map((k) => fromFront(k, length));
  const ranges =
    node.opType === "Slice" ? rangesOf({ node, inputs: node.inputs.map((_, k) => factOf(k)) }, 1) : [];
  if (ranges?.length !== 1) return undefined;
  const { first, count } = resolve(ranges[0]!, length);
  return Array.from({ length: count }, (_, k) => first + k * ranges[0]!.step);
}

/**
 * Whether a node makes new sizes of this one: N out of 4*N is right only for as long as there are four. What picks and
 * joins sizes hands on what it was given.
 */
function isReckoned({ facts, reckoned }: Draft, node: Node, name: string): boolean {
  if (reckoned.has(name)) return true;
  if (isSymbolic(facts.get(name))) return false;
  const known = new Set(node.inputs.flatMap((input) => facts.get(input)?.elements ?? []));
  return node.outputs.some((output) => facts.get(output)?.elements?.some((size) => !known.has(size)));
}

function isKnown(fact: Fact | undefined): boolean {
  return fact?.elements?.every((element) => element !== undefined) ?? false;
}

/** Whether all elements are names or products of names, in which no number can hide. */
function isSymbolic(fact: Fact | undefined): boolean {
  return (
    fact?.elements?.every((element) => typeof element === "string" && /^[\p{L}_][^()[\]]*$/u.test(element)) ??
    false
  );
}

/** Keeps every channel of the values whose sizes a value tells. */
export function lockMeasured(draft: Draft, name: string, node: string, reason: string): void {
  for (const { value, axes } of draft.measured.get(name) ?? []) lockValue(draft, value, node, reason, axes);
}
