/** @file Col2Im: patches of each channel laid back on a map, summed where they overlap. */
import type { Dim } from "../../graph/model.ts";
import type { Couplings, Fact, InferCall, Operator } from "../operator.ts";
import { blockFor, likeFirst, numbersOf, shapeOf } from "../shapes.ts";

/** Positions a channel takes on axis 1 of [N, channels*positions, patches]. */
function positionsOf(call: Pick<InferCall, "inputs">): number | undefined {
  return numbersOf(call.inputs[2])?.reduce((product, size) => product * size, 1);
}

function infer(call: InferCall): readonly Fact[] {
  const [x, each] = [shapeOf(call, 0), positionsOf(call)];
  const [image, size] = [call.inputs[1]?.elements ?? numbersOf(call.inputs[1]), x?.[1]];
  if (x === undefined || image === undefined) return [likeFirst(call, undefined)];
  const channels: Dim = typeof size === "number" && each !== undefined ? size / each : undefined;
  return [likeFirst(call, [x[0], channels, ...image])];
}

function couple(c: Couplings): void {
  const [x, each] = [c.inputs[0]?.shape, positionsOf(c)];
  if (x?.length !== 3 || each === undefined) {
    c.lockInput(0, "its patches are not known");
    return;
  }
  c.lock(c.labelsOf(0, 2), "Col2Im lays it out in space");
  const all = c.labelsOf(0, 1);
  const channels = all?.filter((_, k) => k % each === 0);
  c.unify(all, channels && all!.map((_, k) => channels[Math.floor(k / each)]!));
  c.setOutput(0, [...blockFor(0, c.labelsOf(0, 0)), ...blockFor(1, channels)]);
}

export const col2Im: Operator = { infer, couple };
