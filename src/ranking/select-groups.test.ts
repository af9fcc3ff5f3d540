import { describe, expect, test } from "vitest";
import { isProblem } from "../base/problem.ts";
import type { Node } from "../graph/model.ts";
import { groupsMatching, type NamedGroup, selectGroups } from "./select-groups.ts";

function group(id: string, node: string, values: readonly string[]): NamedGroup {
  const producer: Node = {
    name: node,
    opType: "Conv",
    domain: "",
    inputs: [],
    outputs: [],
    attributes: new Map(),
  };
  const members = values.map((value) => ({ value, axis: 1, channelAt: new Int32Array() }));
  return { id, producers: [producer], members };
}

const groups = [
  group("conv1", "/conv1/Conv", ["/relu/Relu_output_0"]),
  group("layer1.0.conv1", "/layer1/layer1.0/conv1/Conv", ["t7"]),
  group("layer1.0.conv2", "/layer1/layer1.0/conv2/Conv", ["t9"]),
  group("fc1", "/fc1/Gemm", ["t12"]),
  group("fc10", "/fc10/Gemm", ["t15"]),
];

const codeOf = (work: () => unknown): string | undefined => {
  try {
    work();
  } catch (error) {
    return isProblem(error) ? error.code : String(error);
  }
  return undefined;
};

describe("groupsMatching", () => {
  test.each([
    ["conv1", [0]], // the exact name, not all that contain it
    ["fc1", [3]],
    ["layer1", [1, 2]], // found anywhere
    ["layer1.*", [1, 2]],
    ["*conv1", [0, 1]],
    ["fc?", [3]],
    ["{fc1,conv1}", [0, 3]],
    ["/conv\\d$/", [0, 1, 2]],
    ["/^fc/", [3, 4]],
    ["/layer1/layer1.0/conv2/Conv", [2]], // a node
    ["/layer1/*", [1, 2]], // nodes, with a star that passes bars
    ["t9", [2]], // a value
    ["Gemm", [3, 4]],
  ])("%s", (pattern, expected) => {
    expect(groupsMatching(groups, pattern, "only")).toEqual(expected);
  });

  test("names the nearest groups when nothing matches", () => {
    const work = () => groupsMatching(groups, "layer1.0.conv3", "ignore");
    expect(work).toThrow(
      /--ignore: "layer1\.0\.conv3" matches no channel group; nearest names: layer1\.0\.conv1/,
    );
    expect(codeOf(work)).toBe("unknown-group");
  });

  test("a glob that matches no name of any kind means no group, however many values the groups have", () => {
    const several = [
      group("c1", "/c1/Conv", ["c1.weight", "c1.bias"]),
      group("c2", "/c2/Conv", ["c2.weight", "y"]),
    ];
    expect(codeOf(() => groupsMatching(several, "z*", "only"))).toBe("unknown-group");
    expect(groupsMatching(several, "*.bias", "only")).toEqual([0]);
  });

  test.each(["", "/[/", "/(/"])("refuses the faulty pattern %j", (pattern) => {
    expect(codeOf(() => groupsMatching(groups, pattern, "only"))).toBe("invalid-option");
  });
});

describe("selectGroups", () => {
  test("takes all by default, only some, all but some, and some but others", () => {
    expect(selectGroups(groups, {})).toEqual([0, 1, 2, 3, 4]);
    expect(selectGroups(groups, { only: ["fc10", "conv1"] })).toEqual([0, 4]);
    expect(selectGroups(groups, { ignore: ["fc*"] })).toEqual([0, 1, 2]);
    expect(selectGroups(groups, { only: ["layer1"], ignore: ["*conv2"] })).toEqual([1]);
  });

  test("refuses a selection that leaves nothing, and patterns that match nothing", () => {
    expect(codeOf(() => selectGroups(groups, { only: ["fc1"], ignore: ["fc1"] }))).toBe("nothing-selected");
    expect(codeOf(() => selectGroups(groups, { ignore: ["nosuch"] }))).toBe("unknown-group");
  });
});
